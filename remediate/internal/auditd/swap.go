package auditd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A swap makes of the rules that are in own exactly wanted.
type swap struct {
	kernel []resource.AuditRule // all rules, as they were read
	own    []resource.AuditRule // those that may be deleted
	wanted []resource.AuditRule
	// forgiving: a rule that cannot be added since a path is gone is put to gone.
	forgiving bool
	gone      []resource.AuditRule
	added     []resource.AuditRule
}

// run changes the kernel's rules one by one, and reads back that bulwark's are
// as wanted and that nothing of others' has changed.
func (s *swap) run(ctx context.Context) error {
	s.wanted = auditrules.Sorted(s.wanted)
	del, add := auditrules.Swap(only(s.kernel, s.own), s.wanted)
	for _, r := range del {
		// ENOENT: it went by itself, or the rule names a program whose directory
		// is gone and cannot be deleted any more. The list tells.
		if err := host.DeleteAuditRule(ctx, r); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, r := range add {
		if err := s.add(ctx, r); err != nil {
			return err
		}
	}
	after, err := host.ReadAudit(ctx)
	if err != nil {
		return err
	}
	return s.verify(after.Rules)
}

func (s *swap) add(ctx context.Context, r resource.AuditRule) error {
	err := host.AddAuditRule(ctx, r)
	if s.forgiving && errors.Is(err, fs.ErrNotExist) {
		s.gone = append(s.gone, r)
		return nil
	}
	s.added = append(s.added, r)
	return err
}

// verify looks at the kernel's own list, for its yes proves nothing. What others
// add at the same time is theirs; what they delete must not be mistaken for what
// this step lost.
func (s *swap) verify(after []resource.AuditRule) error {
	wanted := without(s.wanted, s.gone)
	if got := only(after, s.own); !auditrules.Same(got, wanted) {
		return fmt.Errorf("cannot load audit rules: of %d the kernel lists %d, or in another order", len(wanted), len(got))
	}
	before, now := without(s.kernel, s.own), without(after, s.own)
	for _, r := range now {
		if len(before) > 0 && auditrules.Same(before[:1], []resource.AuditRule{r}) {
			before = before[1:]
		}
	}
	if len(before) > 0 {
		return fmt.Errorf("cannot load audit rules: the rule of others %s is gone or elsewhere since", before[0].Text)
	}
	return nil
}

// moved reports whether a rule which stood before one of others in the kernel
// now stands behind it.
func (s *swap) moved() bool {
	behind := false // a rule of others, seen from the end
	for _, r := range slices.Backward(s.kernel) {
		switch {
		case !auditrules.Has(s.own, r):
			behind = true
		case behind && auditrules.Has(s.added, r):
			return true
		}
	}
	return false
}

// only are those of rules that are in some, in the order of rules; without are
// the others.
func only(rules, some []resource.AuditRule) []resource.AuditRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r resource.AuditRule) bool { return !auditrules.Has(some, r) })
}

func without(rules, some []resource.AuditRule) []resource.AuditRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r resource.AuditRule) bool { return auditrules.Has(some, r) })
}
