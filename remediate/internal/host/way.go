package host

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Way is the link by which this host sends to an address. An address of its own,
// of many (multicast, broadcast) or without a route is an error.
func Way(to netip.Addr) (link string, err error) {
	routes, err := netlink.RouteGet(to.AsSlice())
	if err == nil && len(routes) == 0 {
		err = unix.ENETUNREACH
	}
	if err != nil {
		return "", fmt.Errorf("this host has no route to %s: %w", to, err)
	}
	switch routes[0].Type {
	case unix.RTN_UNICAST:
	case unix.RTN_LOCAL:
		return "", fmt.Errorf("%s is this host itself", to)
	default:
		return "", fmt.Errorf("%s is not the address of one host", to)
	}
	l, err := netlink.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return "", fmt.Errorf("cannot find the link to %s: %w", to, err)
	}
	return l.Attrs().Name, nil
}
