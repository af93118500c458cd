package ruleset

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Match is one rule, of which each backend's tool has one way to print it.
// IPTables and NFT write that text, which is the only form in which rules are
// kept and compared; that it is what the tools print is held by a test that
// asks them (iptables 1.8.9, both variants, and nft 1.0.6). A zero field
// demands nothing.
//
// There is one range of ports and not a list: nft has lists only as anonymous
// sets, which let packets slip through a swap.
type Match struct {
	// Family is FamilyIP4, FamilyIP6 or "" for both. iptables has tables of
	// one family and does not look at it; in nft it is needed only if neither
	// Src, Dst nor DstSet says it.
	Family string
	// In and Out are interfaces; a "+" at the end stands for any rest.
	In, Out string
	// Src and Dst are networks; /0 is every address of its family.
	Src, Dst netip.Prefix
	// DstSet is the name of an AddrSet, made by NewSet; it excludes Dst.
	DstSet string
	// Proto is tcp, udp, sctp or icmp. ICMP is that of the rule's family;
	// in nft a rule for both families needs two, one with FamilyIP4.
	Proto string
	// Ports are destination ports, for tcp, udp and sctp.
	Ports Ports
	// ICMPv6Type is a type of ICMPv6 message; it needs no Proto.
	ICMPv6Type uint8
	// CT asks connection tracking: Established or Reply.
	CT string
	// Forged asks whether the source address is one that nothing behind the
	// incoming interface can have: ForgedLocal or ForgedRoute. Only nft can.
	Forged string
	// Limit lets the rule match at most that often, after a burst of 5.
	Limit Rate
	// Verdict is Return, Drop, LogPacket, or the name of one of bulwark's
	// chains as in nft: "out" jumps to chain "out" there and to BULWARK-OUT in
	// iptables.
	Verdict string
	// LogPrefix and NFLog are for LogPacket; NFLog is a group, nil is the
	// kernel's log. iptables cuts prefixes after 29 characters, which is done
	// here for both backends.
	LogPrefix string
	NFLog     *int
	// Comment is for people. What a tool cannot hold is replaced, and it is
	// cut after 120 bytes (nft takes 128, iptables 255).
	Comment string
}

// Verdicts of a Match that are not a jump.
const (
	Return    = "RETURN"
	Drop      = "DROP"
	LogPacket = "LOG"
)

// What a Match asks of connection tracking.
const (
	Established = "established" // of an open connection, or related to one
	Reply       = "reply"       // from the side that did not open it
)

// What a Match asks of the source address (nft's fib expression).
const (
	ForgedLocal = "local" // it is the host's own
	ForgedRoute = "route" // the way back to it is not the interface it came from
)

// Ports are those from First to Last; zero, and 0-65535, is any port.
type Ports struct{ First, Last uint16 }

// ChainName is what a chain of bulwark's is called: "out" in nft is BULWARK-OUT
// in iptables.
func ChainName(backend, name string) string {
	if backend == resource.BackendIPTables {
		return resource.OwnChainPrefix + strings.ToUpper(name)
	}
	return name
}

const (
	maxComment = 120
	maxPrefix  = 29
)

