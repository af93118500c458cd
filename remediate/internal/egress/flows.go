package egress

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// maxFlows is how many connections are listed one by one.
const maxFlows = 20

// A loss is what a container has open to one destination and may not open.
type loss struct {
	container string // name, or the address that no container has
	network   resource.Network
	flow      resource.Flow
}

// flows lists the connections that the rules forbid, most frequent first.
func (p *plan) flows() []resource.Impact {
	all, ok := p.s.Flows.Get()
	if !ok {
		return []resource.Impact{note("cannot tell which open connections the rules forbid: " + p.s.Flows.Unknown)}
	}
	lost := p.losses(all)
	out := p.untracked()
	for _, l := range lost[:min(len(lost), maxFlows)] {
		out = append(out, warning(l.text(p.want.Cut)))
	}
	if more := len(lost) - maxFlows; more > 0 {
		out = append(out, warning(fmt.Sprintf("and %d more destinations that containers have connections to and that the rules forbid", more)))
	}
	return out
}

// untracked warns before the first IPv6 rule that asks connection tracking: no
// rule of Docker's has made the kernel track IPv6 so far, and a connection that
// it first sees half-way is a new one to it.
func (p *plan) untracked() []resource.Impact {
	tracks := slices.ContainsFunc(p.fw.Filters, func(f resource.Filter) bool { return f.Family == resource.FamilyIP6 && f.Docker })
	speaks := slices.ContainsFunc(p.s.Networks.Value, func(n resource.Network) bool {
		return n.Bridge != "" && slices.ContainsFunc(n.Subnets, func(s string) bool { return strings.Contains(s, ":") })
	})
	if len(p.fw.Own) > 0 || tracks || daemonOf(p.s).usesNFT() || !speaks {
		return nil
	}
	return []resource.Impact{warning("Docker does not make the kernel track IPv6 connections here: unless something else does, open ones are not listed and are cut")}
}

func (p *plan) losses(all []resource.Flow) []loss {
	type key struct {
		container, network, proto, dst string
		port                           uint16
	}
	found := map[key]loss{}
	for _, f := range all {
		l, forbidden := p.loss(f)
		if !forbidden {
			continue
		}
		k := key{l.container, l.network.Name, f.Proto, f.Dst, f.Port}
		if old, ok := found[k]; ok {
			l.flow.Count += old.flow.Count
		}
		found[k] = l
	}
	lost := make([]loss, 0, len(found))
	for _, l := range found {
		lost = append(lost, l)
	}
	slices.SortFunc(lost, compareLoss)
	return lost
}

func compareLoss(a, b loss) int {
	return cmp.Or(
		cmp.Compare(b.flow.Count, a.flow.Count), cmp.Compare(a.container, b.container), cmp.Compare(a.network.Name, b.network.Name),
		cmp.Compare(a.flow.Dst, b.flow.Dst), cmp.Compare(a.flow.Proto, b.flow.Proto), cmp.Compare(a.flow.Port, b.flow.Port),
	)
}

// loss says who opened a flow and whether the rules forbid it. A flow that no
// rule sees, because its bridge is not among the interfaces, is not forbidden.
func (p *plan) loss(f resource.Flow) (loss, bool) {
	src, errSrc := netip.ParseAddr(f.Src)
	dst, errDst := netip.ParseAddr(f.Dst)
	n, ok := networkOf(p.s, src)
	if errSrc != nil || errDst != nil || !ok {
		return loss{}, false
	}
	c := conn{in: n.Bridge, src: src, dst: dst, proto: protocol(f.Proto), port: f.Port}
	return loss{owner(p.s, f.Src), n, f}, !p.prog.lets(c)
}

// lets says what becomes of a connection that is not within one network.
func (p *program) lets(c conn) bool {
	held := slices.ContainsFunc(p.ifaces, func(pattern string) bool { return matches(pattern, c.in) })
	return !held || slices.Contains(p.exempt, c.in) || allowed(p.dns, c) || allowed(p.allow, c)
}

func protocol(proto string) string {
	if proto == "icmpv6" {
		return icmp
	}
	return proto
}

// networkOf is the bridge network that an address is in.
func networkOf(s *resource.Snapshot, a netip.Addr) (resource.Network, bool) {
	for _, n := range s.Networks.Value {
		for _, subnet := range n.Subnets {
			if p, err := netip.ParsePrefix(subnet); err == nil && n.Bridge != "" && p.Contains(a) {
				return n, true
			}
		}
	}
	return resource.Network{}, false
}

func owner(s *resource.Snapshot, ip string) string {
	for _, c := range s.Containers.Value {
		for _, e := range c.Networks {
			if slices.Contains(e.IPs, ip) {
				return c.Name
			}
		}
	}
	return ip
}

// text says what is lost and the line of the policy that would keep it.
func (l loss) text(cut bool) string {
	fate := map[bool]string{false: "stay open, but are not allowed anew", true: "are cut"}[cut]
	n := fmt.Sprintf("%d connections", l.flow.Count)
	if l.flow.Count == 1 {
		fate = map[bool]string{false: "stays open, but is not allowed anew", true: "is cut"}[cut]
		n = "1 connection"
	}
	return fmt.Sprintf("%s: %s to %s (%s) %s; to allow: %s", l.container, n, l.flow.Dst, l.service(), fate, l.line())
}

func (l loss) service() string {
	if p := l.port(); p != "" {
		return p
	}
	return "protocol " + l.flow.Proto
}

// port is the flow's in the policy's words; "" if it has no words for it.
func (l loss) port() string {
	switch proto := protocol(l.flow.Proto); {
	case proto == icmp:
		return icmp
	case l.flow.Port == 0:
		return ""
	case proto == "tcp" || proto == "udp" || proto == "sctp":
		return fmt.Sprintf("%d/%s", l.flow.Port, proto)
	}
	return ""
}

// line is the exact line of egress.allow. It allows from the network: that
// holds for the container's next address too.
func (l loss) line() string {
	ports := ""
	if p := l.port(); p != "" {
		ports = ", ports: [" + p + "]"
	}
	return fmt.Sprintf("- {to: %s%s, from: {network: %s}}", scalar(l.flow.Dst), ports, scalar(l.network.Name))
}

// scalar quotes what YAML might read as something else than a text.
func scalar(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		return s
	}
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-", r)
	})
	if plain && isWord(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// isWord says that a plain text is neither a number nor one of YAML's words.
func isWord(s string) bool {
	first := s[0] | 0x20
	words := []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
	return first >= 'a' && first <= 'z' && !slices.Contains(words, strings.ToLower(s))
}
