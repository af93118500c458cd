package ruleset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// shownMembers is how many members of a set Text shows.
const shownMembers = 8

// Text writes rules for people, for a diff: backend, jumps, chains and sets,
// of a long set only the first members and their number. Tables, chains, jumps
// and sets are sorted, so that the same rules are always the same text.
func Text(rules []resource.Ruleset) string {
	tables := tablesOf(rules)
	var places []place
	for at := range tables {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.backend, b.backend), cmp.Compare(a.variant, b.variant), cmp.Compare(a.family, b.family))
	})
	var b strings.Builder
	for i, at := range places {
		if i > 0 {
			b.WriteString("\n")
		}
		at.write(&b)
		writeTable(&b, tables[at])
	}
	return b.String()
}

func (at place) write(b *strings.Builder) {
	if at.backend == resource.BackendNFTables {
		fmt.Fprintf(b, "nftables, table %s %s\n", at.family, resource.OwnTable)
		return
	}
	fmt.Fprintf(b, "%s, table filter\n", program(at.family, at.variant))
}

func writeTable(b *strings.Builder, t resource.RuleTable) {
	for _, j := range sorted(t.Jumps, func(j resource.Jump) string { return j.From + " " + j.To }) {
		fmt.Fprintf(b, "  %s rule %d: -j %s\n", j.From, j.At, j.To)
	}
	for _, c := range sorted(t.Chains, func(c resource.RuleChain) string { return c.Name }) {
		fmt.Fprintf(b, "  chain %s\n", c.Name)
		if c.Hook != "" {
			fmt.Fprintf(b, "    %s\n", c.Hook)
		}
		for _, r := range c.Rules {
			fmt.Fprintf(b, "    %s\n", r)
		}
	}
	for _, s := range sorted(t.Sets, func(s resource.AddrSet) string { return s.Name }) {
		writeSet(b, s)
	}
}

func writeSet(b *strings.Builder, s resource.AddrSet) {
	fmt.Fprintf(b, "  set %s\n", s.Name)
	for i, m := range s.Members {
		if i == shownMembers {
			fmt.Fprintf(b, "    ... (%d networks)\n", len(s.Members))
			break
		}
		fmt.Fprintf(b, "    %s\n", m)
	}
}

func sorted[T any](list []T, key func(T) string) []T {
	return slices.SortedStableFunc(slices.Values(list), func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