// plain makes text that every tool takes, prints back as it is, and keeps on
// one line: nft has no way to write a double quote.
func plain(s string, limit int) string {
	s = strings.Map(plainRune, strings.ToValidUTF8(s, "?"))
	for len(s) > limit {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// prefix is the text that logged packets get; nft would take a "$" in it for a
// variable.
func (m Match) prefix() string {
	return plain(strings.ReplaceAll(m.LogPrefix, "$", "_"), maxPrefix)
}

func plainRune(r rune) rune {
	switch {
	case r == '"':
		return '\''
	case r == '\\':
		return '/'
	case !unicode.IsPrint(r):
		return ' '
	}
	return r
}

// Check says why no rule can be made of the Match. IPTables and NFT panic then:
// who puts in what comes from a policy or a host must ask first.
func (m Match) Check() error {
	return cmp.Or(m.checkInterfaces(), m.checkProto(), m.checkFamilies(), m.checkRest())
}

func (m Match) checkInterfaces() error {
	for _, dev := range []string{m.In, m.Out} {
		if !validInterface(dev) {
			return fmt.Errorf("cannot match interface %q: a rule cannot hold its name", dev)
		}
	}
	return nil
}

func (m Match) checkProto() error {
	switch m.Proto {
	case "tcp", "udp", "sctp":
	case "", "icmp":
		if !m.Ports.any() || m.Proto != "" && m.ICMPv6Type != 0 {
			return fmt.Errorf("cannot match ports or a type of protocol %q", m.Proto)
		}
		return nil
	default:
		return fmt.Errorf("cannot match protocol %q", m.Proto)
	}
	if m.Ports.First > m.Ports.Last || m.ICMPv6Type != 0 {
		return fmt.Errorf("cannot match ports %d-%d", m.Ports.First, m.Ports.Last)
	}
	return nil
}

func (m Match) checkFamilies() error {
	families := slices.Compact(slices.Sorted(slices.Values(m.families())))
	switch {
	case len(families) > 1:
		return fmt.Errorf("cannot match %v in one rule", families)
	case m.DstSet != "" && m.Dst.IsValid():
		return fmt.Errorf("cannot match %s and set %s in one rule", m.Dst, m.DstSet)
	case m.DstSet != "" && !(strings.HasPrefix(m.DstSet, resource.OwnSetPrefix) && onlyFrom(m.DstSet, letters+digits+"-")):
		return fmt.Errorf("internal error: a set named %q", m.DstSet)
	}
	return nil
}

func (m Match) checkRest() error {
	switch {
	case m.NFLog != nil && (*m.NFLog < 0 || *m.NFLog > 65535):
		return fmt.Errorf("cannot log to group %d: it must be 0 to 65535", *m.NFLog)
	case m.Limit.Per != "" && !m.Limit.valid():
		return fmt.Errorf("cannot limit to %d/%s", m.Limit.N, m.Limit.Per)
	case m.Verdict == "" || !onlyFrom(m.Verdict, letters+digits+"-_"):
		return fmt.Errorf("internal error: a rule with verdict %q", m.Verdict)
	case m.CT != "" && m.CT != Established && m.CT != Reply:
		return fmt.Errorf("internal error: a rule with state %q", m.CT)
	case m.Forged != "" && m.Forged != ForgedLocal && m.Forged != ForgedRoute:
		return fmt.Errorf("internal error: a rule about sources %q", m.Forged)
	}
	return nil
}

func (m Match) mustCheck() {
	if err := m.Check(); err != nil {
		panic("internal error: " + err.Error())
	}
}

// families are those that the parts of the Match speak of.
func (m Match) families() []string {
	var found []string
	for _, p := range []netip.Prefix{m.Src, m.Dst} {
		if p.IsValid() {
			found = append(found, familyOf(p))
		}
	}
	if m.DstSet != "" {
		found = append(found, setFamily(m.DstSet))
	}
	if m.ICMPv6Type != 0 {
		found = append(found, resource.FamilyIP6)
	}
	if m.Family != "" {
		found = append(found, m.Family)
	}
	return found
}

// family is "" for both.
func (m Match) family() string {
	for _, f := range m.families() {
		return f
	}
	return ""
}

// validInterface takes what IFNAMSIZ allows less what a tool would have to
// quote; "+" is only a wildcard at the end.
func validInterface(name string) bool {
	if name == "+" || len(name) > 15 || strings.HasPrefix(name, "-") {
		return false
	}
	return onlyFrom(strings.TrimSuffix(name, "+"), interfaceChars)
}

const (
	letters        = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits         = "0123456789"
	interfaceChars = letters + digits + "-_.@:"
)

func onlyFrom(s, chars string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(chars, r) }) < 0
}

func (p Ports) any() bool { return p.First == 0 && (p.Last == 0 || p.Last == 65535) }

func (p Ports) text(sep string) string {
	if p.First == p.Last {
		return fmt.Sprint(p.First)
	}
	return fmt.Sprint(p.First, sep, p.Last)
}

func familyOf(p netip.Prefix) string {
	if p.Addr().Is4() {
		return resource.FamilyIP4
	}
	return resource.FamilyIP6
}
