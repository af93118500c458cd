package egress

import (
	"net/netip"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// dnsPorts are those of every name server.
func dnsPorts() []port { return []port{{"tcp", 53, 53}, {"udp", 53, 53}} }

// nameServers are allowed to every container: those that the policy names and,
// unless it denies Docker's own resolver, those that dockerd gives containers.
// On the default bridge containers ask them directly; on other networks dockerd
// asks, up to 27 from the container's network.
func nameServers(want *Want, s *resource.Snapshot, fw resource.Firewall) []grant {
	list := slices.Clone(want.DNSServers)
	if want.EmbeddedDNS {
		list = slices.Concat(list, fw.Nameservers, daemonDNS(want, s))
	}
	var out []grant
	for _, text := range list {
		if a, err := netip.ParseAddr(text); err == nil && reachable(a) {
			out = append(out, grant{to: single(a), ports: dnsPorts()})
		}
	}
	return out
}

// reachable says that an address can lie behind a bridge: one on loopback or
// valid on one link only is not forwarded.
func reachable(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified()
}

// daemonDNS are the servers that dockerd gives containers in place of the
// host's.
func daemonDNS(want *Want, s *resource.Snapshot) []string {
	if want.DaemonDNS != nil {
		return want.DaemonDNS
	}
	return daemonOf(s).option("dns", "dns")
}

// hostAsks says why Docker's resolver reaches a server whatever the rules say,
// or "". From 28 on dockerd asks the host's servers from the host's own
// network, before that only those that a container could not reach; servers of
// its own setting it asks from the container's network (moby,
// libnetwork/internal/resolvconf, HostLoopback).
func hostAsks(want *Want, s *resource.Snapshot, fw resource.Firewall) string {
	d := daemonOf(s)
	if len(daemonDNS(want, s)) > 0 {
		return ""
	}
	if d.major() >= 28 {
		return "from Docker Engine 28 on dockerd asks the host's name servers from the host's own network, where rules for containers do not hold"
	}
	if len(fw.Nameservers) == 0 {
		return "the host's name servers are on its loopback, and dockerd asks them from the host's own network, where rules for containers do not hold"
	}
	if d.major() == 0 {
		return "the release of Docker Engine is not known; from 28 on dockerd asks the host's name servers from the host's own network"
	}
	return ""
}

// dnsControl answers for dns: {embedded: deny}.
func dnsControl(want *Want, s *resource.Snapshot, fw resource.Firewall) (resource.ControlResult, bool) {
	if want.EmbeddedDNS {
		return resource.ControlResult{}, false
	}
	c := resource.ControlResult{ID: controlDNS, Status: resource.OK}
	if why := hostAsks(want, s, fw); why != "" {
		c.Status, c.Reason = resource.Blocked, "Docker's resolver cannot be denied: "+why
		c.Remedy = "set daemon.dns in the policy: dockerd asks servers named there from the container's network; or set dns: {embedded: allow}"
	}
	return c, true
}

// dnsImpacts tell what names can carry, and which containers get no names.
func dnsImpacts(want *Want, s *resource.Snapshot, fw resource.Firewall) []resource.Impact {
	var out []resource.Impact
	if want.EmbeddedDNS || hostAsks(want, s, fw) != "" {
		out = append(out, note("containers can resolve names, and so send data out inside names (DNS tunnel) through the name servers"))
	}
	if !want.EmbeddedDNS || len(nameServers(want, s, fw)) > 0 {
		return out
	}
	return append(out, warning("the host has no name server that containers can reach: those on the default bridge resolve no names; name a server in dns.servers and in daemon.dns"))
}
