package plans

import (
	"fmt"
	"net/netip"
)

// egress finds lines that can never allow anything, and name servers that no
// container can reach: a rule for them would be a promise that is not kept.
func (c *checker) egress() {
	e := c.root.get("egress")
	if e == nil {
		return
	}
	if allow := e.get("allow"); allow != nil {
		for i, line := range allow.items {
			c.families(line, fmt.Sprintf("egress.allow[%d]", i))
		}
	}
	servers := c.root.at("egress", "dns", "servers")
	if servers == nil {
		return
	}
	for i, s := range servers.items {
		if a, err := netip.ParseAddr(s.text); err == nil && !forwarded(a.Unmap()) {
			c.fail(s, fmt.Sprintf("egress.dns.servers[%d]", i), "a server that containers can reach", s.text,
				"on loopback and link-local addresses a container meets itself; name the server behind them")
		}
	}
}

// forwarded says that an address can lie beyond a bridge.
func forwarded(a netip.Addr) bool {
	return !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified()
}

// families: a packet has one family, so source and destination share it.
func (c *checker) families(line *node, key string) {
	to, subnet := line.get("to"), line.get("from").get("subnet")
	if to == nil || subnet == nil {
		return
	}
	dst, known := family(to.text)
	src, ok := family(subnet.text)
	if known && ok && dst != src {
		c.fail(subnet, key+".from.subnet", "a subnet of "+dst+", as to ("+to.text+")", subnet.text, "")
	}
}

// family is IPv4 or IPv6; a name has none of its own.
func family(text string) (name string, ok bool) {
	a, err := netip.ParseAddr(text)
	if p, bad := netip.ParsePrefix(text); bad == nil {
		a, err = p.Addr(), nil
	}
	switch {
	case err != nil:
		return "", false
	case a.Unmap().Is4():
		return "IPv4", true
	}
	return "IPv6", true
}
