package firewall_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A backend is one of the places that rules can be in.
type backend struct{ name, variant string }

func (b backend) String() string { return strings.TrimSpace(b.name + " " + b.variant) }

var backends = []backend{
	{resource.BackendIPTables, resource.VariantNFT},
	{resource.BackendIPTables, resource.VariantLegacy},
	{resource.BackendNFTables, ""},
}

func eachBackend(t *testing.T, test func(t *testing.T, b backend)) {
	for _, b := range backends {
		t.Run(b.String(), func(t *testing.T) {
			scratch.Netns(t)
			test(t, b)
		})
	}
}

// Addresses of the test's networks: the ones to be allowed, and the ones not.
const (
	allowed4, denied4 = "10.9.2.3", "10.9.2.4"
	allowed6, denied6 = "2001:db8:2::3", "2001:db8:2::4"
)

// rules deny all but allowed4 and allowed6 to what comes from br-*; n changes
// what else is allowed, and so the names of the sets. Each set has more than
// four members.
func (b backend) rules(n int) []resource.Ruleset {
	set4 := ruleset.NewSet(resource.FamilyIP4, append(spread("10.%d.%d.%d/32", 20, n), netip.MustParsePrefix(allowed4+"/32")))
	set6 := ruleset.NewSet(resource.FamilyIP6, append(spread("2001:db8:%x:%x%02x::/64", 0xff00, n), netip.MustParsePrefix(allowed6+"/128")))
	if b.name == resource.BackendNFTables {
		return []resource.Ruleset{{Backend: b.name, Tables: []resource.RuleTable{nftTable(n, set4, set6)}}}
	}
	return []resource.Ruleset{{Backend: b.name, Variant: b.variant, Tables: []resource.RuleTable{
		iptablesTable(resource.FamilyIP4, n, set4), iptablesTable(resource.FamilyIP6, n, set6),
	}}}
}

// spread makes more than four networks that do not touch each other; other n,
// other networks.
func spread(format string, first, n int) []netip.Prefix {
	var out []netip.Prefix
	for i := range 6 + n {
		out = append(out, netip.MustParsePrefix(fmt.Sprintf(format, first+n%200, i>>7, i&127*2)))
	}
	return out
}

// matches are the rules of each chain; with n they become more.
func matches(n int, sets ...resource.AddrSet) (egress, out []ruleset.Match) {
	egress = []ruleset.Match{{CT: ruleset.Reply, Verdict: ruleset.Return}, {In: "br-+", Verdict: "out"}}
	for i := range n % 3 {
		out = append(out, ruleset.Match{Proto: "tcp", Ports: ruleset.Ports{First: uint16(8000 + i), Last: uint16(8000 + i)}, Verdict: ruleset.Return, Comment: "site 1's"})
	}
	for _, s := range sets {
		out = append(out, ruleset.Match{DstSet: s.Name, Verdict: ruleset.Return})
	}
	limit := ruleset.Rate{N: 10, Per: "minute"}
	return egress, append(out, ruleset.Match{Limit: limit, Verdict: ruleset.LogPacket, LogPrefix: "bulwark drop: "}, ruleset.Match{Verdict: ruleset.Drop})
}

func iptablesTable(family string, n int, set resource.AddrSet) resource.RuleTable {
	t := resource.RuleTable{Family: family, Jumps: []resource.Jump{{From: "DOCKER-USER", To: "BULWARK-EGRESS", At: 1}}, Sets: []resource.AddrSet{set}}
	egress, out := matches(n, set)
	for name, list := range map[string][]ruleset.Match{"egress": egress, "out": out} {
		c := resource.RuleChain{Name: ruleset.ChainName(resource.BackendIPTables, name)}
		for _, m := range list {
			c.Rules = append(c.Rules, m.IPTables(family))
		}
		t.Chains = append(t.Chains, c)
	}
	return t
}

func nftTable(n int, sets ...resource.AddrSet) resource.RuleTable {
	t := resource.RuleTable{Family: resource.FamilyInet, Sets: sets, Chains: []resource.RuleChain{{
		Name: "forward", Hook: "type filter hook forward priority -10; policy accept;", Rules: []string{"jump egress"},
	}}}
	egress, out := matches(n, sets...)
	for name, list := range map[string][]ruleset.Match{"egress": egress, "out": out} {
		c := resource.RuleChain{Name: name}
		for _, m := range list {
			c.Rules = append(c.Rules, m.NFT())
		}
		t.Chains = append(t.Chains, c)
	}
	return t
}

func own(t *testing.T) []resource.Ruleset {
	t.Helper()
	found, err := host.ReadRules(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return found.Own()
}

func wantOwn(t *testing.T, want []resource.Ruleset) {
	t.Helper()
	if got := own(t); !ruleset.Same(want, got) {
		t.Errorf("the kernel has\n%s\nnot\n%s", ruleset.Text(got), ruleset.Text(want))
	}
}

// kernel is all that netfilter holds, without counters and times, as the
// programs print it.
func kernel(t *testing.T) string {
	t.Helper()
	return scratch.Shell(t, `{ for t in $(cat /proc/thread-self/net/ip_tables_names); do iptables-legacy-save -t $t; done
		for t in $(cat /proc/thread-self/net/ip6_tables_names); do ip6tables-legacy-save -t $t; done
		nft -s list ruleset; ipset save | sort; }`+" | sed -e 's/^#.*//' -e 's/\\[[0-9:]*\\]//'")
}

func encode(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
