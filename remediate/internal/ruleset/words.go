package ruleset

import (
	"fmt"
	"net/netip"
)

// words are the words of a rule.
type words []string

func (w *words) add(s ...string) { *w = append(*w, s...) }

// text writes a flag with a value, or nothing for an empty one.
func (w *words) text(flag, value string) {
	if value != "" {
		w.add(flag, value)
	}
}

// network is empty for no network and for /0, which iptables-save leaves out.
func network(p netip.Prefix) string {
	if p.Bits() <= 0 {
		return ""
	}
	return fmt.Sprint(address(p.Masked().Addr()), "/", p.Bits())
}

// address writes addresses as glibc does: where the first six of eight groups
// are zero and the next is not, the rest is in IPv4's form ("::1.2.3.4").
func address(a netip.Addr) string {
	b := a.As16()
	if a.Is6() && [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0) {
		return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
	}
	return a.String()
}
