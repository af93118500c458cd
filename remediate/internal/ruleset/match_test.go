package ruleset_test

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var group = 5

var matches = []struct {
	name     string
	match    ruleset.Match
	ip4, ip6 string // iptables in either family, "" if the same as ip4
	nft      string
}{
	{"a jump", ruleset.Match{In: "br-+", Verdict: "out"}, "-i br-+ -j BULWARK-OUT", "", `iifname "br-*" jump out`},
	{
		"same bridge",
		ruleset.Match{In: "docker0", Out: "docker0", Verdict: ruleset.Return},
		"-i docker0 -o docker0 -j RETURN", "", `iifname "docker0" oifname "docker0" return`,
	},
	{
		"established",
		ruleset.Match{CT: ruleset.Established, Verdict: ruleset.Return},
		"-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", "", "ct state 0x2,0x4 return",
	},
	{"replies", ruleset.Match{CT: ruleset.Reply, Verdict: ruleset.Return}, "-m conntrack --ctdir REPLY -j RETURN", "", "ct direction 1 return"},
	{
		"an allow line",
		ruleset.Match{
			In: "br-1", Src: prefix("172.20.0.9/16"), Dst: prefix("192.0.2.7/32"), Proto: "tcp", Ports: ruleset.Ports{First: 443, Last: 443},
			Comment: "site.yaml:12 the vendor's API", Verdict: ruleset.Return,
		},
		`-s 172.20.0.0/16 -d 192.0.2.7/32 -i br-1 -p tcp -m tcp --dport 443 -m comment --comment "site.yaml:12 the vendor\'s API" -j RETURN`, "",
		`iifname "br-1" ip saddr 172.20.0.0/16 ip daddr 192.0.2.7 tcp dport 443 return comment "site.yaml:12 the vendor's API"`,
	},
	{
		"a range of ports",
		ruleset.Match{Dst: prefix("2001:db8::/32"), Proto: "udp", Ports: ruleset.Ports{First: 8000, Last: 8100}, Verdict: ruleset.Return},
		"-d 2001:db8::/32 -p udp -m udp --dport 8000:8100 -j RETURN", "", "ip6 daddr 2001:db8::/32 udp dport 8000-8100 return",
	},
	{
		"all of a family",
		ruleset.Match{Dst: prefix("0.0.0.0/0"), Proto: "tcp", Ports: ruleset.Ports{First: 80, Last: 80}, Verdict: ruleset.Return},
		"-p tcp -m tcp --dport 80 -j RETURN", "", "meta nfproto 2 tcp dport 80 return",
	},
	{
		"any port",
		ruleset.Match{Proto: "sctp", Ports: ruleset.Ports{Last: 65535}, Verdict: ruleset.Return},
		"-p sctp -j RETURN", "", "meta l4proto 132 return",
	},
	{
		"ping",
		ruleset.Match{Family: resource.FamilyIP6, Proto: "icmp", Verdict: ruleset.Return},
		"-p icmp -j RETURN", "-p ipv6-icmp -j RETURN", "meta l4proto 58 return",
	},
	{
		"neighbour discovery",
		ruleset.Match{ICMPv6Type: 135, Verdict: ruleset.Return},
		"-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j RETURN", "", "icmpv6 type 135 return",
	},
	{
		"a set",
		ruleset.Match{DstSet: "bulwark-6-0123456789ab", Proto: "tcp", Verdict: ruleset.Return},
		"-p tcp -m set --match-set bulwark-6-0123456789ab dst -j RETURN", "", "ip6 daddr @bulwark-6-0123456789ab meta l4proto 6 return",
	},
	{
		"log",
		ruleset.Match{Limit: ruleset.Rate{N: 10, Per: "minute"}, Verdict: ruleset.LogPacket, LogPrefix: "bulwark-deny "},
		`-m limit --limit 10/min -j LOG --log-prefix "bulwark-deny "`, "", `limit rate 10/minute log prefix "bulwark-deny "`,
	},
	{
		"log to a group",
		ruleset.Match{Verdict: ruleset.LogPacket, LogPrefix: "deny", NFLog: &group},
		"-j NFLOG --nflog-prefix deny --nflog-group 5", "", `log prefix "deny" group 5`,
	},
	{
		"log to group 0",
		ruleset.Match{Verdict: ruleset.LogPacket, NFLog: new(int)},
		"-j NFLOG", "", "log group 0",
	},
	{
		"a prefix that nft would take for a variable",
		ruleset.Match{Verdict: ruleset.LogPacket, LogPrefix: "$x"},
		"-j LOG --log-prefix _x", "", `log prefix "_x"`,
	},
	{"drop", ruleset.Match{Comment: "deny", Verdict: ruleset.Drop}, "-m comment --comment deny -j DROP", "", `counter drop comment "deny"`},
	{
		"a comment that would end its line",
		ruleset.Match{Verdict: ruleset.Drop, Comment: "a\"\n-A INPUT -j ACCEPT\\\xff\x00"},
		`-m comment --comment "a\' -A INPUT -j ACCEPT/? " -j DROP`, "", `counter drop comment "a' -A INPUT -j ACCEPT/? "`,
	},
	{
		"a long prefix and comment",
		ruleset.Match{Verdict: ruleset.LogPacket, LogPrefix: strings.Repeat("p", 40), Comment: strings.Repeat("é", 100)},
		`-m comment --comment "` + strings.Repeat("é", 60) + `" -j LOG --log-prefix ` + strings.Repeat("p", 29), "",
		`log prefix "` + strings.Repeat("p", 29) + `" comment "` + strings.Repeat("é", 60) + `"`,
	},
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestMatch(t *testing.T) {
	for _, c := range matches {
		t.Run(c.name, func(t *testing.T) {
			ip6 := c.ip6
			if ip6 == "" {
				ip6 = c.ip4
			}
			equal(t, c.match.IPTables(resource.FamilyIP4), c.ip4)
			equal(t, c.match.IPTables(resource.FamilyIP6), ip6)
			equal(t, c.match.NFT(), c.nft)
		})
	}
}

func equal(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMatchRefuses(t *testing.T) {
	for name, m := range map[string]ruleset.Match{
		"every interface":      {In: "+"},
		"a quote":              {In: `br"x`},
		"a newline":            {Out: "br\nx"},
		"nft's wildcard":       {In: "br*"},
		"a long name":          {In: "abcdefghijklmnop"},
		"an option":            {In: "-j"},
		"a protocol":           {Proto: "gre"},
		"ports of icmp":        {Proto: "icmp", Ports: ruleset.Ports{First: 1, Last: 1}},
		"ports of all":         {Ports: ruleset.Ports{First: 1, Last: 1}},
		"ports turned round":   {Proto: "tcp", Ports: ruleset.Ports{First: 2, Last: 1}},
		"two families":         {Src: prefix("10.0.0.0/8"), Dst: prefix("fd00::/8")},
		"a group":              {NFLog: pointer(65536)},
		"a rate":               {Limit: ruleset.Rate{N: 1, Per: "week"}},
		"a state":              {CT: "new"},
		"types and protocol":   {ICMPv6Type: 135, Proto: "tcp"},
		"the set's family":     {DstSet: "bulwark-4-0123456789ab", Src: prefix("fd00::/8")},
		"a set of others":      {DstSet: "crowdsec"},
		"more than a set":      {DstSet: "bulwark-4-x dst -j ACCEPT"},
		"network and set":      {DstSet: "bulwark-4-0123456789ab", Dst: prefix("10.0.0.0/8")},
		"family and addresses": {Family: resource.FamilyIP6, Dst: prefix("10.0.0.0/8")},
		"a chain":              {Verdict: "x y"},
		"types in IPv4":        {ICMPv6Type: 135, Dst: prefix("10.0.0.0/8")},
	} {
		t.Run(name, func(t *testing.T) {
			if m.Verdict == "" {
				m.Verdict = ruleset.Return
			}
			if m.Check() == nil {
				t.Errorf("taken: %s / %s", m.IPTables(resource.FamilyIP4), m.NFT())
			}
		})
	}
	if (ruleset.Match{}).Check() == nil {
		t.Error("taken: no verdict")
	}
}

func pointer(n int) *int { return &n }

// The text of a rule is what the tools print for it, for any rule: a random
// sample is loaded and listed. BULWARK_SEED repeats a sample, BULWARK_SAMPLE
// sets its size.
func TestMatchIsWhatToolsPrint(t *testing.T) {
	r := random(t)
	n := setting("BULWARK_SAMPLE", 300)
	eachXtables(t, func(t *testing.T, x xtables) {
		want := resource.RuleTable{Family: x.family, Chains: []resource.RuleChain{{Name: "BULWARK-OUT"}, {Name: "BULWARK-SAMPLE"}}}
		for range n {
			m := randomMatch(r, x.family)
			m.DstSet = "" // needs an ipset
			want.Chains[1].Rules = append(want.Chains[1].Rules, m.IPTables(x.family))
		}
		_, other := x.parse(t)
		x.load(t, ruleset.Restore(&want, resource.RuleTable{}, other))
		own, _ := x.parse(t)
		sameRules(t, own.Chains[1].Rules, want.Chains[1].Rules)
	})
	t.Run("nft", func(t *testing.T) {
		realTools(t, "nft")
		set4 := ruleset.NewSet(resource.FamilyIP4, []netip.Prefix{prefix("10.0.0.0/8")})
		set6 := ruleset.NewSet(resource.FamilyIP6, []netip.Prefix{prefix("fd00::/8")})
		want := resource.RuleTable{Sets: []resource.AddrSet{set4, set6}, Chains: []resource.RuleChain{{Name: "out"}, {Name: "sample"}}}
		for range n {
			m := randomMatch(r, pick(r, resource.FamilyIP4, resource.FamilyIP6))
			want.Chains[1].Rules = append(want.Chains[1].Rules, m.NFT())
		}
		loadNFT(t, &want)
		sameRules(t, listNFT(t).Chains[1].Rules, want.Chains[1].Rules)
	})
}

func sameRules(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rules of %d", len(got), len(want))
	}
	for i := range want {
		equal(t, got[i], want[i])
	}
}

func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := setting("BULWARK_SEED", rand.IntN(1<<30))
	t.Logf("BULWARK_SEED=%d", seed)
	return rand.New(rand.NewPCG(uint64(seed), 1))
}

