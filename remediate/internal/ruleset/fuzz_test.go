package ruleset_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// What is read can be written, and what is written is read as the same.
func FuzzParseSave(f *testing.F) {
	f.Add(savedByIptables)
	f.Add(foreign)
	f.Add(string(saved(":BULWARK-OUT - [0:0]", `-A FORWARD -m comment --comment "a`, `b" -j BULWARK-OUT`)))
	f.Add("[1:2] *filter\n:X\n\"\nCOMMIT")
	f.Fuzz(func(t *testing.T, text string) {
		own, other, err := ruleset.ParseSave(resource.FamilyIP4, resource.VariantNFT, []byte(text))
		if err != nil || len(other.Forward) > 64 {
			return
		}
		if left := ruleset.Restore(&own, resource.RuleTable{Family: own.Family, Chains: own.Chains, Jumps: top(own.Jumps)}, other); left != "" {
			t.Fatalf("what was read is not what is wanted: %s", left)
		}
		if loneQuote(own) {
			return // which lines it joins depends on those that come after
		}
		again, _, err := ruleset.ParseSave(resource.FamilyIP4, resource.VariantNFT, []byte(asSaved(own)))
		if err != nil {
			t.Fatal(err)
		}
		equalJSON(t, again.Chains, own.Chains)
	})
}

// paired matches rules in which each quote begins with a word and ends.
var paired = regexp.MustCompile(`^([^"\\]*(^| )"[^"\\]*")*[^"\\]*$`)

func loneQuote(t resource.RuleTable) bool {
	return slices.ContainsFunc(t.Chains, func(c resource.RuleChain) bool {
		return slices.ContainsFunc(c.Rules, func(r string) bool { return !paired.MatchString(r) })
	})
}

// top are the jumps as Restore makes them.
func top(jumps []resource.Jump) []resource.Jump {
	var made []resource.Jump
	for _, j := range jumps {
		if j.At = 1; !slices.Contains(made, j) {
			made = append(made, j)
		}
	}
	return made
}

// asSaved is what iptables-save prints for chains.
func asSaved(t resource.RuleTable) string {
	var b strings.Builder
	b.WriteString("*filter\n")
	for _, c := range t.Chains {
		b.WriteString(":" + c.Name + " - [0:0]\n")
	}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			b.WriteString("-A " + c.Name + " " + r + "\n")
		}
	}
	return b.String() + "COMMIT\n"
}

// What is read is the same when it is printed again.
func FuzzParseNFT(f *testing.F) {
	f.Add(listed)
	f.Add("table inet bulwark {\nset a {\ntype ipv6_addr\nelements = { ::-ffff::,\n2001:db8::/32 }\n}\nchain b {\n x { \"}\n}\" }\n}\n}")
	f.Fuzz(func(t *testing.T, text string) {
		own, err := ruleset.ParseNFT([]byte(text))
		if err != nil {
			return
		}
		if a, b, c := ruleset.NFT(&own, &own); a+b+c != "" {
			t.Fatalf("what was read is not what is wanted: %s%s%s", a, b, c)
		}
		again, err := ruleset.ParseNFT([]byte(asListed(own)))
		if err != nil {
			t.Fatal(err)
		}
		equalJSON(t, again, own)
	})
}

// asListed is what nft prints for a table.
func asListed(t resource.RuleTable) string {
	var b strings.Builder
	b.WriteString("table inet bulwark {\n")
	for _, s := range t.Sets {
		b.WriteString("\tset " + s.Name + " {\n")
		if s.Family != "" {
			b.WriteString(map[string]string{"ip": "type ipv4_addr\n", "ip6": "type ipv6_addr\n"}[s.Family])
		}
		if len(s.Members) > 0 {
			b.WriteString("elements = { " + strings.Join(s.Members, ",\n") + " }\n")
		}
		b.WriteString("\t}\n")
	}
	for _, c := range t.Chains {
		b.WriteString("\tchain " + c.Name + " {\n")
		for _, line := range append([]string{c.Hook}, c.Rules...) {
			b.WriteString(line + "\n")
		}
		b.WriteString("\t}\n")
	}
	return b.String() + "}\n"
}

// Merge covers what was given and nothing else, with as few networks as can
// be: compared with a list of all addresses of 10.0.0.0/24 and fd00::/120.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{0, 24, 128, 25, 7, 32})
	f.Add([]byte{1, 32, 0, 32, 2, 31, 200, 24})
	f.Fuzz(func(t *testing.T, spec []byte) {
		var networks []netip.Prefix
		var covered [2][256]bool
		spec = spec[:min(len(spec), 256)] // the list of addresses is slow
		for ; len(spec) >= 2; spec = spec[2:] {
			six, bits := int(spec[1]>>7), int(spec[1]%9)
			a := netip.AddrFrom4([4]byte{10, 0, 0, spec[0]})
			if six == 1 {
				a = netip.AddrFrom16([16]byte{0: 0xfd, 15: spec[0]})
			}
			p := netip.PrefixFrom(a, a.BitLen()-8+bits)
			networks = append(networks, p)
			mark(t, &covered[six], p, false)
		}
		merged := ruleset.Merge(networks)
		var found [2][256]bool
		var before netip.Prefix
		for _, m := range merged {
			p := netip.MustParsePrefix(m)
			mark(t, &found[p.Addr().BitLen()/128], p, true)
			if before.IsValid() && p.Addr().Compare(before.Addr()) <= 0 {
				t.Errorf("%v stands before %v", before, p)
			}
			before = p
		}
		if covered != found {
			t.Errorf("%v covers something else than %v", merged, networks)
		}
		if n := fewest(covered[0][:]) + fewest(covered[1][:]); n != len(merged) {
			t.Errorf("%v: %d would do", merged, n)
		}
	})
}

func mark(t *testing.T, covered *[256]bool, p netip.Prefix, once bool) {
	t.Helper()
	for i := range covered {
		b := p.Addr().AsSlice()
		b[len(b)-1] = byte(i)
		if a, _ := netip.AddrFromSlice(b); p.Contains(a) {
			if once && covered[i] {
				t.Errorf("%v is covered twice", a)
			}
			covered[i] = true
		}
	}
}

// fewest is how many networks cover exactly the marked addresses.
func fewest(covered []bool) int {
	switch {
	case !slices.Contains(covered, true):
		return 0
	case !slices.Contains(covered, false):
		return 1
	}
	half := len(covered) / 2
	return fewest(covered[:half]) + fewest(covered[half:])
}
