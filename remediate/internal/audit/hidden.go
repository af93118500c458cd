package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// hidden warns of rules of others that stand before ours, now or after a boot,
// and take events from them: the kernel goes by the first rule that matches.
func (p *plan) hidden() {
	never, everywhere := map[string]bool{}, map[string]bool{}
	for _, l := range p.lines {
		never[string(l.rule.Wire)], everywhere[string(l.rule.Wire)] = l.rule.Action == "never", l.rule.Path == ""
	}
	now := p.afterwards()
	found := auditrules.Hidden(now, p.wanted)
	if boot := auditrules.Sorted(p.boot.rules); !auditrules.Same(now, boot) {
		found = append(found, auditrules.Hidden(boot, p.wanted)...)
	}
	p.tellHidden(slices.DeleteFunc(found, func(h auditrules.Hiding) bool {
		// What of ours keeps events out loses nothing by another that does. A
		// watch and a rule for all paths meet in a mount on what is watched, which
		// is recorded by the one or the other.
		return never[string(h.Own.Wire)] || !h.Never && everywhere[string(h.Own.Wire)] && strings.HasPrefix(h.By.Text, "-w ")
	}))
}

// afterwards are the rules of the kernel as the operation leaves them.
func (p *plan) afterwards() []resource.AuditRule {
	if p.locked() {
		return p.kernel.Rules
	}
	del, add := auditrules.Swap(p.own, p.wanted)
	left := slices.DeleteFunc(slices.Clone(p.kernel.Rules), func(r resource.AuditRule) bool { return auditrules.Has(del, r) })
	return append(left, add...)
}

// shown is how many rules of others are told by themselves.
const shown = 5

// tellHidden says it once for each rule of others, whether it hides one rule
// of ours or forty, and of a great many only how many they are.
func (p *plan) tellHidden(found []auditrules.Hiding) {
	for _, never := range []bool{true, false} {
		hides := map[string]map[string]bool{}
		var order []string
		for _, h := range found {
			if h.Never != never {
				continue
			}
			if hides[h.By.Text] == nil {
				hides[h.By.Text] = map[string]bool{}
				order = append(order, h.By.Text)
			}
			hides[h.By.Text][h.Own.Text] = true
		}
		for _, by := range order[:min(shown, len(order))] {
			p.tell(never, fmt.Sprintf("the rule %q, which is not bulwark's, stands before and takes events from %s of bulwark", strings.TrimSpace(by), rules(len(hides[by]))))
		}
		if n := len(order) - shown; n > 0 {
			p.tell(never, fmt.Sprintf("%s more, which are not bulwark's, stand before and take events from rules of bulwark", rules(n)))
		}
	}
}

func (p *plan) tell(never bool, text string) {
	if never {
		p.warn("%s", text)
		return
	}
	p.note("%s: they are recorded under their key", text)
}

func rules(n int) string {
	if n == 1 {
		return "1 rule"
	}
	return fmt.Sprintf("%d rules", n)
}
