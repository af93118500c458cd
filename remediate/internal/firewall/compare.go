package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Validate loads rules in a network namespace made for it and reads them back:
// a rule set that the kernel would refuse, or print otherwise than wanted, is
// an error here, before the host is touched. The programs' own --test accepts
// rules that the kernel then refuses (iptables-nft 1.8.9: an unknown target).
func Validate(ctx context.Context, rules []resource.Ruleset) error {
	err := host.Scratch(func() error {
		if err := loadUnlocked(ctx, rules, nil); err != nil {
			return err
		}
		return compare(ctx, rules)
	})
	if err != nil {
		return fmt.Errorf("the rules cannot be used on this host: %w", err)
	}
	return nil
}

// loadAndCompare loads rules and proves that the kernel has them.
func loadAndCompare(ctx context.Context, rules []resource.Ruleset, lock *os.File) error {
	if err := Load(ctx, rules, lock); err != nil {
		return err
	}
	return compare(ctx, rules)
}

func compare(ctx context.Context, rules []resource.Ruleset) error {
	found, err := host.ReadRules(ctx)
	if err != nil {
		return err
	}
	if own := found.Own(); !ruleset.Same(rules, own) {
		return errors.New("the kernel does not have the rules that were loaded: " + difference(rules, own))
	}
	return nil
}

// shown is how many lines of a difference are shown.
const shown = 6

// difference names the lines that only one of the two has.
func difference(want, have []resource.Ruleset) string {
	a, b := lines(want), lines(have)
	var said []string
	for _, line := range without(a, b) {
		said = append(said, "missing: "+line)
	}
	for _, line := range without(b, a) {
		said = append(said, "not wanted: "+line)
	}
	if said == nil {
		return "their order differs"
	}
	if n := len(said) - shown; n > 0 {
		said = append(said[:shown], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(said, "; ")
}

func lines(rules []resource.Ruleset) []string {
	return strings.Split(strings.TrimSpace(ruleset.Text(rules)), "\n")
}

// without returns what of a is not in b.
func without[T comparable](a, b []T) []T {
	return slices.DeleteFunc(slices.Clone(a), func(x T) bool { return slices.Contains(b, x) })
}

// loadable is what can be loaded of rules that were found in a kernel, where
// somebody may have changed them: one jump each, at the top; and sets of
// networks only.
func loadable(found []resource.Ruleset) []resource.Ruleset {
	out := slices.Clone(found)
	for i := range out {
		out[i].Tables = slices.Clone(out[i].Tables)
		for j := range out[i].Tables {
			t := &out[i].Tables[j]
			t.Jumps, t.Sets = onTop(t.Jumps), slices.Clone(t.Sets)
			for k := range t.Sets {
				t.Sets[k].Members = slices.DeleteFunc(slices.Clone(t.Sets[k].Members), noNetwork)
			}
		}
	}
	return out
}

func onTop(jumps []resource.Jump) []resource.Jump {
	var out []resource.Jump
	for _, j := range jumps {
		j.At = 1
		if !slices.Contains(out, j) {
			out = append(out, j)
		}
	}
	return out
}

func noNetwork(member string) bool {
	p, err := netip.ParsePrefix(member)
	return err != nil || p.Bits() == 0
}
