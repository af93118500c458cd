package host

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// newSuffix marks a set that is being filled. What a crash leaves of one is
// own by its name, and no rule's: the next load removes it.
const newSuffix = "-new"

// PutSet makes a set with exactly these members. A set of that name with
// other members, which rules may be using, is exchanged in one step.
func PutSet(s resource.AddrSet) error {
	filling := s.Name + newSuffix
	err := together(destroySet(filling), createSet(filling, s.Family, len(s.Members)))
	if err == nil {
		err = fillSet(filling, s.Members)
	}
	if err == nil {
		err = moveSet(filling, s.Name)
	}
	if err != nil {
		err = fmt.Errorf("cannot make the ipset %s: %w", s.Name, err)
		return together(err, destroySet(filling))
	}
	return nil
}

// moveSet gives a set its name, or exchanges it with the one that has it.
func moveSet(from, to string) error {
	err := renameSet(nl.IPSET_CMD_RENAME, from, to)
	if errno(err) != nl.IPSET_ERR_EXIST_SETNAME2 {
		return setError(err)
	}
	err = renameSet(nl.IPSET_CMD_SWAP, from, to)
	if errno(err) == nl.IPSET_ERR_TYPE_MISMATCH { // only possible if no rule uses it
		if err := destroySet(to); err != nil {
			return err
		}
		return setError(renameSet(nl.IPSET_CMD_RENAME, from, to))
	}
	if err != nil {
		return setError(err)
	}
	return destroySet(from)
}

func renameSet(command int, from, to string) error {
	req := setRequest(command)
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(from)))
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_SETNAME2, nl.ZeroTerminated(to)))
	_, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}

// releaseTimeout bounds the wait for the kernel to let go of a set:
// iptables-nft's rules are freed by a worker some time after they are gone.
const releaseTimeout = 5 * time.Second

// DropSet removes a set that no rule names any more.
func DropSet(ctx context.Context, name string) error {
	for deadline := time.Now().Add(releaseTimeout); ; {
		err := destroySet(name)
		if errno(err) != nl.IPSET_ERR_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// destroySet removes a set; that there is none is no error.
func destroySet(name string) error {
	req := setRequest(nl.IPSET_CMD_DESTROY)
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(name)))
	_, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	if err == nil || errno(err) == int(unix.ENOENT) {
		return nil
	}
	return fmt.Errorf("cannot remove the ipset %s: %w", name, setError(err))
}

// setRevision is a low one (ip_set_hash_net.c; 2 has nomatch): an ipset program
// that is older than a set's revision refuses to list any set.
const setRevision = 2

// createSet makes an empty set with room for n members: one that must grow
// while it is filled is hashed again and again.
func createSet(name, family string, n int) error {
	proto := uint8(unix.NFPROTO_IPV4)
	if family == resource.FamilyIP6 {
		proto = unix.NFPROTO_IPV6
	}
	req := setRequest(nl.IPSET_CMD_CREATE)
	req.Flags |= unix.NLM_F_EXCL
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(name)))
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_TYPENAME, nl.ZeroTerminated(setType)))
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_REVISION, nl.Uint8Attr(setRevision)))
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_FAMILY, nl.Uint8Attr(proto)))
	data := nl.NewRtAttr(nl.IPSET_ATTR_DATA|unix.NLA_F_NESTED, nil)
	data.AddChild(&nl.Uint32Attribute{Type: nl.IPSET_ATTR_HASHSIZE | unix.NLA_F_NET_BYTEORDER, Value: hashSize(n)})
	data.AddChild(&nl.Uint32Attribute{Type: nl.IPSET_ATTR_MAXELEM | unix.NLA_F_NET_BYTEORDER, Value: uint32(max(n, 64))})
	req.AddData(data)
	_, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	return setError(err)
}

// hashSize is the power of two with about two members in a bucket; the kernel
// takes no less than 64.
func hashSize(n int) uint32 { return uint32(max(64, 1<<bits.Len(uint(n/2)))) }

// batch is how many members go into one request: an attribute has at most
// 64 KiB, a member takes 24 (v4) or 36 bytes (v6).
const batch = 1500

// fillSet adds members, many in one request: one request each would take ten
// times as long.
func fillSet(name string, members []string) error {
	for chunk := range slices.Chunk(members, batch) {
		var entries []byte
		for _, m := range chunk {
			p, err := netip.ParsePrefix(m)
			if err != nil {
				return fmt.Errorf("cannot parse the member %q", m)
			}
			entries = append(entries, setEntry(p)...)
		}
		req := setRequest(nl.IPSET_CMD_ADD)
		req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_SETNAME, nl.ZeroTerminated(name)))
		req.AddData(&nl.Uint32Attribute{Type: nl.IPSET_ATTR_LINENO | unix.NLA_F_NET_BYTEORDER})
		req.AddRawData(encode(nl.IPSET_ATTR_ADT|unix.NLA_F_NESTED, entries))
		if _, err := req.Execute(unix.NETLINK_NETFILTER, 0); err != nil {
			return setError(err)
		}
	}
	return nil
}

func setEntry(p netip.Prefix) []byte {
	kind := uint16(nl.IPSET_ATTR_IPADDR_IPV4)
	if p.Addr().Is6() {
		kind = nl.IPSET_ATTR_IPADDR_IPV6
	}
	ip := encode(kind|unix.NLA_F_NET_BYTEORDER, p.Addr().AsSlice())
	data := encode(nl.IPSET_ATTR_IP|unix.NLA_F_NESTED, ip)
	data = append(data, encode(nl.IPSET_ATTR_CIDR, []byte{byte(p.Bits())})...)
	return encode(nl.IPSET_ATTR_DATA|unix.NLA_F_NESTED, data)
}

// encode writes one netlink attribute, padded.
func encode(kind uint16, value []byte) []byte {
	size := unix.SizeofNlAttr + len(value)
	b := make([]byte, (size+3)&^3)
	binary.NativeEndian.PutUint16(b, uint16(size))
	binary.NativeEndian.PutUint16(b[2:], kind)
	copy(b[unix.SizeofNlAttr:], value)
	return b
}

func setRequest(command int) *nl.NetlinkRequest {
	req := nfnetlink(unix.NFNL_SUBSYS_IPSET, command, nl.GetIpsetFlags(command), unix.AF_INET)
	req.AddData(nl.NewRtAttr(nl.IPSET_ATTR_PROTOCOL, nl.Uint8Attr(nl.IPSET_PROTOCOL)))
	return req
}

// A setFailure is the kernel's number for a failure of ipset, in words.
type setFailure struct {
	number syscall.Errno
	words  string
}

func (e *setFailure) Error() string { return e.words }
func (e *setFailure) Unwrap() error { return e.number }

func setError(err error) error {
	words := map[int]string{
		int(unix.EINVAL):          "the kernel has no ipset, or not as asked for (module ip_set)",
		nl.IPSET_ERR_FIND_TYPE:    "the kernel has no sets of type " + setType + " (module ip_set_hash_net)",
		nl.IPSET_ERR_MAX_SETS:     "the kernel holds as many ipsets as it can",
		nl.IPSET_ERR_BUSY:         "a rule uses it",
		nl.IPSET_ERR_REFERENCED:   "a rule uses it",
		nl.IPSET_ERR_INVALID_CIDR: "a member is no network that a set takes",
	}
	n := errno(err)
	w, ok := words[n]
	switch {
	case ok:
		return &setFailure{syscall.Errno(n), w}
	case n >= nl.IPSET_ERR_PRIVATE:
		return &setFailure{syscall.Errno(n), "ipset error: " + nl.IPSetError(n).Error()}
	}
	return err
}
