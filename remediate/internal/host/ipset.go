package host

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// setType is a hash of networks: one lookup for each length of prefix in it,
// however many members.
const setType = "hash:net"

// listNames asks for the names of the sets without their members
// (IPSET_FLAG_LIST_SETNAME, linux/netfilter/ipset/ip_set.h).
const listNames = 1 << 1

// ownSets reads the ipsets whose names are bulwark's. Foreign sets may be
// huge; only their names are read.
func ownSets() ([]resource.AddrSet, error) {
	if !kernelHas("ip_set") {
		return nil, nil
	}
	list, err := dump(func() *nl.NetlinkRequest {
		req := setRequest(nl.IPSET_CMD_LIST)
		req.AddData(&nl.Uint32Attribute{Type: nl.IPSET_ATTR_FLAGS | unix.NLA_F_NET_BYTEORDER, Value: listNames})
		return req
	})
	if errno(err) == int(unix.EINVAL) {
		return nil, nil // a kernel without ipset
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list ipsets: %w", setError(err))
	}
	var own []resource.AddrSet
	for _, message := range list {
		name := text(attribute(payload(message), nl.IPSET_ATTR_SETNAME))
		if !strings.HasPrefix(name, resource.OwnSetPrefix) {
			continue
		}
		s, err := readSet(name)
		if errno(err) == int(unix.ENOENT) {
			continue // it went away meanwhile
		}
		if err != nil {
			return nil, err
		}
		own = append(own, s)
	}
	slices.SortFunc(own, func(a, b resource.AddrSet) int { return strings.Compare(a.Name, b.Name) })
	return own, nil
}

func readSet(name string) (resource.AddrSet, error) {
	list, err := dump(func() *nl.NetlinkRequest {
		req := setRequest(nl.IPSET_CMD_LIST)
		req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(name)))
		return req
	})
	if err != nil {
		return resource.AddrSet{}, fmt.Errorf("cannot read the ipset %s: %w", name, setError(err))
	}
	c := setContent{AddrSet: resource.AddrSet{Name: name}}
	for _, message := range list {
		c.parse(payload(message))
	}
	// What is not as bulwark makes it is told as a member that no set of
	// bulwark's has, so that the set is seen to differ.
	c.Members = append(ruleset.Merge(c.networks), c.odd...)
	return c.AddrSet, nil
}

// setContent gathers the messages of one set's listing.
type setContent struct {
	resource.AddrSet
	networks []netip.Prefix
	odd      []string
}

func (c *setContent) parse(b []byte) {
	for kind, v := range attributes(b) {
		switch kind {
		case nl.IPSET_ATTR_FAMILY:
			c.Family = resource.FamilyIP4
			if len(v) == 1 && v[0] == unix.NFPROTO_IPV6 {
				c.Family = resource.FamilyIP6
			}
		case nl.IPSET_ATTR_TYPENAME:
			if t := text(v); t != setType {
				c.odd = append(c.odd, "type "+t)
			}
		case nl.IPSET_ATTR_DATA:
			if attribute(v, nl.IPSET_ATTR_TIMEOUT) != nil {
				c.odd = append(c.odd, "timeout")
			}
		case nl.IPSET_ATTR_ADT:
			for _, entry := range attributes(v) {
				c.member(entry)
			}
		}
	}
}

func (c *setContent) member(entry []byte) {
	ip := attribute(entry, nl.IPSET_ATTR_IP)
	for _, v := range attributes(ip) {
		ip = v
	}
	a, ok := netip.AddrFromSlice(ip)
	bits := a.BitLen()
	if v := attribute(entry, nl.IPSET_ATTR_CIDR); len(v) == 1 {
		bits = int(v[0])
	}
	p := netip.PrefixFrom(a, bits)
	flags := attribute(entry, nl.IPSET_ATTR_CADT_FLAGS)
	switch nomatch := len(flags) == 4 && binary.BigEndian.Uint32(flags)&nl.IPSET_FLAG_NOMATCH != 0; {
	case !ok || !p.IsValid():
		c.odd = append(c.odd, "unreadable member")
	case nomatch:
		c.odd = append(c.odd, "nomatch "+p.String())
	default:
		c.networks = append(c.networks, p)
	}
}
