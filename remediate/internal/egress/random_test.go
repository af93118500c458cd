package egress_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Policies and connections at random are drawn from few values, so that they
// often meet.
var (
	someNetworks = []string{
		"203.0.113.1", "203.0.113.2", "203.0.113.4", "203.0.113.8", "203.0.113.16", "203.0.113.32", "203.0.113.0/28", "203.0.113.128/25", "203.0.112.0/23",
		"2001:db8::1", "2001:db8::2", "2001:db8::4", "2001:db8::8", "2001:db8::10", "2001:db8::20", "2001:db8::/125", "2001:db8:1::/48", "mirror.example", "0.0.0.0/0", "::/0",
	}
	somePorts = []string{"443/tcp", "80/tcp", "80-90/tcp", "53/udp", "54/udp", "1-65535/udp", "9/sctp", "icmp"}
	someFrom  = []egress.Allow{
		{}, {}, {}, {Network: "app"}, {Network: "bridge"}, {Label: "role=web"}, {Label: "role"}, {Subnet: "172.17.0.0/24"}, {Subnet: "fd00:18::/126"},
	}
	someSources = map[string][]string{
		"docker0":         {"172.17.0.3", "172.17.0.4", "172.17.1.3", "fd00:17::3"},
		"br-0123456789ab": {"172.18.0.2", "172.18.0.3", "172.17.0.3", "fd00:18::2", "fd00:18::9"},
		"br-ffffffffffff": {"172.19.0.2", "fd00:19::2"},
		"br-lan":          {"10.1.0.2", "fd00:1::2"},
		"eth1":            {"10.2.0.2", "172.17.0.3", "fd00:2::2"},
	}
	someTargets = []string{
		"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.5", "203.0.113.8", "203.0.113.16", "203.0.113.32", "203.0.113.200", "203.0.112.7", "198.51.100.1",
		"203.0.113.7", "192.0.2.53", "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::7", "2001:db8::8", "2001:db8::10", "2001:db8::20", "2001:db8:1::1", "2001:db8:ffff::1",
		"10.1.0.9", "fd00:1::9", // behind a bridge of others
	}
	someProtos = []string{"tcp", "tcp", "udp", "sctp", "icmp", "253"}
	someNumber = []uint16{443, 80, 85, 90, 91, 53, 54, 9, 65535}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func randomWant(r *rand.Rand) *egress.Want {
	w := deny()
	w.Cut, w.EmbeddedDNS = r.IntN(2) == 0, r.IntN(3) > 0
	w.Log = pick(r, []*egress.Log{nil, {Rate: "1/hour", Prefix: `a 'b'`}})
	w.Interfaces = pick(r, [][]string{nil, nil, {"docker0"}, {"br-+", "docker0"}})
	for range r.IntN(40) {
		a := pick(r, someFrom)
		a.To = pick(r, someNetworks)
		if r.IntN(20) > 0 && (a.To == "0.0.0.0/0" || a.To == "::/0") {
			continue // they leave little to find out
		}
		for range r.IntN(3) {
			a.Ports = append(a.Ports, pick(r, somePorts))
		}
		a.Comment = pick(r, []string{"", "", "mirror", `it's "new"`})
		w.Allow = append(w.Allow, a)
	}
	return w
}

// randomHost has bridges of Docker's, one to come, and one of somebody else.
func randomHost() *resource.Snapshot {
	s := with(engine28(), resolved)
	s.Networks.Value = append(s.Networks.Value, resource.Network{Name: "later", Driver: "bridge", Bridge: "br-ffffffffffff"})
	s.Firewall.Value.Bridges = []string{"br-0123456789ab", "br-ffffffffffff", "br-lan", "docker0"}
	return s
}

func randomConn(r *rand.Rand) egress.Conn {
	c := egress.Conn{In: pick(r, []string{"docker0", "docker0", "br-0123456789ab", "br-0123456789ab", "br-ffffffffffff", "br-lan", "eth1"})}
	c.Src = netip.MustParseAddr(pick(r, someSources[c.In]))
	for c.Dst = netip.MustParseAddr(pick(r, someTargets)); c.Dst.Is4() != c.Src.Is4(); {
		c.Dst = netip.MustParseAddr(pick(r, someTargets))
	}
	c.Proto = pick(r, someProtos)
	if c.Proto == "tcp" || c.Proto == "udp" || c.Proto == "sctp" {
		c.Port = pick(r, someNumber)
	}
	return c
}

func describe(c egress.Conn) string {
	return fmt.Sprintf("%s %s > %s %s %d", c.In, c.Src, c.Dst, c.Proto, c.Port)
}
