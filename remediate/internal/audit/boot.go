package audit

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A boot is what auditctl -R makes of the files of rules.d at the next boot.
type boot struct {
	rules []resource.AuditRule // all that are stated, in order
	// stop says where the load ends early and why, "" if it does not; before
	// says that bulwark's rules are among those that are then not loaded.
	stop   string
	before bool
	// tolerant: -i or -c lets it go on.
	tolerant bool
	// reset says that the old rules go first (-D).
	reset bool
	// enable is the last -e, "" if there is none, and where it stands.
	enable, enableAt string
	seen             map[string]string // wire -> file and line
}

// simulate reads the files in augenrules' order.
func simulate(files []resource.File, at auditrules.At) *boot {
	b := &boot{seen: map[string]string{}}
	passed := false
	for _, f := range ordered(files) {
		passed = passed || f.Path == auditrules.OwnFile
		for _, l := range auditrules.ParseFile(f, at) {
			fault := b.take(f.Path, l)
			if fault != "" && !b.tolerant && b.stop == "" {
				b.stop, b.before = fault, !passed
			}
		}
	}
	return b
}

// ordered are the files that augenrules reads, in its order.
func ordered(files []resource.File) []resource.File {
	byName := map[string]resource.File{}
	var names []string
	for _, f := range files {
		if f.Print.Exists() {
			byName[path.Base(f.Path)] = f
			names = append(names, path.Base(f.Path))
		}
	}
	var out []resource.File
	for _, n := range auditrules.Order(names) {
		out = append(out, byName[n])
	}
	return out
}

// take reads one line and says what would end the load at it.
func (b *boot) take(file string, l auditrules.Line) string {
	where := fmt.Sprintf("%s line %d", file, l.Number)
	switch {
	case l.Kind == auditrules.Control:
		b.control(where, l)
	case l.Kind == auditrules.BadLine:
		return l.Err.Error()
	case l.Kind != auditrules.RuleLine:
	case l.Err != nil:
		var unsupported *auditrules.UnsupportedError
		if !errors.As(l.Err, &unsupported) {
			return l.Err.Error()
		}
	default:
		return b.rule(where, l.Rule)
	}
	return ""
}

func (b *boot) rule(where string, r auditrules.Rule) string {
	if first := b.seen[string(r.Wire)]; first != "" {
		return fmt.Sprintf("%s: the rule is there already, from %s", where, first)
	}
	b.seen[string(r.Wire)] = where
	b.rules = append(b.rules, r.Kernel())
	return ""
}

func (b *boot) control(where string, l auditrules.Line) {
	switch l.Flag {
	case "-D":
		b.reset = true
	case "-e":
		b.enable, b.enableAt = l.Value, where
	case "-i", "-c":
		b.tolerant = true
	}
}

// foreign are the files of others in rules.d, in order.
func foreign(files []resource.File) []resource.File {
	return slices.DeleteFunc(ordered(files), func(f resource.File) bool { return f.Path == auditrules.OwnFile })
}

// replaced are the files with bulwark's own as it shall be.
func replaced(files []resource.File, own []byte) []resource.File {
	out := foreign(files)
	if own == nil {
		return out
	}
	return append(out, resource.File{Path: auditrules.OwnFile, Print: resource.Fingerprint{Type: resource.Regular}, Content: own})
}

// warnings tell what in the files of others is in the way of ours, or of their
// own: file and line, for nobody else says so.
func (p *plan) bootWarnings() {
	b := p.boot
	if b.stop != "" {
		p.warn("%s: the load at boot ends there, and %s", b.stop, afterStop(b))
	}
	if !b.reset && !p.missing() { // the package brings a file that has it
		p.warn("no file in %s has -D: the second augenrules --load of a boot ends at the first rule, which is there already", auditrules.RulesDir)
	}
	switch {
	case b.enable == "0":
		p.warn("%s: -e 0: nothing is recorded after a boot", b.enableAt)
	case p.want.Immutable && b.enable != "2":
		p.warn("%s: -e %s: it comes after bulwark's -e 2 and wins, so that the rules are not locked", b.enableAt, b.enable)
	case !p.want.Immutable && b.enable == "2":
		p.note("%s: -e 2: a boot locks the rules, and each later change of them waits for another boot", b.enableAt)
	}
	for _, f := range p.others {
		if auditrules.Unterminated(f) {
			p.warn("%s lacks the newline at its end: augenrules joins its last line with the first of the next file", f.Path)
		}
	}
}

func afterStop(b *boot) string {
	if b.before {
		return "no rule of bulwark is loaded"
	}
	return "what follows it is not loaded, a lock (-e 2) included"
}
