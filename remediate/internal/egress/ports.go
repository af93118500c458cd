package egress

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// icmp is the protocol of either family.
const icmp = "icmp"

// A port is a range of ports of one protocol; ICMP has none.
type port struct {
	proto  string
	lo, hi uint16
}

func (p port) String() string {
	lo, hi := strconv.Itoa(int(p.lo)), strconv.Itoa(int(p.hi))
	switch {
	case p.proto == icmp:
		return icmp
	case p.lo == p.hi:
		return lo + "/" + p.proto
	}
	return lo + "-" + hi + "/" + p.proto
}

// portsText names a whole list: equal lists, equal texts.
func portsText(ports []port) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = p.String()
	}
	return strings.Join(words, " ")
}

// parsePort reads 443/tcp, 8000-8100/udp or icmp.
func parsePort(text string) (port, error) {
	if text == icmp {
		return port{proto: icmp}, nil
	}
	numbers, proto, _ := strings.Cut(text, "/")
	first, last, isRange := strings.Cut(numbers, "-")
	if !isRange {
		last = first
	}
	lo, errLo := strconv.ParseUint(first, 10, 16)
	hi, errHi := strconv.ParseUint(last, 10, 16)
	known := proto == "tcp" || proto == "udp" || proto == "sctp"
	if errLo != nil || errHi != nil || !known || lo == 0 || hi < lo {
		return port{}, fmt.Errorf("cannot read %q: not of the form 443/tcp, 8000-8100/udp or icmp", text)
	}
	return port{proto, uint16(lo), uint16(hi)}, nil
}

// parsePorts returns the ranges sorted and merged, so that the order in which
// a policy lists them changes no rule; nil is every protocol and port.
func parsePorts(texts []string) ([]port, error) {
	var ports []port
	for _, t := range texts {
		p, err := parsePort(t)
		if err != nil {
			return nil, err
		}
		ports = append(ports, p)
	}
	return mergePorts(ports), nil
}

func mergePorts(ports []port) []port {
	slices.SortFunc(ports, comparePort)
	var out []port
	for _, p := range ports {
		last := len(out) - 1
		if last >= 0 && out[last].proto == p.proto && int(p.lo) <= int(out[last].hi)+1 {
			out[last].hi = max(out[last].hi, p.hi)
			continue
		}
		out = append(out, p)
	}
	return out
}

func comparePort(a, b port) int {
	return cmp.Or(cmp.Compare(a.proto, b.proto), cmp.Compare(a.lo, b.lo), cmp.Compare(a.hi, b.hi))
}
