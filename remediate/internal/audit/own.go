package audit

import (
	"errors"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Own returns those of the kernel's rules that are bulwark's, and the kernel's
// state; an error says why that is not known.
func Own(s *resource.Snapshot) ([]resource.AuditRule, resource.AuditKernel, error) {
	a, ok := s.Audit.Get()
	if !ok {
		return nil, resource.AuditKernel{}, errors.New(s.Audit.Unknown)
	}
	k, ok := a.Kernel.Get()
	if !ok {
		return nil, resource.AuditKernel{}, errors.New("cannot read the kernel's audit rules: " + a.Kernel.Unknown)
	}
	at := at(a, nil)
	return auditrules.Owned(k.Rules, fileRules(at, a.Own), fileRules(at, foreign(a.Files)...)), k, nil
}

func fileRules(at auditrules.At, files ...resource.File) []auditrules.Rule {
	var all []auditrules.Rule
	for _, f := range files {
		all = append(all, auditrules.Rules(auditrules.ParseFile(f, at))...)
	}
	return all
}

// Check reads the content of bulwark's rules file and returns the first fault
// that auditctl would find in it. Paths that are not known pass.
func Check(content []byte, s *resource.Snapshot) error {
	f := resource.File{Path: auditrules.OwnFile, Content: content}
	a := s.Audit.Value
	known := at(a, nil)
	lenient := func(p string) (resource.AuditPath, bool) {
		found, ok := known(p)
		return found, ok && found.Real != ""
	}
	for _, l := range auditrules.ParseFile(f, lenient) {
		var unsupported *auditrules.UnsupportedError
		if l.Err != nil && !errors.As(l.Err, &unsupported) {
			return l.Err
		}
	}
	return nil
}
