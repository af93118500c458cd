package inside

import (
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settling is how long a new network may need: a bridge looks for duplicates of
// its IPv6 addresses when its first container joins, up to two seconds in which it
// answers nobody (RFC 4862, section 5.4).
const settling = 4 * time.Second

var errGateway = errors.New("the gateway of the container's network does not answer, so that nothing was tried")

// settle waits until the gateway is known on the link: what is sent before would
// be lost, and its silence no proof. Without a gateway there is nothing to wait
// for, and the kernel says so to who sends.
func settle(ipv6 bool) error {
	gateway := gatewayOf(ipv6)
	if !gateway.IsValid() {
		return nil
	}
	const discard = 9
	end := time.Now().Add(settling)
	for time.Now().Before(end) {
		if resolved(gateway) {
			return nil
		}
		if c, err := net.Dial("udp", netip.AddrPortFrom(gateway, discard).String()); err == nil {
			_, _ = c.Write([]byte(greeting))
			c.Close()
		}
		time.Sleep(settling / 200)
	}
	return errGateway
}

// gatewayOf reads the gateway of the default route from /proc/net, which each
// container may read; invalid if there is none.
func gatewayOf(ipv6 bool) netip.Addr {
	name, parse := "/proc/net/route", gateway4
	if ipv6 {
		name, parse = "/proc/net/ipv6_route", gateway6
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return netip.Addr{}
	}
	for line := range strings.Lines(string(b)) {
		if a := parse(strings.Fields(line)); a.IsValid() && !a.IsUnspecified() {
			return a
		}
	}
	return netip.Addr{}
}

// gateway4 reads a line of /proc/net/route: Iface Destination Gateway Flags and
// so on, addresses as numbers of the machine's order.
func gateway4(f []string) netip.Addr {
	if len(f) < 3 || f[1] != "00000000" {
		return netip.Addr{}
	}
	b, err := hex.DecodeString(f[2])
	if err != nil {
		return netip.Addr{}
	}
	if little {
		slices.Reverse(b)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// gateway6 reads a line of /proc/net/ipv6_route: destination, its length, source,
// its length, next hop and so on, in order of the network.
func gateway6(f []string) netip.Addr {
	if len(f) < 5 || f[1] != "00" || strings.Trim(f[0], "0") != "" {
		return netip.Addr{}
	}
	b, err := hex.DecodeString(f[4])
	if err != nil {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// resolved reports whether the kernel knows the link address of a neighbour
// (rtnetlink(7), RTM_GETNEIGH).
func resolved(a netip.Addr) bool {
	family := syscall.AF_INET6
	if a.Is4() {
		family = syscall.AF_INET
	}
	table, err := syscall.NetlinkRIB(syscall.RTM_GETNEIGH, family)
	if err != nil {
		return false
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(messages, func(m syscall.NetlinkMessage) bool { return knows(m, a) })
}
