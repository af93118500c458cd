package lab_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/lab"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// elsewhere is a host behind the link out0 that answers nothing but echo requests.
func elsewhere(t *testing.T) {
	t.Helper()
	lay(t, host.Wire{
		Near: "out0", Far: "eth0",
		Net4: netip.MustParsePrefix("203.0.113.0/24"), Net6: netip.MustParsePrefix("2001:db8::/64"),
		Near4: netip.MustParseAddr("203.0.113.1"), Far4: netip.MustParseAddr("203.0.113.7"),
		Near6: netip.MustParseAddr("2001:db8::1"), Far6: netip.MustParseAddr("2001:db8::7"),
	})
	// The kernel makes an IPv6 address the host's own a little later.
	scratch.Shell(t, "for i in $(seq 100); do ip -6 route get 2001:db8::1 | grep -q ^local && exit; sleep 0.05; done; exit 1")
}

// TestGiven: what a container and the host send to a given host is counted when it
// leaves, answered or not, and not when a rule drops it.
func TestGiven(t *testing.T) {
	ownNetns(t)
	forward(t)
	elsewhere(t)
	b := newBox(t)
	before := state(t)
	for _, at := range []string{"203.0.113.7:99", "[2001:db8::7]:99"} {
		o := lab.NewOutside()
		if err := o.Give(nil, netip.MustParseAddrPort(at)); err != nil {
			t.Fatal(err)
		}
		v6 := strings.Contains(at, "[")
		target, err := o.Away(context.Background(), v6)
		if err != nil || target.IP4+target.IP6 == "" {
			t.Fatalf("%+v %v", target, err)
		}
		gateway := map[bool]string{false: b.gateway, true: "fd00:9::1"}[v6]
		if err := target.Leads(gateway); err != nil {
			t.Error(err)
		}
		for _, shut := range []bool{false, true} {
			if shut {
				scratch.Shell(t, "for p in iptables ip6tables; do $p -w -A FORWARD -o out0 -j DROP; done")
			}
			for _, a := range []attempt{{"tcp", at}, {"udp", at}, {"icmp", target.IP4 + target.IP6}, {"http", at}} {
				what := b.reach(t, a.kind, a.address)
				if n := target.Seen(); shut && n != 0 || !shut && n == 0 {
					t.Errorf("shut %v: a container: %s %s: %s, counted %d", shut, a.kind, a.address, what, n)
				}
				what = target.Ask(a.kind, a.address)
				if n := target.Seen(); n == 0 {
					t.Errorf("shut %v: the host: %s %s: %s, counted %d", shut, a.kind, a.address, what, n)
				}
			}
		}
		scratch.Shell(t, "for p in iptables ip6tables; do $p -w -D FORWARD -o out0 -j DROP; done")
		if other, err := o.Away(context.Background(), !v6); err != nil || other.Dial == nil {
			t.Errorf("the other version is attacked elsewhere: %+v %v", other, err)
		}
		if said := o.Given(); len(said) != 1 || said[0] != at {
			t.Errorf("attacked: %q", said)
		}
		if left := o.Close(context.Background()); left != nil {
			t.Errorf("left: %q", left)
		}
	}
	wantState(t, before)
}

// TestGivenRefused: a host that is none, or whose packets would go to containers.
func TestGivenRefused(t *testing.T) {
	ownNetns(t)
	elsewhere(t)
	networks := []resource.Network{
		{Name: "shop", Bridge: "br-shop", Subnets: []string{"203.0.113.128/25"}},
		{Name: "lan", Driver: "macvlan", Subnets: []string{"203.0.113.0/25"}},
	}
	for at, want := range map[string]string{
		"203.0.113.1:80":   "is this host itself",
		"203.0.113.255:80": "not the address of one host",
		"198.51.100.1:80":  "no route",
		"203.0.113.200:80": "on the Docker network shop",
		"[2001:db8::1]:80": "is this host itself",
		"203.0.113.7:80":   "",
	} {
		o := lab.NewOutside()
		err := o.Give(networks, netip.MustParseAddrPort(at))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", at, err)
		}
		o.Close(context.Background())
	}
}

// TestGivenOnABusyLink: what else goes out by the link, and in, leaves room in the
// queue for what is looked for.
func TestGivenOnABusyLink(t *testing.T) {
	ownNetns(t)
	forward(t)
	elsewhere(t)
	b := newBox(t)
	scratch.Shell(t, "ip neigh add 203.0.113.99 lladdr 02:00:00:00:00:99 dev out0")
	o := lab.NewOutside()
	defer o.Close(context.Background())
	if err := o.Give(nil, netip.MustParseAddrPort("203.0.113.7:99")); err != nil {
		t.Fatal(err)
	}
	target, err := o.Away(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp4", "203.0.113.99:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 30000 {
		_, _ = c.Write(make([]byte, 1000))
	}
	if n := target.Seen(); n != 0 {
		t.Errorf("what goes elsewhere is counted: %d", n)
	}
	for range 30000 {
		_, _ = c.Write(make([]byte, 1000))
	}
	what := b.reach(t, "icmp", target.IP4)
	if n := target.Seen(); n != 1 {
		t.Errorf("%s, counted %d", what, n)
	}
}
