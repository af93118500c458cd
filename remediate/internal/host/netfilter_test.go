package host_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// netns is a namespace whose links can be seen in /sys.
func netns(t *testing.T) {
	t.Helper()
	scratch.Sysfs(t)
	scratch.Shell(t, "ip link set lo up")
}

func networks(family string, n int) []netip.Prefix {
	var out []netip.Prefix
	for i := range n {
		p := fmt.Sprintf("10.%d.%d.%d/31", i>>14&255, i>>6&255, i<<2&255)
		if family == resource.FamilyIP6 {
			p = fmt.Sprintf("2001:db8:%x::/63", i*2+1)
		}
		out = append(out, netip.MustParsePrefix(p).Masked())
	}
	return out
}

// TestReadsNothingIntoBeing: to look at a host makes no table.
func TestReadsNothingIntoBeing(t *testing.T) {
	netns(t)
	const tables = "cat /proc/thread-self/net/ip_tables_names /proc/thread-self/net/ip6_tables_names; nft list tables"
	for _, before := range []string{"", "ip6tables-nft -N X", "iptables-legacy -N X"} {
		scratch.Shell(t, before)
		want := scratch.Shell(t, tables)
		f, err := host.NewReader("/", nil, "").Firewall(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got := scratch.Shell(t, tables); got != want {
			t.Errorf("after %q: tables\n%s, and after a look\n%s", before, want, got)
		}
		if n := strings.Count(want, "filter"); len(f.Filters) != n {
			t.Errorf("after %q: %d tables, %d seen: %v", before, n, len(f.Filters), f.Filters)
		}
	}
}

// TestNativeRules: a table of nft's own that iptables cannot show is noted, and
// hides neither the other tables nor the host.
func TestNativeRules(t *testing.T) {
	netns(t)
	scratch.Shell(t, `nft add table ip filter; nft 'add chain ip filter forward { type filter hook forward priority 0; }'
		nft add rule ip filter forward ct expiration 5s drop; ip6tables-nft -N DOCKER-USER`)
	f, err := host.NewReader("/", nil, "").Firewall(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range f.Filters {
		if table.Native != (table.Family == resource.FamilyIP4) || table.DockerUser != (table.Family == resource.FamilyIP6) {
			t.Errorf("got %+v", table)
		}
	}
	if len(f.Filters) != 2 {
		t.Errorf("got %d tables", len(f.Filters))
	}
	scratch.Shell(t, "nft add chain ip filter BULWARK-OUT") // what cannot be seen is not absent
	_, err = host.NewReader("/", nil, "").Firewall(context.Background())
	if err == nil || !strings.Contains(err.Error(), "rules of bulwark are in it") {
		t.Errorf("got %v", err)
	}
}

// TestTools: all programs of this host, with versions.
func TestTools(t *testing.T) {
	netns(t)
	f, err := host.NewReader("/", nil, "").Firewall(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy", "nft"} {
		args := strings.Fields(scratch.Shell(t, tool+" -V"))
		if got := "v" + f.Tools[tool]; got != args[1] {
			t.Errorf("%s is %s, not %s", tool, args[1], got)
		}
	}
	if said := scratch.Shell(t, "iptables -V"); strings.Contains(said, "nf_tables") != (f.Variant == resource.VariantNFT) {
		t.Errorf("iptables is %s, not %s", said, f.Variant)
	}
}

// TestSurroundings: bridges and forwarding are those of the kernel.
func TestSurroundings(t *testing.T) {
	netns(t)
	scratch.Shell(t, "ip link add b0 type bridge; ip link add v0 type veth peer v1; ip link add b1 type bridge")
	scratch.Shell(t, "echo 0 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
	f, err := host.NewReader("/", nil, "").Firewall(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.Bridges, []string{"b0", "b1"}) {
		t.Errorf("bridges %v", f.Bridges)
	}
	if f.Forwarding["ip"] || !f.Forwarding["ip6"] {
		t.Errorf("forwarding %v", f.Forwarding)
	}
}

// TestSets: what was put is read; a set that somebody changed is seen and put
// right; foreign sets are not touched.
func TestSets(t *testing.T) {
	netns(t)
	scratch.Shell(t, "ipset create theirs hash:ip; ipset add theirs 192.0.2.1")
	for _, family := range []string{resource.FamilyIP4, resource.FamilyIP6} {
		for _, n := range []int{1, 7, 10000} {
			set := ruleset.NewSet(family, networks(family, n))
			began := time.Now()
			if err := host.PutSet(set); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			began = time.Now()
			wantSet(t, set)
			t.Logf("%s %d: put %s, read %s", family, len(set.Members), took, time.Since(began))
			if took > 700*time.Millisecond {
				t.Errorf("%d members took %s", n, took)
			}
			tamper(t, set)
			if err := host.DropSet(context.Background(), set.Name); err != nil {
				t.Error(err)
			}
		}
	}
	if left := scratch.Shell(t, "ipset list -n"); left != "theirs\n" {
		t.Errorf("left: %s", left)
	}
}

// tamper changes a set, which a rule may be using, in ways that keep its name.
func tamper(t *testing.T, set resource.AddrSet) {
	t.Helper()
	extra, family := "198.51.100.0/24", "inet"
	if set.Family == resource.FamilyIP6 {
		extra, family = "2001:db8:ffff:ff00::/64", "inet6"
	}
	for _, script := range []string{
		"ipset flush NAME", "ipset del NAME FIRST",
		"ipset flush NAME; ipset add NAME EXTRA", "ipset del NAME FIRST; ipset add NAME FIRST nomatch",
		"ipset destroy NAME; ipset create NAME hash:ip family FAMILY",
		"ipset destroy NAME; ipset create NAME hash:net family FAMILY timeout 60",
		"ipset rename NAME bulwark-other",
		"ipset create NAME-new hash:ip", // a load was killed
	} {
		scratch.Shell(t, strings.NewReplacer("NAME", set.Name, "EXTRA", extra, "FIRST", set.Members[0], "FAMILY", family).Replace(script))
		if got := sets(t); len(got) == 1 && slices.Equal(got[0].Members, set.Members) && got[0].Name == set.Name {
			t.Errorf("not seen: %s", script)
		}
		if err := host.PutSet(set); err != nil {
			t.Errorf("after %s: %v", script, err)
		}
		scratch.Shell(t, "ipset destroy bulwark-other 2>/dev/null || true")
		wantSet(t, set)
	}
}

func sets(t *testing.T) []resource.AddrSet {
	t.Helper()
	rules, err := host.ReadRules(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return rules.Sets
}

func wantSet(t *testing.T, want resource.AddrSet) {
	t.Helper()
	got := sets(t)
	if len(got) != 1 || got[0].Name != want.Name || got[0].Family != want.Family || !slices.Equal(got[0].Members, want.Members) {
		t.Errorf("sets %.300v, not %.300v", got, want)
	}
}

// TestSetInUse: a set that a rule names is exchanged, but not removed.
func TestSetInUse(t *testing.T) {
	netns(t)
	set := ruleset.NewSet(resource.FamilyIP4, networks(resource.FamilyIP4, 9))
	if err := host.PutSet(set); err != nil {
		t.Fatal(err)
	}
	scratch.Shell(t, "iptables-nft -N X; iptables-nft -A X -m set --match-set "+set.Name+" dst -j RETURN; ipset flush "+set.Name)
	if err := host.PutSet(set); err != nil {
		t.Fatal(err)
	}
	wantSet(t, set)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := host.DropSet(ctx, set.Name); err == nil {
		t.Error("a set in use was removed")
	}
	scratch.Shell(t, "iptables-nft -F X")
	if err := host.DropSet(context.Background(), set.Name); err != nil {
		t.Errorf("a set whose rule is just gone: %v", err)
	}
}

// TestScratch: what happens there is seen by nobody else.
func TestScratch(t *testing.T) {
	netns(t)
	before, _ := os.Readlink("/proc/thread-self/ns/net")
	err := host.Scratch(func() error {
		scratch.Shell(t, "iptables-nft -N SCRATCH")
		if inside, _ := os.Readlink("/proc/thread-self/ns/net"); inside == before {
			t.Error("it is the same namespace")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Readlink("/proc/thread-self/ns/net"); after != before {
		t.Error("the caller was moved")
	}
	if out := scratch.Shell(t, "iptables-nft-save"); strings.Contains(out, "SCRATCH") {
		t.Errorf("a trace: %s", out)
	}
}
