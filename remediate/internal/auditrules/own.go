package auditrules

import "github.com/bulwark-project/bulwark/remediate/resource"

// A Payload is what the journal keeps of the step "audit". No rule may be in
// Before or After that others state too (see Owned): the step takes what is in
// either for bulwark's.
type Payload struct {
	// Before are bulwark's rules in the kernel, After those that shall be
	// there, both in the order that they have or shall have among themselves.
	Before []resource.AuditRule `json:"before,omitempty"`
	After  []resource.AuditRule `json:"after,omitempty"`
	// Enable says that nothing is recorded (enabled 0) and shall be (1).
	Enable bool `json:"enable,omitempty"`
}

// Owned are those of the kernel's rules that are bulwark's: whose keys all
// begin with KeyPrefix, or that bulwark's former file states; but none that a
// file of others (foreign) states as well.
func Owned(kernel []resource.AuditRule, former, foreign []Rule) []resource.AuditRule {
	panic("not written yet")
}

// Swap is the least change that leaves wanted in the kernel, in the order of
// wanted: rules can only be added at the end. current are bulwark's rules that
// are there. First del is deleted, then add is added, in order.
func Swap(current, wanted []resource.AuditRule) (del, add []resource.AuditRule) {
	panic("not written yet")
}

// A Hiding is a rule that may take events away from one of bulwark's: the
// kernel goes by the first rule that matches.
type Hiding struct {
	Own resource.AuditRule
	By  resource.AuditRule
	// Never says that such events are not recorded at all; else they are, under
	// the keys of By.
	Never bool
}

// Hidden are the rules of others that stand before one of own in order and may
// take events away from it. order are all rules, in the order that the kernel
// has or will have them, own included; to be silent about a pair, it must be
// certain that no event matches both.
func Hidden(order, own []resource.AuditRule) []Hiding { panic("not written yet") }
