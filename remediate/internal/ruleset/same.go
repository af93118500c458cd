package ruleset

import (
	"cmp"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Same reports whether the kernel's rules are the wanted ones, sets included.
// The order of rules counts, that of tables, chains and sets does not. A jump
// must be there once, as rule 1, wherever want has it from: what is wanted may
// be what was found before a change. Nothing of bulwark's may be there beside.
func Same(want, own []resource.Ruleset) bool {
	w, o := tablesOf(want), tablesOf(own)
	if len(w) != len(o) {
		return false
	}
	for key, t := range w {
		found, is := o[key]
		if !is || !sameTable(t, found) {
			return false
		}
	}
	return true
}

// A place is where a RuleTable is.
type place struct{ backend, variant, family string }

// tablesOf are the tables that hold anything.
func tablesOf(rules []resource.Ruleset) map[place]resource.RuleTable {
	tables := map[place]resource.RuleTable{}
	for _, r := range rules {
		for _, t := range r.Tables {
			key := place{r.Backend, r.Variant, t.Family}
			all := tables[key]
			all.Jumps = slices.Concat(all.Jumps, t.Jumps)
			all.Chains = slices.Concat(all.Chains, t.Chains)
			all.Sets = slices.Concat(all.Sets, t.Sets)
			if len(all.Jumps)+len(all.Chains)+len(all.Sets) > 0 {
				tables[key] = all
			}
		}
	}
	return tables
}

func sameTable(want, own resource.RuleTable) bool {
	return sameJumps(wantedJumps(want.Jumps), own.Jumps) &&
		sameChains(want.Chains, own.Chains) && sameSets(want.Sets, own.Sets)
}

// wantedJumps are the jumps, each once and at 1.
func wantedJumps(jumps []resource.Jump) []resource.Jump {
	var wanted []resource.Jump
	for _, j := range jumps {
		j.At = 1
		if !slices.Contains(wanted, j) {
			wanted = append(wanted, j)
		}
	}
	return wanted
}

func sameJumps(want, own []resource.Jump) bool {
	return sameUnordered(want, own, func(a, b resource.Jump) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), a.At-b.At)
	}, func(a, b resource.Jump) bool { return a == b })
}

func sameChains(want, own []resource.RuleChain) bool {
	return sameUnordered(want, own, func(a, b resource.RuleChain) int {
		return cmp.Compare(a.Name, b.Name)
	}, func(a, b resource.RuleChain) bool {
		return a.Name == b.Name && a.Hook == b.Hook && slices.Equal(a.Rules, b.Rules)
	})
}

func sameSets(want, own []resource.AddrSet) bool {
	return sameUnordered(want, own, func(a, b resource.AddrSet) int {
		return cmp.Compare(a.Name, b.Name)
	}, func(a, b resource.AddrSet) bool {
		return a.Name == b.Name && a.Family == b.Family && slices.Equal(a.Members, b.Members)
	})
}

func sameUnordered[T any](a, b []T, order func(a, b T) int, equal func(a, b T) bool) bool {
	a, b = slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order)
	return slices.EqualFunc(a, b, equal)
}
