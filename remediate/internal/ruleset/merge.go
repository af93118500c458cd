package ruleset

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Merge returns the smallest list of disjoint networks that covers exactly the
// given ones, sorted: the canonical form of a set's members. No ipset takes /0,
// so that what covers a whole family is its two halves.
func Merge(networks []netip.Prefix) []string {
	var members []string
	for _, p := range merge(networks) {
		if p.Bits() == 0 {
			members = append(members, half(p.Addr()).String(), half(upperHalf(p.Addr())).String())
			continue
		}
		members = append(members, p.String())
	}
	return members
}

func half(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, 1) }

// upperHalf is the first address of a family's upper half.
func upperHalf(zero netip.Addr) netip.Addr {
	b := zero.AsSlice()
	b[0] = 0x80
	upper, _ := netip.AddrFromSlice(b)
	return upper
}

// merge goes through the networks by address, wide ones first: what the last
// one kept covers is dropped, and two halves become the whole, which may be
// the other half of the one before. Each network is kept once and joined at
// most as often as it has bits.
func merge(networks []netip.Prefix) []netip.Prefix {
	sorted := make([]netip.Prefix, len(networks))
	for i, p := range networks {
		sorted[i] = p.Masked()
	}
	slices.SortFunc(sorted, byAddress)
	var kept []netip.Prefix
	for _, p := range sorted {
		if n := len(kept); n > 0 && covers(kept[n-1], p) {
			continue
		}
		kept = join(append(kept, p))
	}
	return kept
}

func byAddress(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

func covers(wide, p netip.Prefix) bool {
	return wide.Bits() <= p.Bits() && wide.Contains(p.Addr())
}

// join replaces halves at the end of the list by their whole: two networks of
// one length, not the same, in one that is a bit wider are its halves.
func join(kept []netip.Prefix) []netip.Prefix {
	for n := len(kept); n > 1; n-- {
		a, b := kept[n-2], kept[n-1]
		whole := netip.PrefixFrom(a.Addr(), a.Bits()-1)
		if a.Bits() != b.Bits() || !whole.Contains(b.Addr()) {
			break
		}
		kept = append(kept[:n-2], whole)
	}
	return kept
}

// NewSet returns the set of the given networks (all of one family, none of
// them /0) with the name that belongs to its content.
func NewSet(family string, networks []netip.Prefix) resource.AddrSet {
	for _, p := range networks {
		if p.Bits() <= 0 || familyOf(p) != family {
			panic("internal error: set of " + family + " with " + p.String())
		}
	}
	members := Merge(networks)
	sum := sha256.Sum256([]byte(strings.Join(members, "\n")))
	name := setPrefix(family) + hex.EncodeToString(sum[:6])
	return resource.AddrSet{Name: name, Family: family, Members: members}
}

func setPrefix(family string) string {
	if family == resource.FamilyIP4 {
		return resource.OwnSetPrefix + "4-"
	}
	return resource.OwnSetPrefix + "6-"
}

// setFamily tells the family of a set from its name.
func setFamily(name string) string {
	if strings.HasPrefix(name, setPrefix(resource.FamilyIP4)) {
		return resource.FamilyIP4
	}
	return resource.FamilyIP6
}
