package host

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

var errNeedsRoot = errors.New("needs root")

// Flows reads connection tracking; see resource.Reader. Connections that are
// over (TIME_WAIT, CLOSE) are left out. No module is loaded for it.
func (r *Reader) Flows(ctx context.Context, from []string) ([]resource.Flow, error) {
	switch {
	case !r.Live():
		return nil, errImage
	case os.Geteuid() != 0:
		return nil, errNeedsRoot
	case !kernelHas("nf_conntrack") || !kernelHas("nf_conntrack_netlink"):
		return nil, errors.New("connection tracking is not loaded")
	}
	inside, err := prefixes(from)
	if err != nil {
		return nil, err
	}
	// What goes to the host itself is not forwarded, whichever of its
	// addresses is asked for.
	inside = append(inside, ownAddresses()...)
	count := map[resource.Flow]int{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := countFlows(ctx, family, inside, count); err != nil {
			return nil, err
		}
	}
	return sortedFlows(count), nil
}

func ownAddresses() []netip.Prefix {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Prefix
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
		}
	}
	return out
}

func prefixes(networks []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(networks))
	for _, n := range networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, fmt.Errorf("cannot parse the network %q", n)
		}
		out = append(out, p)
	}
	return out, nil
}

func countFlows(ctx context.Context, family uint8, inside []netip.Prefix, count map[resource.Flow]int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	list, err := dump(func() *nl.NetlinkRequest {
		return nfnetlink(unix.NFNL_SUBSYS_CTNETLINK, nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP, family)
	})
	// A busy table changes faster than it is read; what was read is still true.
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return fmt.Errorf("cannot read connection tracking: %w", err)
	}
	for _, message := range list {
		if f, ok := parseFlow(payload(message)); ok && f.leaves(inside) {
			count[f.flow()]++
		}
	}
	return nil
}

// A tracked connection: who opened it, and the end that it got after DNAT,
// which is the source of the reply direction.
type tracked struct {
	src, dst netip.Addr
	port     uint16
	proto    uint8
}

// Attributes of ctnetlink (linux/netfilter/nfnetlink_conntrack.h).
const (
	ctaTupleIP    = 1
	ctaTupleProto = 2
	ctaProtoNum   = 1
	ctaSrcPort    = 2
)

// parseFlow reads one entry of the table; not ok is one that is over or
// cannot be understood.
func parseFlow(b []byte) (t tracked, ok bool) {
	original, reply := attribute(b, nl.CTA_TUPLE_ORIG), attribute(b, nl.CTA_TUPLE_REPLY)
	number := attribute(reply, ctaTupleProto, ctaProtoNum)
	if len(number) != 1 || over(attribute(b, nl.CTA_PROTOINFO, nl.CTA_PROTOINFO_TCP, nl.CTA_PROTOINFO_TCP_STATE)) {
		return t, false
	}
	t.proto, t.src, t.dst = number[0], tupleSource(original), tupleSource(reply)
	if port := attribute(reply, ctaTupleProto, ctaSrcPort); len(port) == 2 {
		t.port = binary.BigEndian.Uint16(port)
	}
	return t, t.src.IsValid() && t.dst.IsValid()
}

func tupleSource(tuple []byte) netip.Addr {
	for kind, v := range attributes(attribute(tuple, ctaTupleIP)) {
		if kind == nl.CTA_IP_V4_SRC || kind == nl.CTA_IP_V6_SRC {
			a, _ := netip.AddrFromSlice(v)
			return a
		}
	}
	return netip.Addr{}
}

func over(state []byte) bool {
	return len(state) == 1 && (state[0] == nl.TCP_CONNTRACK_TIME_WAIT || state[0] == nl.TCP_CONNTRACK_CLOSE)
}

// leaves reports whether it goes from inside to one host elsewhere.
func (t tracked) leaves(inside []netip.Prefix) bool {
	in := func(a netip.Addr) bool {
		return slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	broadcast := t.dst == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return in(t.src) && !in(t.dst) && !t.dst.IsMulticast() && !broadcast
}

func (t tracked) flow() resource.Flow {
	return resource.Flow{Proto: protoName(t.proto), Src: t.src.String(), Dst: t.dst.String(), Port: t.port}
}

func protoName(n uint8) string {
	names := map[uint8]string{
		unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_ICMP: "icmp",
		unix.IPPROTO_ICMPV6: "icmpv6", unix.IPPROTO_SCTP: "sctp",
	}
	if name, ok := names[n]; ok {
		return name
	}
	return strconv.Itoa(int(n))
}

func sortedFlows(count map[resource.Flow]int) []resource.Flow {
	out := make([]resource.Flow, 0, len(count))
	for f, n := range count {
		f.Count = n
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b resource.Flow) int {
		return cmp.Or(compareAddresses(a.Src, b.Src), compareAddresses(a.Dst, b.Dst),
			cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
	})
	return out
}

func compareAddresses(a, b string) int {
	x, _ := netip.ParseAddr(a)
	y, _ := netip.ParseAddr(b)
	return x.Compare(y)
}
