package host

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// What marks a rule of policy routing as bulwark's. The kernel keeps the
// protocol for us (rtnetlink(7): who made it; 198 is nobody's in
// /etc/iproute2/rt_protos). The priority comes before the table main (32766).
const (
	steerProtocol = 198
	steerPriority = 5190
	steerTable    = 51966
	steerTables   = 16 // how many numbers are tried
)

// Steer leads what comes from one network and goes to another, and nothing
// else, to via on link: by a rule of its own and a table of its own. The table
// main stays as it is.
func Steer(from, to netip.Prefix, link string, via netip.Addr) error {
	dev, err := netlink.LinkByName(link)
	if err != nil {
		return fmt.Errorf("cannot find the link %s: %w", link, err)
	}
	table, err := steeringTable()
	if err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: dev.Attrs().Index, Dst: ipNet(to), Gw: via.AsSlice(), Table: table, Protocol: steerProtocol}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("cannot route %s to %s: %w", to, link, err)
	}
	rule := netlink.NewRule()
	rule.Src, rule.Dst, rule.Table = ipNet(from), ipNet(to), table
	rule.Priority, rule.Protocol = steerPriority, steerProtocol
	if err := netlink.RuleAdd(rule); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("cannot lead %s from %s to %s: %w", to, from, link, err)
	}
	return nil
}

// steeringTable is a table that nobody else uses.
func steeringTable() (int, error) {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return 0, fmt.Errorf("cannot read routes: %w", err)
	}
	rules, err := netlink.RuleList(netlink.FAMILY_V4)
	if err != nil {
		return 0, fmt.Errorf("cannot read rules of routing: %w", err)
	}
	used := map[int]bool{}
	for _, r := range routes {
		used[r.Table] = used[r.Table] || r.Protocol != steerProtocol
	}
	for _, r := range rules {
		used[r.Table] = used[r.Table] || r.Protocol != steerProtocol
	}
	for t := steerTable; t < steerTable+steerTables; t++ {
		if !used[t] {
			return t, nil
		}
	}
	return 0, fmt.Errorf("cannot find a free routing table: %d to %d are in use", steerTable, steerTable+steerTables-1)
}

// Unsteer removes the rules that Steer made; their routes go with the link.
func Unsteer() error {
	rules, err := netlink.RuleList(netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("cannot read rules of routing: %w", err)
	}
	var all []error
	for _, r := range rules {
		own := r.Protocol == steerProtocol && r.Priority == steerPriority && r.Table >= steerTable && r.Table < steerTable+steerTables
		if !own {
			continue
		}
		if err := netlink.RuleDel(&r); err != nil && !errors.Is(err, unix.ENOENT) {
			all = append(all, fmt.Errorf("cannot remove a rule of routing: %w", err))
		}
	}
	return errors.Join(all...)
}

// NetworkOf is the network of the host's on which an address is, and the link.
func NetworkOf(a netip.Addr) (p netip.Prefix, link string, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return p, "", fmt.Errorf("cannot list links: %w", err)
	}
	for _, l := range links {
		list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
		if err != nil {
			return p, "", fmt.Errorf("cannot list addresses: %w", err)
		}
		for _, own := range list {
			if p, ok := prefixOf(own.IPNet); ok && p.Contains(a) && !p.IsSingleIP() {
				return p.Masked(), l.Attrs().Name, nil
			}
		}
	}
	return p, "", fmt.Errorf("no link of this host has %s on its network", a)
}

// Leads says why the host would not send on to link what a neighbour on the
// network of from sends to an address; nil if it would. Rules of a firewall are
// not asked.
func Leads(from, to netip.Addr, link string) error {
	network, in, err := NetworkOf(from)
	if err != nil {
		return err
	}
	neighbour := network.Addr().Next().Next()
	if !network.Contains(neighbour) || neighbour == from {
		neighbour = neighbour.Next()
	}
	routes, err := netlink.RouteGetWithOptions(to.AsSlice(), &netlink.RouteGetOptions{Iif: in, SrcAddr: neighbour.AsSlice()})
	if err != nil {
		return fmt.Errorf("the host has no route from %s to %s: %w", in, to, err)
	}
	for _, r := range routes {
		if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil && l.Attrs().Name == link {
			return nil
		}
	}
	return fmt.Errorf("the host's routes lead from %s to %s by another link than %s", in, to, link)
}
