package probe

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/plans"
)

// A place is a network that a container attacks from; the address, one on it,
// may be unknown.
type place struct{ network, title, address string }

// places are the networks that the policy's rules hold for; gaps says which
// were left out, and why.
func places(ctx context.Context, l Lab, v6 bool) (out []place, gaps []string, err error) {
	if covers(l.Policy(), "br-0") {
		n, err := l.Network(ctx, "near")
		if err != nil {
			return nil, nil, err
		}
		p := place{n.Name, "a network of its own", n.Gateway}
		if v6 {
			p.address = n.Gateway6
		}
		if p.address != "" {
			out = append(out, p)
		} else {
			gaps = append(gaps, "the daemon makes networks without "+version(v6))
		}
	}
	if p, why := defaultBridge(l, v6); why != "" {
		gaps = append(gaps, why)
	} else if covers(l.Policy(), "docker0") {
		out = append(out, p)
	}
	return out, gaps, nil
}

func version(v6 bool) string {
	if v6 {
		return "IPv6"
	}
	return "IPv4"
}

// defaultBridge is the network "bridge" as the snapshot has it. Networks are in
// a snapshot only if the policy has a word on egress.
func defaultBridge(l Lab, v6 bool) (place, string) {
	networks, ok := l.Snapshot().Networks.Get()
	engine, asked := l.Snapshot().Engine.Get()
	switch {
	case !ok && v6:
		return place{}, "the default bridge is not known: " + l.Snapshot().Networks.Unknown
	case !ok && asked && engine.Bridge == nil:
		return place{}, "there is no default bridge"
	case !ok:
		return place{network: "bridge", title: "the default bridge"}, ""
	}
	for _, n := range networks {
		if n.Name != "bridge" {
			continue
		}
		for _, s := range n.Subnets {
			if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is6() == v6 {
				return place{"bridge", "the default bridge", p.Addr().Next().String()}, ""
			}
		}
		return place{}, "the default bridge has no " + version(v6)
	}
	return place{}, "there is no default bridge"
}

// covers reports whether the policy's rules hold for a bridge: its name, or the
// first letters with a + for the rest.
func covers(p *plans.Policy, bridge string) bool {
	if p == nil || p.Egress == nil || p.Egress.Interfaces == nil {
		return true
	}
	for _, i := range p.Egress.Interfaces {
		stem, open := strings.CutSuffix(i, "+")
		if i == bridge || open && strings.HasPrefix(bridge, stem) {
			return true
		}
	}
	return false
}

// allowing names the line of egress.allow that may let a connection through,
// "" if none does. Lines for some containers only count too: which addresses
// those have is not known here.
func allowing(p *plans.Policy, kind, ip string, port int) string {
	a, err := netip.ParseAddr(ip)
	if p == nil || p.Egress == nil || err != nil {
		return ""
	}
	for i, line := range p.Egress.Allow {
		if contains(line.To, a) && allowsPort(line.Ports, kind, port) {
			return fmt.Sprintf("egress.allow[%d] (%s)", i, line.To)
		}
	}
	return ""
}

func contains(to string, a netip.Addr) bool {
	if one, err := netip.ParseAddr(to); err == nil {
		return one == a
	}
	p, err := netip.ParsePrefix(to)
	return err == nil && p.Contains(a)
}

func allowsPort(ports []string, kind string, port int) bool {
	if len(ports) == 0 {
		return true
	}
	for _, p := range ports {
		numbers, proto, _ := strings.Cut(p, "/")
		if numbers == "icmp" {
			if kind == "icmp" {
				return true
			}
			continue
		}
		first, last := portRange(numbers)
		if proto == protocol(kind) && first <= port && port <= last {
			return true
		}
	}
	return false
}

func portRange(s string) (first, last int) {
	a, b, isRange := strings.Cut(s, "-")
	first, _ = strconv.Atoi(a)
	if !isRange {
		return first, first
	}
	last, _ = strconv.Atoi(b)
	return first, last
}

func protocol(kind string) string {
	if kind == "http" {
		return "tcp"
	}
	return kind
}

func covering(to, ip string) bool {
	a, err := netip.ParseAddr(ip)
	return err == nil && contains(to, a)
}
