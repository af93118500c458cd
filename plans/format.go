package plans

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// validFormat judges s by a format of schema.json. Formats say what patterns
// cannot; to a plain JSON Schema reader they are annotations.
func validFormat(format, s string) bool {
	switch format {
	case "":
		return true
	case "ip":
		return validIP(s)
	case "cidr":
		return validCIDR(s)
	case "network":
		return validIP(s) || validCIDR(s)
	case "destination":
		return validIP(s) || validCIDR(s) || validHost(s)
	case "port":
		return validPort(s)
	case "date":
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	}
	return false
}

// validIP takes addresses without a zone, which rules cannot carry.
func validIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// validCIDR takes networks without host bits: 10.1.2.3/24 is a slip, and the
// kernel would quietly read it as 10.1.2.0/24.
func validCIDR(s string) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && p == p.Masked()
}

// hostPattern is a DNS name (RFC 1123); the last label is never numeric, so
// that a mistyped address is not taken for a name.
var hostPattern = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)

func validHost(s string) bool { return len(s) <= 253 && hostPattern.MatchString(s) }

// validPort takes 443/tcp, 8000-8100/udp and icmp.
func validPort(s string) bool {
	if s == "icmp" {
		return true
	}
	ports, proto, ok := strings.Cut(s, "/")
	if !ok || proto != "tcp" && proto != "udp" && proto != "sctp" {
		return false
	}
	low, high, ranged := strings.Cut(ports, "-")
	if !ranged {
		high = low
	}
	from, err1 := strconv.ParseUint(low, 10, 16)
	to, err2 := strconv.ParseUint(high, 10, 16)
	return err1 == nil && err2 == nil && from >= 1 && from <= to
}
