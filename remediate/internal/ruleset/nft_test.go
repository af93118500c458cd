package ruleset_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const hook = "type filter hook forward priority -10; policy accept;"

const listed = `table inet bulwark {
	comment "x"
	set bulwark-4-0123456789ab {
		type ipv4_addr
		flags interval
		auto-merge
		elements = { 192.0.2.7, 10.0.0.0-10.0.1.127,
			     10.0.1.128/25 }
	}

	set bulwark-6-0123456789ab {
		type ipv6_addr
		flags interval
	}

	# a chain
	chain forward {
		type filter hook forward priority -10; policy accept;
		jump egress
	}

	chain egress {
		comment "x"
		iifname "br-*" jump out
		tcp dport { 1, 2,
			    3 } masquerade to :1-2 comment "{ burst 5 packets"
	}

	chain out {
		limit rate 10/minute burst 5 packets log prefix "bulwark "
		limit rate 10/minute burst 50 packets counter drop comment "}"
	}
}
`

func listedTable() resource.RuleTable {
	return resource.RuleTable{
		Family: resource.FamilyInet,
		Chains: []resource.RuleChain{
			{Name: "forward", Hook: hook, Rules: []string{"jump egress"}},
			chain("egress", `iifname "br-*" jump out`, `tcp dport { 1, 2, 3 } masquerade to :1-2 comment "{ burst 5 packets"`),
			chain("out", `limit rate 10/minute log prefix "bulwark "`, `limit rate 10/minute burst 50 packets counter drop comment "}"`),
		},
		Sets: []resource.AddrSet{
			{Name: "bulwark-4-0123456789ab", Family: resource.FamilyIP4, Members: []string{"10.0.0.0/23", "192.0.2.7/32"}},
			{Name: "bulwark-6-0123456789ab", Family: resource.FamilyIP6},
		},
	}
}

func TestParseNFT(t *testing.T) {
	own, err := ruleset.ParseNFT([]byte(listed))
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, own, listedTable())
}

func TestParseNFTOfNothing(t *testing.T) {
	for _, text := range []string{"", "\n", "table inet bulwark {\n}\n"} {
		own, err := ruleset.ParseNFT([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		equalJSON(t, own, resource.RuleTable{Family: resource.FamilyInet})
	}
}

func TestParseNFTRanges(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1-10.0.0.6":                                "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32",
		"0.0.0.0-255.255.255.255":                          "0.0.0.0/1 128.0.0.0/1",
		"255.255.255.254-255.255.255.255, 255.255.255.253": "255.255.255.253/32 255.255.255.254/31",
	} {
		own, err := ruleset.ParseNFT([]byte("table inet bulwark {\nset x {\ntype ipv4_addr\nelements = { " + in + " }\n}\n}\n"))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, strings.Join(own.Sets[0].Members, " "), want)
	}
}

