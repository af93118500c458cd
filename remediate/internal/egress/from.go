package egress

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// sources are those that a line holds for. note says why there are none now.
func sources(a *Allow, s *resource.Snapshot) (from []source, note string, r *resource.ControlResult) {
	switch {
	case a.Network != "":
		f, r := ofNetwork(a.Network, s)
		return []source{f}, "", r
	case a.Label != "":
		return ofLabel(a.Label, s)
	case a.Subnet != "":
		p, err := netip.ParsePrefix(a.Subnet)
		if err != nil {
			return nil, "", resource.Block("correct the line", "%q is not a network such as 10.0.0.0/8", a.Subnet)
		}
		return []source{{net: p.Masked()}}, "", nil
	}
	return []source{{}}, "", nil
}

// ofNetwork selects by the bridge: it holds for containers to come as well,
// and no container can forge it.
func ofNetwork(name string, s *resource.Snapshot) (source, *resource.ControlResult) {
	all, ok := s.Networks.Get()
	if !ok {
		return source{}, resource.CannotRead("start docker, or allow from a subnet", "cannot tell the bridge of network %s: %s", name, s.Networks.Unknown)
	}
	i := slices.IndexFunc(all, func(n resource.Network) bool { return n.Name == name })
	switch {
	case i < 0:
		return source{}, resource.Block("docker network create "+name+", or correct the line", "there is no network %s", name)
	case !plainName(all[i].Bridge):
		return source{}, resource.Block("allow from a label or a subnet", "network %s (driver %s) has no bridge to tell its containers by", name, all[i].Driver)
	}
	return source{in: all[i].Bridge}, nil
}

// ofLabel selects by the addresses that containers have now, each on its own
// bridge: a container elsewhere cannot use another's address.
func ofLabel(label string, s *resource.Snapshot) ([]source, string, *resource.ControlResult) {
	all, ok := s.Containers.Get()
	if !ok && !daemonOf(s).stopped() {
		return nil, "", resource.CannotRead("", "cannot tell which containers have label %s: %s", label, s.Containers.Unknown)
	}
	var from []source
	for _, c := range all {
		if !labelled(c, label) {
			continue
		}
		for _, e := range c.Networks {
			from = append(from, endpoint(e, s)...)
		}
	}
	if len(from) == 0 {
		return nil, fmt.Sprintf("no container with label %s has an address now, so the line allows nothing; run bulwark again when one runs", label), nil
	}
	return from, "", nil
}

func endpoint(e resource.Endpoint, s *resource.Snapshot) []source {
	bridge := bridgeOf(e.Network, s)
	var from []source
	for _, ip := range e.IPs {
		if a, err := netip.ParseAddr(ip); err == nil {
			from = append(from, source{in: bridge, net: single(a)})
		}
	}
	return from
}

func bridgeOf(network string, s *resource.Snapshot) string {
	for _, n := range s.Networks.Value {
		if n.Name == network && plainName(n.Bridge) {
			return n.Bridge
		}
	}
	return ""
}

// labelled knows the forms KEY and KEY=VALUE, as docker ps --filter does.
func labelled(c resource.Container, label string) bool {
	key, value, exact := strings.Cut(label, "=")
	got, ok := c.Labels[key]
	return ok && (!exact || got == value)
}
