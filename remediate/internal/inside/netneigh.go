package inside

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// little says that this machine has the low byte first.
var little = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// knows reports whether a message of RTM_NEWNEIGH tells the link address of a
// neighbour. It begins with struct ndmsg, 12 bytes, of which the ninth and tenth
// are the state.
func knows(m syscall.NetlinkMessage, a netip.Addr) bool {
	const (
		head  = 12
		valid = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE | unix.NUD_PERMANENT
	)
	if m.Header.Type != syscall.RTM_NEWNEIGH || len(m.Data) < head || binary.NativeEndian.Uint16(m.Data[8:])&valid == 0 {
		return false
	}
	for b := m.Data[head:]; len(b) >= 4; {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < 4 || size > len(b) {
			return false
		}
		if to, ok := netip.AddrFromSlice(b[4:size]); kind == unix.NDA_DST && ok && to == a {
			return true
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return false
}