func TestParseNFTRefuses(t *testing.T) {
	set := func(elements string) string {
		return "table inet bulwark {\nset x {\ntype ipv4_addr\nelements = { " + elements + " }\n}\n}\n"
	}
	for name, c := range map[string]struct{ text, want string }{
		"another table":       {"table inet filter {\n}\n", "line 1"},
		"a cut text":          {"table inet bulwark {\n", "ends within the table"},
		"an object of others": {"table inet bulwark {\nmap m {\n}\n}\n", "nft delete map inet bulwark m"},
		"no address":          {set("x"), `line 4`},
		"a backward range":    {set("10.0.0.2-10.0.0.1"), "no range"},
		"the other family":    {set("2001:db8::1"), "2001:db8::1/128 in a set of ip"},
		"a mixed range":       {set("10.0.0.1-2001:db8::1"), "no range"},
		"a zone":              {set("fe80::1%eth0"), "line 4"},
	} {
		t.Run(name, func(t *testing.T) {
			own, err := ruleset.ParseNFT([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v", own, err)
			}
		})
	}
}

func TestNFT(t *testing.T) {
	full := listedTable()
	noSets := full
	noSets.Sets = nil
	for _, c := range []struct {
		name      string
		want, own *resource.RuleTable
		texts     [3]string
	}{
		{"nothing wanted, nothing there", nil, nil, [3]string{}},
		{"an empty table wanted", &resource.RuleTable{}, nil, [3]string{}},
		{"as wanted", &full, &full, [3]string{}},
		{"all away", nil, &full, [3]string{1: "delete table inet bulwark\n"}},
		{"a set too many", &noSets, &full, [3]string{
			2: "add table inet bulwark\ndelete set inet bulwark bulwark-4-0123456789ab\ndelete set inet bulwark bulwark-6-0123456789ab\n",
		}},
		{"sets missing", &full, &noSets, [3]string{
			0: "add table inet bulwark\n" +
				"add set inet bulwark bulwark-4-0123456789ab { type ipv4_addr; flags interval;\n}\n" +
				"add element inet bulwark bulwark-4-0123456789ab { 10.0.0.0/23,\n192.0.2.7/32\n}\n" +
				"add set inet bulwark bulwark-6-0123456789ab { type ipv6_addr; flags interval;\n}\n",
		}},
		{
			"a chain of another hook, one too many, one missing",
			&resource.RuleTable{Chains: []resource.RuleChain{{Name: "forward", Hook: hook, Rules: []string{"jump out"}}, chain("out", "drop")}},
			&resource.RuleTable{Chains: []resource.RuleChain{{Name: "forward", Hook: "x"}, chain("out"), chain("old")}},
			[3]string{
				1: "add table inet bulwark\n" +
					"flush chain inet bulwark forward\nflush chain inet bulwark out\nflush chain inet bulwark old\n" +
					"delete chain inet bulwark forward\ndelete chain inet bulwark old\n" +
					"add chain inet bulwark forward { " + hook + "\n}\nadd chain inet bulwark out\n" +
					"add rule inet bulwark forward jump out\nadd rule inet bulwark out drop\n",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			sets, rules, tidy := ruleset.NFT(c.want, c.own)
			for i, got := range []string{sets, rules, tidy} {
				equal(t, got, c.texts[i])
			}
		})
	}
}

func wantedNFT(n int) *resource.RuleTable {
	set4 := ruleset.NewSet(resource.FamilyIP4, []netip.Prefix{prefix("10.0.0.0/8"), prefix("11.0.0.0/9"), netip.PrefixFrom(address4(uint32(n)<<24), 7)})
	set6 := ruleset.NewSet(resource.FamilyIP6, prefixes("::/1 8000::/1"))
	out := []string{}
	for _, m := range []ruleset.Match{
		{DstSet: set4.Name, Proto: "tcp", Ports: ruleset.Ports{First: 443, Last: 443}, Verdict: ruleset.Return, Comment: "site's"},
		{DstSet: set6.Name, Verdict: ruleset.Return},
		{Limit: ruleset.Rate{N: 10, Per: "minute"}, Verdict: ruleset.LogPacket, LogPrefix: "bulwark "},
		{Verdict: ruleset.Drop},
	} {
		out = append(out, m.NFT())
	}
	return &resource.RuleTable{
		Family: resource.FamilyInet,
		Chains: []resource.RuleChain{
			{Name: "forward", Hook: hook, Rules: []string{"jump egress"}},
			chain("egress", ruleset.Match{In: "br-+", Verdict: "out"}.NFT()),
			chain("out", out...),
		},
		Sets: []resource.AddrSet{set4, set6},
	}
}

func nftRuleset(t *resource.RuleTable) []resource.Ruleset {
	if t == nil {
		return nil
	}
	return []resource.Ruleset{{Backend: resource.BackendNFTables, Tables: []resource.RuleTable{*t}}}
}

func becomeNFT(t *testing.T, want *resource.RuleTable) {
	t.Helper()
	loadNFT(t, want)
	own := listNFT(t)
	if !ruleset.Same(nftRuleset(want), nftRuleset(own)) {
		t.Fatalf("not as wanted:\n%s", ruleset.Text(nftRuleset(own)))
	}
	if a, b, c := ruleset.NFT(want, own); a+b+c != "" {
		t.Fatalf("still to do:\n%s%s%s", a, b, c)
	}
}

const foreignNFT = "table inet mine {\n\tchain bulwark {\n\t\ttype filter hook forward priority 0; policy accept;\n\t\tjump egress\n\t}\n\n\tchain egress {\n\t}\n}\n"

func TestNFTInTheKernel(t *testing.T) {
	realTools(t, "nft")
	must(t, foreignNFT, "nft", "-f", "-")
	before := must(t, "", "nft", "-s", "list", "ruleset")
	for _, want := range []*resource.RuleTable{wantedNFT(20), wantedNFT(30), nil, wantedNFT(40)} {
		becomeNFT(t, want)
	}
	set := wantedNFT(40).Sets[0].Name
	for name, damage := range map[string]string{
		"a rule put in":     "insert rule inet bulwark out accept\n",
		"a chain emptied":   "flush chain inet bulwark forward\n",
		"a set changed":     "add element inet bulwark " + set + " { 99.0.0.1 }\n",
		"a set too many":    "add set inet bulwark x { type inet_service; elements = { 22 }\n}\n",
		"a chain too many":  "add chain inet bulwark input { type filter hook input priority 0; policy drop;\n}\nadd chain inet bulwark a\nadd rule inet bulwark input jump a\n",
		"another hook":      "flush chain inet bulwark forward\ndelete chain inet bulwark forward\nadd chain inet bulwark forward { type filter hook forward priority 5; policy drop;\n}\nadd rule inet bulwark forward jump egress\n",
		"the table is gone": "delete table inet bulwark\n",
	} {
		must(t, damage, "nft", "-f", "-")
		if ruleset.Same(nftRuleset(wantedNFT(40)), nftRuleset(listNFT(t))) {
			t.Errorf("%s: not seen", name)
		}
		becomeNFT(t, wantedNFT(40))
	}
	becomeNFT(t, nil)
	equal(t, must(t, "", "nft", "-s", "list", "ruleset"), before)
}

// Large sets go in and come back.
func TestNFTLargeSet(t *testing.T) {
	realTools(t, "nft")
	var networks []netip.Prefix
	for i := range uint32(50_000) {
		networks = append(networks, netip.PrefixFrom(address4(i*80_000), 27))
	}
	set := ruleset.NewSet(resource.FamilyIP4, networks)
	becomeNFT(t, &resource.RuleTable{
		Family: resource.FamilyInet,
		Chains: []resource.RuleChain{chain("out", ruleset.Match{DstSet: set.Name, Verdict: ruleset.Return}.NFT())},
		Sets:   []resource.AddrSet{set},
	})
}
