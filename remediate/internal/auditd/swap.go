package auditd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// swap makes of the rules that are in own exactly wanted, and reads back that it
// is so and that nothing of others' has changed. moved says that a rule which
// stood before one of others now stands behind it.
func swap(ctx context.Context, kernel, own, wanted []resource.AuditRule) (moved bool, err error) {
	del, add := auditrules.Swap(only(kernel, own), wanted)
	for _, r := range del {
		if err := host.DeleteAuditRule(ctx, r); err != nil {
			return false, err
		}
	}
	for _, r := range add {
		if err := host.AddAuditRule(ctx, r); err != nil {
			return false, err
		}
	}
	after, err := host.ReadAudit(ctx)
	if err != nil {
		return false, err
	}
	return movedBehind(kernel, own, add), verify(kernel, after.Rules, own, wanted)
}

// only are those of rules that are in some, in the order of rules; without are
// the others.
func only(rules, some []resource.AuditRule) []resource.AuditRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r resource.AuditRule) bool { return !auditrules.Has(some, r) })
}

func without(rules, some []resource.AuditRule) []resource.AuditRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r resource.AuditRule) bool { return auditrules.Has(some, r) })
}

// verify reads the kernel's own list, for its yes proves nothing. What others
// add or delete at the same time is theirs, as long as it is not taken for what
// this step lost.
func verify(before, after, own, wanted []resource.AuditRule) error {
	if got := only(after, own); !auditrules.Same(got, wanted) {
		return fmt.Errorf("cannot load audit rules: the kernel took %d, and lists %d of them or in another order", len(wanted), len(got))
	}
	left, now := without(before, own), without(after, own)
	if len(now) < len(left) || !auditrules.Same(now[:len(left)], left) {
		return errors.New("cannot load audit rules: meanwhile others changed theirs, which must not be mistaken for bulwark's doing")
	}
	return nil
}

// movedBehind: what is added stands at the end, so it moved if it was in the
// kernel before and a rule of others behind it.
func movedBehind(kernel, own, added []resource.AuditRule) bool {
	behind := false // a rule of others, seen from the end
	for _, r := range slices.Backward(kernel) {
		switch {
		case !auditrules.Has(own, r):
			behind = true
		case behind && auditrules.Has(added, r):
			return true
		}
	}
	return false
}
