package lab

import "net/netip"

var (
	NewOutside   = newOutside
	SweepOutside = sweepOutside
	SweepFiles   = sweepFiles
	Opening      = opening
	Free         = free
	Networks4    = networks4
)

// KeysOf are the keys of events with a text.
func KeysOf(text string, records []string) []string {
	e := events{text: text}
	for _, r := range records {
		e.add(r)
	}
	return e.keys()
}

// Prefixes parses networks.
func Prefixes(list ...string) []netip.Prefix { return prefixes(list...) }
