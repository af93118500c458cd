package auditrules

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Payload is what the journal keeps of the step "audit". No rule may be in
// Before or After that others state too (see Owned): the step takes what is in
// either for bulwark's. Nor may one be there twice: the kernel keeps one.
type Payload struct {
	// Before are bulwark's rules in the kernel, After those that shall be
	// there, both in the order that they have or shall have among themselves.
	Before []resource.AuditRule `json:"before,omitempty"`
	After  []resource.AuditRule `json:"after,omitempty"`
	// Enable says that nothing is recorded (enabled 0) and shall be (1).
	Enable bool `json:"enable,omitempty"`
}

// Has reports whether one of rules is this very rule.
func Has(rules []resource.AuditRule, rule resource.AuditRule) bool {
	return slices.ContainsFunc(rules, func(r resource.AuditRule) bool { return bytes.Equal(r.Wire, rule.Wire) })
}

// Same reports whether both are the same rules in the same order.
func Same(a, b []resource.AuditRule) bool {
	return slices.EqualFunc(a, b, func(x, y resource.AuditRule) bool { return bytes.Equal(x.Wire, y.Wire) })
}

// Sorted brings rules into the order in which the kernel lists them: it has a
// list for each of user, task, exit, exclude and so on (linux/audit.h), and
// shows one after the other.
func Sorted(rules []resource.AuditRule) []resource.AuditRule {
	list := func(r resource.AuditRule) uint32 { return decodeOrAll(r.Wire).list & listMask }
	return slices.SortedStableFunc(slices.Values(rules), func(a, b resource.AuditRule) int {
		return cmp.Compare(list(a), list(b))
	})
}

// Owned are those of the kernel's rules that are bulwark's: whose keys all
// begin with KeyPrefix, or that bulwark's former file states; but none that a
// file of others (foreign) states as well.
func Owned(kernel []resource.AuditRule, former, foreign []Rule) []resource.AuditRule {
	var own []resource.AuditRule
	for _, r := range kernel {
		if (ownKeys(Keys(r.Wire)) || states(former, r)) && !states(foreign, r) {
			own = append(own, r)
		}
	}
	return own
}

func ownKeys(keys []string) bool {
	foreign := func(k string) bool { return !strings.HasPrefix(k, KeyPrefix) }
	return len(keys) > 0 && !slices.ContainsFunc(keys, foreign)
}

func states(rules []Rule, r resource.AuditRule) bool {
	return slices.ContainsFunc(rules, func(s Rule) bool { return bytes.Equal(s.Wire, r.Wire) })
}

// Swap is the least change that leaves wanted in the kernel, in the order of
// wanted: rules can only be added at the end. current are bulwark's rules that
// are there. First del is deleted, then add is added, in order.
func Swap(current, wanted []resource.AuditRule) (del, add []resource.AuditRule) {
	kept := 0
	for _, r := range current {
		if kept < len(wanted) && bytes.Equal(r.Wire, wanted[kept].Wire) {
			kept++
		} else {
			del = append(del, r)
		}
	}
	return del, slices.Clone(wanted[kept:])
}
