package ruleset

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// NFT writes the rule as nft -s -n -y prints it in a table of family inet. It
// panics if Check fails.
//
// -n prints numbers for everything that has one, so the text does not depend on
// /etc/protocols: "ct state 0x2,0x4" is established,related, "ct direction 1"
// is reply, nfproto 2 and 10 are IPv4 and IPv6, l4proto 1, 6, 17, 58 and 132
// are icmp, tcp, udp, icmpv6 and sctp.
func (m Match) NFT() string {
	m.mustCheck()
	var w words
	w.text("iifname", device(m.In))
	w.text("oifname", device(m.Out))
	m.nftAddresses(&w)
	m.nftProto(&w)
	w.text("fib saddr", forged(m.Forged))
	m.nftVerdict(&w)
	if c := plain(m.Comment, maxComment); c != "" {
		w.add("comment", quoted(c))
	}
	return strings.Join(w, " ")
}

// nftAddresses writes the family only if no address says it, and not with ICMP,
// which says it: nft leaves it out there when it prints.
func (m Match) nftAddresses(w *words) {
	fam := m.family()
	if !m.narrow() && fam != "" && m.Proto != "icmp" && m.ICMPv6Type == 0 {
		w.add("meta", "nfproto", map[string]string{resource.FamilyIP4: "2", resource.FamilyIP6: "10"}[fam])
	}
	w.text(fam+" saddr", nftNetwork(m.Src))
	w.text(fam+" daddr", nftNetwork(m.Dst))
	if m.DstSet != "" {
		w.add(fam, "daddr", "@"+m.DstSet)
	}
}

// narrow says that an address less than all of its family is matched.
func (m Match) narrow() bool {
	return m.Src.Bits() > 0 || m.Dst.Bits() > 0 || m.DstSet != ""
}

// forged writes types of addresses and "no interface" as the numbers that -n
// prints: 2 is local (RTN_LOCAL), oif 0 is missing.
func forged(kind string) string {
	return map[string]string{ForgedLocal: "type 2", ForgedRoute: ". iif oif 0"}[kind]
}

var protocolNumbers = map[string]int{"tcp": 6, "udp": 17, "sctp": 132}

func (m Match) nftProto(w *words) {
	switch {
	case m.ICMPv6Type != 0:
		w.add("icmpv6", "type", fmt.Sprint(m.ICMPv6Type))
	case m.Proto == "icmp" && m.family() == resource.FamilyIP6:
		w.add("meta", "l4proto", "58")
	case m.Proto == "icmp":
		w.add("meta", "l4proto", "1")
	case m.Proto != "" && m.Ports.any():
		w.add("meta", "l4proto", fmt.Sprint(protocolNumbers[m.Proto]))
	case m.Proto != "":
		w.add(m.Proto, "dport", m.Ports.text("-"))
	}
	switch m.CT {
	case Established:
		w.add("ct", "state", "0x2,0x4")
	case Reply:
		w.add("ct", "direction", "1")
	}
}

// nftVerdict counts what is dropped, as iptables does of itself.
func (m Match) nftVerdict(w *words) {
	if m.Limit.Per != "" {
		w.add("limit", "rate", fmt.Sprintf("%d/%s", m.Limit.N, m.Limit.Per))
	}
	switch m.Verdict {
	case LogPacket:
		m.nftLog(w)
	case Return:
		w.add("return")
	case Drop:
		w.add("counter", "drop")
	default:
		w.add("jump", ChainName(resource.BackendNFTables, m.Verdict))
	}
}

func (m Match) nftLog(w *words) {
	w.add("log")
	if p := m.prefix(); p != "" {
		w.add("prefix", quoted(p))
	}
	if m.NFLog != nil {
		w.add("group", fmt.Sprint(*m.NFLog))
	}
}

// nftNetwork leaves out the length of a single address.
func nftNetwork(p netip.Prefix) string {
	if p.IsValid() && p.IsSingleIP() {
		return address(p.Addr())
	}
	return network(p)
}

func device(name string) string {
	if name == "" {
		return ""
	}
	if rest, any := strings.CutSuffix(name, "+"); any {
		name = rest + "*"
	}
	return quoted(name)
}

func quoted(s string) string { return `"` + s + `"` }
