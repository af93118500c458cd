package lab_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/inside"
	"github.com/bulwark-project/bulwark/remediate/internal/lab"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
)

// ownNetns puts the test into a network namespace of its own.
func ownNetns(t *testing.T) {
	t.Helper()
	scratch.Netns(t)
	scratch.Shell(t, "ip link set lo up")
}

// forward makes the namespace a router, as dockerd does with a host.
func forward(t *testing.T) {
	t.Helper()
	scratch.Shell(t, "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
}

// A box stands for a container: a namespace on a network of the host's.
type box struct {
	ns      *host.Netns
	gateway string
}

// lay makes a namespace at the far end of a wire.
func lay(t *testing.T, w host.Wire) *host.Netns {
	t.Helper()
	ns, err := host.NewNetns()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	if err := ns.Lay(w); err != nil {
		t.Fatal(err)
	}
	return ns
}

func newBox(t *testing.T) box {
	t.Helper()
	ns := lay(t, host.Wire{
		Near: "br-box", Far: "eth0",
		Net4: netip.MustParsePrefix("172.30.9.0/24"), Net6: netip.MustParsePrefix("fd00:9::/64"),
		Near4: netip.MustParseAddr("172.30.9.1"), Far4: netip.MustParseAddr("172.30.9.2"),
		Near6: netip.MustParseAddr("fd00:9::1"), Far6: netip.MustParseAddr("fd00:9::2"),
	})
	return box{ns, "172.30.9.1"}
}

// reach is the attack, from the box.
func (b box) reach(t *testing.T, kind, address string) (what string) {
	t.Helper()
	if err := b.ns.Do(func() error { what = inside.Reach(kind, address); return nil }); err != nil {
		t.Fatal(err)
	}
	return what
}

func newTarget(t *testing.T) probe.Target {
	t.Helper()
	o := newLab(t)
	target, err := o.Target(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return target
}

type outsideLab interface {
	Target(context.Context) (probe.Target, error)
	Listen(context.Context) (int, error)
	Syslog(context.Context) (string, func() []string, error)
	Records(context.Context, string, func() error) ([]string, error)
	Close(context.Context) []string
}

func newLab(t *testing.T) outsideLab {
	t.Helper()
	o := lab.NewOutside()
	t.Cleanup(func() {
		if left := o.Close(context.Background()); left != nil {
			t.Errorf("left: %q", left)
		}
	})
	return o
}

// state is all of routing that a lab could leave something in. Test links' own
// routes come and go by themselves.
func state(t *testing.T) string {
	t.Helper()
	return scratch.Shell(t, "ip -o link | sed 's/^[0-9]*: //' | cut -d: -f1; ip rule; ip -6 rule; { ip route show table all; ip -6 route show table all; } | grep -v -e br-box -e out0; ls /run/netns 2>/dev/null || true; cat /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/forwarding")
}

func wantState(t *testing.T, before string) {
	t.Helper()
	if after := state(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func contains(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
