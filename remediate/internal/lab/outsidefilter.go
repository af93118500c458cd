package lab

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Of linux/filter.h: where a filter reads what kind a packet is (packet(7)).
const packetKind = 0xfffff000 + 4 // SKF_AD_OFF + SKF_AD_PKTTYPE

// headSize is as much of a packet as is looked at.
const headSize = 128

// only is a filter for packets of one direction to some addresses. Without it the
// traffic of a busy link fills the queue, and what is counted for would be dropped.
func only(direction uint8, to []netip.Addr) []unix.SockFilter {
	out := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: packetKind},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(direction), Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K},
	}
	for _, a := range to {
		out = append(out, destination(a)...)
	}
	return append(out, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K})
}

// destination accepts a packet to an address, and else falls through.
func destination(a netip.Addr) []unix.SockFilter {
	version, at := uint32(0x40), uint32(16) // where the address is, RFC 791 and 8200
	if a.Is6() {
		version, at = 0x60, 24
	}
	address := a.AsSlice()
	left := uint8(len(address)/2 + 1) // instructions from here to the end
	out := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0xf0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: version, Jf: left},
	}
	for i := 0; i < len(address); i += 4 {
		left -= 2
		out = append(
			out,
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at + uint32(i)},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: binary.BigEndian.Uint32(address[i:]), Jf: left},
		)
	}
	return append(out, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: headSize})
}
