package ruleset_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func sample() []resource.Ruleset {
	table := func(family string) resource.RuleTable {
		return resource.RuleTable{
			Family: family,
			Jumps:  []resource.Jump{jump("DOCKER-USER", "BULWARK-EGRESS", 1), jump("INPUT", "BULWARK-INPUT", 1)},
			Chains: []resource.RuleChain{chain("BULWARK-EGRESS", "-i br-+ -j BULWARK-OUT"), chain("BULWARK-INPUT"), chain("BULWARK-OUT", "-j LOG", "-j DROP")},
			Sets: []resource.AddrSet{
				{Name: "bulwark-4-b", Family: "ip", Members: []string{"10.0.0.0/8", "192.0.2.7/32"}},
				{Name: "bulwark-4-a", Family: "ip", Members: []string{
					"1.0.0.0/32", "1.0.0.2/32", "1.0.0.4/32", "1.0.0.6/32", "1.0.0.8/32", "1.0.0.10/32", "1.0.0.12/32", "1.0.0.14/32", "1.0.0.16/32",
				}},
			},
		}
	}
	return []resource.Ruleset{{Backend: resource.BackendIPTables, Variant: resource.VariantNFT, Tables: []resource.RuleTable{table("ip"), table("ip6")}}}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(own []resource.Ruleset) []resource.Ruleset
		same   bool
	}{
		{"as wanted", func(o []resource.Ruleset) []resource.Ruleset { return o }, true},
		{"tables turned round", func(o []resource.Ruleset) []resource.Ruleset { swap(o[0].Tables); return o }, true},
		{"sets turned round", func(o []resource.Ruleset) []resource.Ruleset { swap(o[0].Tables[0].Sets); return o }, true},
		{"chains turned round", func(o []resource.Ruleset) []resource.Ruleset { swap(o[0].Tables[0].Chains); return o }, true},
		{"jumps turned round", func(o []resource.Ruleset) []resource.Ruleset { swap(o[0].Tables[0].Jumps); return o }, true},
		{"an empty table more", func(o []resource.Ruleset) []resource.Ruleset {
			return append(o, resource.Ruleset{Backend: resource.BackendNFTables, Tables: []resource.RuleTable{{Family: "inet"}}})
		}, true},
		{"rules turned round", func(o []resource.Ruleset) []resource.Ruleset { swap(o[0].Tables[0].Chains[2].Rules); return o }, false},
		{"a jump at 2", func(o []resource.Ruleset) []resource.Ruleset { o[0].Tables[0].Jumps[0].At = 2; return o }, false},
		{"a jump twice", func(o []resource.Ruleset) []resource.Ruleset {
			o[0].Tables[0].Jumps = append(o[0].Tables[0].Jumps, jump("INPUT", "BULWARK-INPUT", 3))
			return o
		}, false},
		{"a jump missing", func(o []resource.Ruleset) []resource.Ruleset {
			o[0].Tables[0].Jumps = o[0].Tables[0].Jumps[:1]
			return o
		}, false},
		{"a chain more", func(o []resource.Ruleset) []resource.Ruleset {
			o[0].Tables[1].Chains = append(o[0].Tables[1].Chains, chain("BULWARK-X"))
			return o
		}, false},
		{"a chain missing", func(o []resource.Ruleset) []resource.Ruleset {
			o[0].Tables[1].Chains = o[0].Tables[1].Chains[:2]
			return o
		}, false},
		{"another hook", func(o []resource.Ruleset) []resource.Ruleset { o[0].Tables[1].Chains[0].Hook = "x"; return o }, false},
		{"another rule", func(o []resource.Ruleset) []resource.Ruleset {
			o[0].Tables[1].Chains[2].Rules[1] = "-j ACCEPT"
			return o
		}, false},
		{"another member", func(o []resource.Ruleset) []resource.Ruleset {
			o[0].Tables[1].Sets[0].Members[1] = "192.0.2.8/32"
			return o
		}, false},
		{"a set's name", func(o []resource.Ruleset) []resource.Ruleset { o[0].Tables[1].Sets[0].Name = "bulwark-4-c"; return o }, false},
		{"a set more", func(o []resource.Ruleset) []resource.Ruleset {
			o[0].Tables[1].Sets = append(o[0].Tables[1].Sets, resource.AddrSet{Name: "bulwark-4-z"})
			return o
		}, false},
		{"a family missing", func(o []resource.Ruleset) []resource.Ruleset { o[0].Tables = o[0].Tables[:1]; return o }, false},
		{"in the other variant", func(o []resource.Ruleset) []resource.Ruleset { o[0].Variant = resource.VariantLegacy; return o }, false},
		{"in both variants", func(o []resource.Ruleset) []resource.Ruleset {
			o = append(o, sample()...)
			o[1].Variant = resource.VariantLegacy
			return o
		}, false},
		{"nothing", func([]resource.Ruleset) []resource.Ruleset { return nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ruleset.Same(sample(), c.change(sample())); got != c.same {
				t.Errorf("same: %v", got)
			}
		})
	}
}

func swap[T any](s []T) { s[0], s[len(s)-1] = s[len(s)-1], s[0] }

func TestSameNothing(t *testing.T) {
	for _, nothing := range [][]resource.Ruleset{nil, {}, {{Backend: resource.BackendIPTables, Tables: []resource.RuleTable{{Family: "ip"}}}}} {
		if !ruleset.Same(nil, nothing) || !ruleset.Same(nothing, nil) || ruleset.Same(nothing, sample()) || ruleset.Same(sample(), nothing) {
			t.Errorf("%v is not nothing", nothing)
		}
	}
}

// What was found before a change is there again when its jumps are at the top.
func TestSameAsFoundBefore(t *testing.T) {
	found := sample()
	found[0].Tables[0].Jumps[0].At = 3
	found[0].Tables[0].Jumps = append(found[0].Tables[0].Jumps, jump("INPUT", "BULWARK-INPUT", 7))
	if !ruleset.Same(found, sample()) || ruleset.Same(sample(), found) {
		t.Error("jumps of what is wanted are not taken for the top")
	}
}

func TestText(t *testing.T) {
	rules := sample()[:1]
	rules[0].Tables = rules[0].Tables[:1]
	rules = append([]resource.Ruleset{{Backend: resource.BackendNFTables, Tables: []resource.RuleTable{{
		Family: "inet", Chains: []resource.RuleChain{{Name: "forward", Hook: hook, Rules: []string{"jump egress"}}},
	}}}}, rules...)
	const want = `iptables-nft, table filter
  DOCKER-USER rule 1: -j BULWARK-EGRESS
  INPUT rule 1: -j BULWARK-INPUT
  chain BULWARK-EGRESS
    -i br-+ -j BULWARK-OUT
  chain BULWARK-INPUT
  chain BULWARK-OUT
    -j LOG
    -j DROP
  set bulwark-4-a
    1.0.0.0/32
    1.0.0.2/32
    1.0.0.4/32
    1.0.0.6/32
    1.0.0.8/32
    1.0.0.10/32
    1.0.0.12/32
    1.0.0.14/32
    ... (9 networks)
  set bulwark-4-b
    10.0.0.0/8
    192.0.2.7/32

nftables, table inet bulwark
  chain forward
    type filter hook forward priority -10; policy accept;
    jump egress
`
	equal(t, ruleset.Text(rules), want)
	swap(rules)
	swap(rules[0].Tables[0].Sets)
	swap(rules[0].Tables[0].Chains)
	swap(rules[0].Tables[0].Jumps)
	equal(t, ruleset.Text(rules), want)
	equal(t, ruleset.Text(nil), "")
}
