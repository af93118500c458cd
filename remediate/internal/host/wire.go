package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Wire leads from the host to a namespace: a veth pair with one network of
// each IP version on it. Networks that are not valid are left out.
type Wire struct {
	Near, Far          string // names of its ends
	Net4, Net6         netip.Prefix
	Near4, Far4, Near6 netip.Addr
	Far6               netip.Addr
	// Extra are further addresses of the far end.
	Extra []netip.Addr
}

// Lay makes the pair between the caller's namespace and n. The far end is made
// where it belongs, in one request: a process that is killed leaves no pair.
func (n *Netns) Lay(w Wire) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = w.Near
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: w.Far, PeerNamespace: netlink.NsFd(n.file.Fd())}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("cannot make the link %s: %w", w.Near, err)
	}
	if err := addresses(w.Near, w.ends(w.Near4, w.Near6)); err != nil {
		return err
	}
	return n.Do(w.far)
}

func (w Wire) ends(a4, a6 netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	if w.Net4.IsValid() {
		out = append(out, netip.PrefixFrom(a4, w.Net4.Bits()))
	}
	if w.Net6.IsValid() {
		out = append(out, netip.PrefixFrom(a6, w.Net6.Bits()))
	}
	return out
}

// far is the inside: addresses, and the way back to everybody.
func (w Wire) far() error {
	var extra []netip.Prefix
	for _, a := range w.Extra {
		extra = append(extra, netip.PrefixFrom(a, a.BitLen()))
	}
	if err := errors.Join(addresses("lo", extra), addresses(w.Far, w.ends(w.Far4, w.Far6))); err != nil {
		return err
	}
	for _, via := range w.ends(w.Near4, w.Near6) {
		if err := netlink.RouteAdd(&netlink.Route{Gw: via.Addr().AsSlice()}); err != nil {
			return fmt.Errorf("cannot route back over %s: %w", w.Far, err)
		}
	}
	return nil
}

// addresses gives a link addresses and sets it up. They are of use at once:
// nobody else can have them, so that duplicates are not looked for.
func addresses(name string, list []netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("cannot find the link %s: %w", name, err)
	}
	for _, p := range list {
		a := &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}
		if err := netlink.AddrAdd(link, a); err != nil {
			return fmt.Errorf("cannot give %s the address %s: %w", name, p, err)
		}
	}
	withoutDAD(name)
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("cannot set %s up: %w", name, err)
	}
	return nil
}

// withoutDAD spares a link the search for its own link-local address. While that
// goes on, a second or two, nothing that is forwarded over the link is sent:
// neighbours are asked for from that address. Without IPv6 there is no such file.
func withoutDAD(link string) {
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+link+"/accept_dad", []byte("0"), 0)
}

// Unlay removes the near end of a wire, and the far end with it; one that is
// not there is fine, one that is no veth is somebody's.
func Unlay(near string) error {
	link, err := netlink.LinkByName(near)
	var gone netlink.LinkNotFoundError
	switch {
	case errors.As(err, &gone):
		return nil
	case err != nil:
		return fmt.Errorf("cannot look for the link %s: %w", near, err)
	case link.Type() != "veth":
		return fmt.Errorf("cannot remove the link %s: it is a %s, which bulwark does not make", near, link.Type())
	}
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("cannot remove the link %s: %w", near, err)
	}
	return nil
}

// Routed are the networks that some routing table or address of the host
// names, without those that stand for everywhere (0.0.0.0/0, and halves of it
// as VPNs have them).
func Routed() ([]netip.Prefix, error) {
	list, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("cannot read routes: %w", err)
	}
	var out []netip.Prefix
	for _, r := range list {
		if p, ok := prefixOf(r.Dst); ok && p.Bits() > 1 {
			out = append(out, p)
		}
	}
	return append(out, ownAddresses()...), nil
}

// Forwards says why the host does not forward packets of an IP version that
// come in by a link; nil if it does. Nothing is changed.
func Forwards(link string, ipv6 bool) error {
	paths := []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/conf/" + link + "/forwarding"}
	if ipv6 {
		paths = []string{"/proc/sys/net/ipv6/conf/all/forwarding"}
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return fmt.Errorf("cannot tell whether the host forwards: %w", err)
		}
		if v := strings.TrimSpace(string(b)); v == "0" {
			return fmt.Errorf("the host does not forward: %s is 0", p)
		}
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits), ok
}

// IPv6 says why links of this host get no IPv6 address; nil if they do.
func IPv6() error {
	b, err := os.ReadFile("/proc/sys/net/ipv6/conf/default/disable_ipv6")
	if err != nil || strings.TrimSpace(string(b)) == "1" {
		return errors.New("IPv6 is switched off on this host")
	}
	return nil
}
