package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// A counter sees what comes in by a link before any rule does, or what goes out by
// it behind all rules, and counts what opens something: a SYN of TCP, anything of
// UDP, an echo request. What nobody answers is counted too.
type counter struct {
	mu sync.Mutex
	fd int
	// direction is PACKET_HOST or PACKET_OUTGOING, see packet(7).
	direction uint8
	to        []netip.Addr
}

// countQueue holds packets that are not read yet, in bytes.
const countQueue = 4 << 20

// everyLink is in the place of a link's name.
const everyLink = "all links"

func indexOf(link string) (int, error) {
	if link == everyLink {
		return 0, nil
	}
	dev, err := net.InterfaceByName(link)
	if err != nil {
		return 0, err
	}
	return dev.Index, nil
}

// count begins on a link of the caller's namespace, for packets to some
// addresses: what is sent to all (DHCP, mDNS) is no attack.
func count(link string, direction uint8, to ...netip.Addr) (*counter, error) {
	to = slices.DeleteFunc(to, func(a netip.Addr) bool { return !a.IsValid() })
	index, err := indexOf(link)
	if err != nil {
		return nil, fmt.Errorf("cannot watch %s: %w", link, err)
	}
	all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot watch %s: %w", link, err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, countQueue)
	filter := only(direction, to)
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot watch %s: %w", link, err)
	}
	return &counter{fd: fd, direction: direction, to: to}, nil
}

// seen counts since it was last asked. What the queue did not hold counts, too: it
// was sent to where it must not, and silence must not come of it.
func (c *counter) seen() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	b := make([]byte, headSize)
	for c.fd >= 0 {
		size, from, err := unix.Recvfrom(c.fd, b, unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			break
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if to, opens := opening(b[:size]); ok && ll.Pkttype == c.direction && opens && slices.Contains(c.to, to) {
			n++
		}
	}
	if lost, err := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		n += int(lost.Drops)
	}
	return n
}

func (c *counter) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fd := c.fd
	c.fd = -1
	if fd < 0 {
		return nil
	}
	return unix.Close(fd)
}

// opening reads a packet's head: where it goes, and whether it opens something.
func opening(p []byte) (to netip.Addr, opens bool) {
	switch {
	case len(p) >= 20 && p[0]>>4 == 4:
		to, _ = netip.AddrFromSlice(p[16:20])
		head := int(p[0]&0xf) * 4
		first := binary.BigEndian.Uint16(p[6:])&0x1fff == 0 // of fragments
		return to, first && head >= 20 && opensIn(p[9], p[min(head, len(p)):])
	case len(p) >= 40 && p[0]>>4 == 6:
		to, _ = netip.AddrFromSlice(p[24:40])
		return to, opensIn(p[6], p[40:])
	}
	return to, false
}

func opensIn(protocol byte, p []byte) bool {
	const syn, ack = 0x02, 0x10
	switch protocol {
	case unix.IPPROTO_TCP:
		return len(p) > 13 && p[13]&(syn|ack) == syn
	case unix.IPPROTO_UDP:
		return true
	case unix.IPPROTO_ICMP:
		return len(p) > 0 && p[0] == 8
	case unix.IPPROTO_ICMPV6:
		return len(p) > 0 && p[0] == 128
	}
	return false
}
