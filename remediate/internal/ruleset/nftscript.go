package ruleset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// NFT writes the nft scripts that make the own table as wanted; each is one
// transaction of its own, in this order: sets makes the new sets, rules swaps
// the rules, tidy removes sets that no rule uses any more. A set that came or
// went together with the rules could be seen by a packet half-way. A nil want
// deletes the table; a nil own is no table. Empty texts need not be loaded.
//
// Chains are emptied and filled, not made anew: measured with a flood, that lets
// nothing through, which deleting a base chain or the table does. A base
// chain goes only if it is not wanted, or not at this hook.
func NFT(want, own *resource.RuleTable) (sets, rules, tidy string) {
	if own != nil && want == nil {
		return "", "delete table inet " + resource.OwnTable + "\n", ""
	}
	if own == nil {
		own = &resource.RuleTable{}
	}
	if want == nil {
		want = &resource.RuleTable{}
	}
	return setsScript(want.Sets, own.Sets), rulesScript(want.Chains, own.Chains), tidyScript(want.Sets, own.Sets)
}

// A script collects nft commands about own objects.
type script struct{ strings.Builder }

// do writes a command about an object, and what follows its name.
func (s *script) do(command, name, rest string) {
	fmt.Fprintf(s, "%s inet %s %s%s\n", command, resource.OwnTable, name, rest)
}

// text puts the table before the commands, if there are any.
func (s *script) text() string {
	if s.Len() == 0 {
		return ""
	}
	return "add table inet " + resource.OwnTable + "\n" + s.String()
}

// block is what stands in braces; nft 1.0.6 refuses one that ends on the line
// it began on after a semicolon.
func block(text string) string { return " { " + text + "\n}" }

func setsScript(want, own []resource.AddrSet) string {
	var s script
	for _, set := range want {
		i := slices.IndexFunc(own, func(o resource.AddrSet) bool { return o.Name == set.Name })
		if i >= 0 && sameSets([]resource.AddrSet{set}, own[i:i+1]) {
			continue
		}
		s.set(set, i >= 0)
	}
	return s.text()
}

// set makes a set, or corrects one that somebody has changed.
func (s *script) set(set resource.AddrSet, exists bool) {
	kind := "ipv4_addr"
	if set.Family == resource.FamilyIP6 {
		kind = "ipv6_addr"
	}
	s.do("add set", set.Name, block("type "+kind+"; flags interval;"))
	if exists {
		s.do("flush set", set.Name, "")
	}
	if len(set.Members) > 0 {
		s.do("add element", set.Name, block(strings.Join(set.Members, ",\n")))
	}
}

// rulesScript empties all chains before it removes one: a chain that a rule
// leads to cannot go.
func rulesScript(want, own []resource.RuleChain) string {
	if sameChains(want, own) {
		return ""
	}
	var s script
	for _, c := range own {
		s.do("flush chain", c.Name, "")
	}
	for _, c := range own {
		if !slices.ContainsFunc(want, func(w resource.RuleChain) bool { return w.Name == c.Name && w.Hook == c.Hook }) {
			s.do("delete chain", c.Name, "")
		}
	}
	for _, c := range want {
		s.chain(c)
	}
	for _, c := range want {
		for _, r := range c.Rules {
			s.do("add rule", c.Name, " "+r)
		}
	}
	return s.text()
}

func (s *script) chain(c resource.RuleChain) {
	if c.Hook == "" {
		s.do("add chain", c.Name, "")
		return
	}
	s.do("add chain", c.Name, block(c.Hook))
}

func tidyScript(want, own []resource.AddrSet) string {
	var s script
	for _, set := range own {
		if !slices.ContainsFunc(want, func(w resource.AddrSet) bool { return w.Name == set.Name }) {
			s.do("delete set", set.Name, "")
		}
	}
	return s.text()
}