func setting(name string, standard int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return standard
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomMatch returns a Match that Check takes.
func randomMatch(r *rand.Rand, family string) ruleset.Match {
	for {
		m := ruleset.Match{
			Family: family,
			In:     pick(r, "", "docker0", "br-+", "br-0123456789ab", "a.b@c:d_e"), Out: pick(r, "", "", "docker0", "v+"),
			Src: randomNetwork(r, family), Dst: randomNetwork(r, family),
			Proto:   pick(r, "", "tcp", "udp", "sctp", "icmp"),
			CT:      pick(r, "", "", ruleset.Established, ruleset.Reply),
			Verdict: pick(r, ruleset.Return, ruleset.Drop, ruleset.LogPacket, "out"),
			Comment: pick(r, "", randomText(r)), LogPrefix: pick(r, "", "deny ", randomText(r)),
		}
		if a, b := port(r), port(r); r.IntN(2) == 0 {
			m.Ports = ruleset.Ports{First: min(a, b), Last: max(a, b)}
		}
		if r.IntN(3) == 0 {
			m.Limit = ruleset.Rate{N: 1 + r.Uint32N(pick[uint32](r, 6, 50, 10000)), Per: pick(r, "second", "minute", "hour", "day")}
		}
		if r.IntN(3) == 0 {
			m.NFLog = pointer(pick(r, 0, 1, 65535))
		}
		if family == resource.FamilyIP6 && r.IntN(6) == 0 {
			m.ICMPv6Type = uint8(1 + r.IntN(255))
		}
		if r.IntN(5) == 0 {
			m.DstSet = ruleset.NewSet(family, []netip.Prefix{map[string]netip.Prefix{
				resource.FamilyIP4: prefix("10.0.0.0/8"), resource.FamilyIP6: prefix("fd00::/8"),
			}[family]}).Name
		}
		if m.Check() == nil {
			return m
		}
	}
}

func port(r *rand.Rand) uint16 {
	return pick(r, 0, 1, 53, 443, 65535, uint16(r.Uint32()))
}

func randomNetwork(r *rand.Rand, family string) netip.Prefix {
	if r.IntN(2) == 0 {
		return netip.Prefix{}
	}
	b := make([]byte, map[string]int{resource.FamilyIP4: 4, resource.FamilyIP6: 16}[family])
	for i := range b {
		b[i] = byte(pick(r, 0, r.Uint32()))
	}
	if len(b) == 16 && r.IntN(4) == 0 { // the forms that hold an IPv4 address
		copy(b, pick(r, make([]byte, 12), []byte{10: 0xff, 11: 0xff}))
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, pick(r, 0, 1, a.BitLen(), r.IntN(a.BitLen()+1)))
}

// randomText has what tools quote, escape or take for something else.
func randomText(r *rand.Rand) string {
	parts := []string{
		"-", "j", " ", "!", `"`, `\`, "'", "$", "`", "#", "{", "}", ";", ",", "*", "@", "%s", "\n", "\t", "\x00", "\xff",
		"é", "漢", "\u00a0", "\u2028", "_", "=", "burst 5 packets", "-p icmpv6 ", "site.yaml:12", "RETURN", "COMMIT", "elements = {", "(", "[0:0]", "]", "~", "^",
	}
	var b strings.Builder
	for range 1 + r.IntN(pick(r, 1, 8, 60)) {
		b.WriteString(pick(r, parts...))
	}
	return b.String()
}

// TestForged: only nft can ask, and -n prints numbers.
func TestForged(t *testing.T) {
	equal(t, ruleset.Match{In: "br-+", Forged: ruleset.ForgedLocal, Verdict: "forged"}.NFT(), `iifname "br-*" fib saddr type 2 jump forged`)
	equal(t, ruleset.Match{In: "br-+", Forged: ruleset.ForgedRoute, Verdict: "forged"}.NFT(), `iifname "br-*" fib saddr . iif oif 0 jump forged`)
	if err := (ruleset.Match{Forged: "x", Verdict: ruleset.Drop}).Check(); err == nil {
		t.Error("taken")
	}
}
