package egress

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// setFrom is the number of destinations from which a set costs a packet less
// than rules of their own.
const setFrom = 5

// A group is all destinations of grants with the same source and ports.
type group struct {
	from  source
	ports []port
	to    map[netip.Prefix]string // to the comment
}

// rulesOf makes the rules for grants of one family and the sets that they
// name. What it makes does not depend on the order of the grants.
func rulesOf(all []grant, family string) ([]ruleset.Match, []resource.AddrSet) {
	var rules []ruleset.Match
	var sets []resource.AddrSet
	for _, g := range groups(all, family) {
		r, set := g.rules(family)
		rules = append(rules, r...)
		if set != nil {
			sets = append(sets, *set)
		}
	}
	return rules, sets
}

func groups(all []grant, family string) []*group {
	type key struct {
		from  source
		ports string
	}
	found := map[key]*group{}
	for _, a := range all {
		if a.to.Addr().Is4() != (family == resource.FamilyIP4) {
			continue
		}
		k := key{a.from, portsText(a.ports)}
		if found[k] == nil {
			found[k] = &group{a.from, a.ports, map[netip.Prefix]string{}}
		}
		found[k].add(a)
	}
	return slices.SortedFunc(maps.Values(found), compareGroup)
}

// add keeps, of several comments on one destination, the first by alphabet.
func (g *group) add(a grant) {
	old, there := g.to[a.to]
	if !there || old == "" || a.comment != "" && a.comment < old {
		g.to[a.to] = a.comment
	}
}

func compareGroup(a, b *group) int {
	return cmp.Or(
		cmp.Compare(a.from.in, b.from.in),
		a.from.net.Compare(b.from.net),
		slices.CompareFunc(a.ports, b.ports, comparePort),
	)
}

// rules are one for each range of ports and each destination or, for many
// destinations, their set.
func (g *group) rules(family string) ([]ruleset.Match, *resource.AddrSet) {
	networks := slices.Collect(maps.Keys(g.to))
	merged := merge(networks)
	if len(merged) >= setFrom {
		set := ruleset.NewSet(family, networks)
		return g.each(ruleset.Match{DstSet: set.Name, Comment: g.comment(netip.Prefix{})}), &set
	}
	var rules []ruleset.Match
	for _, to := range merged {
		rules = append(rules, g.each(ruleset.Match{Dst: to, Comment: g.comment(to)})...)
	}
	return rules, nil
}

// merge returns the networks that rules name: those of ruleset.Merge, but a
// whole family in one, which a rule takes and a set does not.
func merge(networks []netip.Prefix) []netip.Prefix {
	var merged []netip.Prefix
	for _, text := range ruleset.Merge(networks) {
		merged = append(merged, netip.MustParsePrefix(text))
	}
	if len(merged) == 2 && merged[0].Bits() == 1 && merged[1].Bits() == 1 {
		return []netip.Prefix{netip.PrefixFrom(merged[0].Addr(), 0)}
	}
	return merged
}

// each makes of one rule those for the group's source and ports.
func (g *group) each(m ruleset.Match) []ruleset.Match {
	m.In, m.Src, m.Verdict = g.from.in, g.from.net, ruleset.Return
	if len(g.ports) == 0 {
		return []ruleset.Match{m}
	}
	var rules []ruleset.Match
	for _, p := range g.ports {
		m.Proto, m.Ports = p.proto, ruleset.Ports{First: p.lo, Last: p.hi}
		rules = append(rules, m)
	}
	return rules
}

// comment is the one that all destinations within a network share, or none;
// the zero network holds them all.
func (g *group) comment(within netip.Prefix) string {
	first := true
	var shared string
	for to, c := range g.to {
		if within.IsValid() && !within.Contains(to.Addr()) {
			continue
		}
		if !first && c != shared {
			return ""
		}
		shared, first = c, false
	}
	return shared
}
