package ruleset_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func prefixes(list string) []netip.Prefix {
	var networks []netip.Prefix
	for _, s := range strings.Fields(list) {
		networks = append(networks, prefix(s))
	}
	return networks
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"bits of a host are cut", "10.1.2.3/24", "10.1.2.0/24"},
		{"sorted by address, not by text", "10.0.0.0/24 9.0.0.0/24 192.0.2.1/32", "9.0.0.0/24 10.0.0.0/24 192.0.2.1/32"},
		{"twice", "10.0.0.0/8 10.0.0.0/8", "10.0.0.0/8"},
		{"covered", "10.1.0.0/16 10.0.0.0/8 10.255.255.255/32", "10.0.0.0/8"},
		{"halves", "10.0.1.0/24 10.0.0.0/24", "10.0.0.0/23"},
		{"halves of halves", "10.0.0.0/24 10.0.1.0/25 10.0.1.128/26 10.0.1.192/26", "10.0.0.0/23"},
		{"neighbours that are no halves", "10.0.1.0/24 10.0.2.0/24", "10.0.1.0/24 10.0.2.0/24"},
		{"all", "0.0.0.0/0 1.2.3.4/32", "0.0.0.0/1 128.0.0.0/1"},
		{"all by halves", "128.0.0.0/1 0.0.0.0/1", "0.0.0.0/1 128.0.0.0/1"},
		{"all of IPv6", "::/1 8000::/1", "::/1 8000::/1"},
		{"both families", "2001:db8::/33 2001:db8:8000::/33 10.0.0.0/8", "10.0.0.0/8 2001:db8::/32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			equal(t, strings.Join(ruleset.Merge(prefixes(c.in)), " "), c.want)
		})
	}
}

// A hundred thousand networks take a fraction of a second; in the square of
// their number they would take minutes.
func TestMergeManyNetworks(t *testing.T) {
	var scattered, adjacent []netip.Prefix
	for i := range uint32(100_000) {
		scattered = append(scattered, netip.PrefixFrom(address4(i*42_949), 32))
		adjacent = append(adjacent, netip.PrefixFrom(address4(99_999-i), 32))
	}
	start := time.Now()
	if n := len(ruleset.Merge(scattered)); n != 100_000 {
		t.Errorf("%d of 100,000 scattered ones", n)
	}
	equal(t, fmt.Sprint(len(ruleset.Merge(adjacent))), "6") // bits of 100,000
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func address4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

func TestNewSet(t *testing.T) {
	a := ruleset.NewSet(resource.FamilyIP4, prefixes("10.0.1.0/24 10.0.0.0/24 192.0.2.7/32"))
	b := ruleset.NewSet(resource.FamilyIP4, prefixes("192.0.2.7/32 10.0.0.9/23"))
	if a.Name != b.Name || !slices.Equal(a.Members, b.Members) {
		t.Errorf("the same networks are %v and %v", a, b)
	}
	equal(t, a.Name, "bulwark-4-f7725759cb00")
	equal(t, strings.Join(a.Members, " "), "10.0.0.0/23 192.0.2.7/32")
	if other := ruleset.NewSet(resource.FamilyIP4, prefixes("10.0.0.9/23")); other.Name == a.Name {
		t.Error("other networks have the same name")
	}
	six := ruleset.NewSet(resource.FamilyIP6, prefixes("2001:db8::1/128"))
	if !strings.HasPrefix(six.Name, "bulwark-6-") || len(six.Name) != 22 || six.Family != resource.FamilyIP6 {
		t.Errorf("got %v", six)
	}
}

func TestNewSetRefuses(t *testing.T) {
	for _, networks := range []string{"0.0.0.0/0", "10.0.0.0/8 2001:db8::/32"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("took %s", networks)
				}
			}()
			ruleset.NewSet(resource.FamilyIP4, prefixes(networks))
		}()
	}
}
