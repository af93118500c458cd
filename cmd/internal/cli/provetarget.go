package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// targetPort is what is attacked on a target that names no port.
const targetPort = 80

// parseTargets reads the values of --target: ADDRESS, IPv4:PORT, [IPv6]:PORT.
func parseTargets(list []string) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for _, s := range list {
		at, err := parseTarget(s)
		if err != nil {
			return nil, fmt.Errorf("cannot attack %q: %w", s, err)
		}
		for _, other := range out {
			if other.Addr().Is6() == at.Addr().Is6() {
				return nil, fmt.Errorf("cannot attack both %s and %s: --target takes one address of each IP version", other.Addr(), at.Addr())
			}
		}
		out = append(out, at)
	}
	return out, nil
}

func parseTarget(s string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(s)
	if err != nil {
		var ip netip.Addr
		ip, err = netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
		at = netip.AddrPortFrom(ip, targetPort)
	}
	switch ip := at.Addr().Unmap(); {
	case err != nil, at.Port() == 0:
		return at, errors.New("--target wants an address of IPv4 or IPv6, alone or with a port from 1 to 65535; names are not looked up")
	case ip.Zone() != "", ip.IsUnspecified(), ip.IsLoopback(), ip.IsMulticast(), ip.Is6() && ip.IsLinkLocalUnicast():
		return at, errors.New("it is not the address of a host that is reached through routers")
	default:
		return netip.AddrPortFrom(ip, at.Port()), nil
	}
}
