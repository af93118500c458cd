//go:build linux && amd64

package ptrace

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Calls that change what the kernel does by rules: a batch of nftables, a command
// of ipset or of audit over netlink, and the socket option by which iptables
// (legacy) replaces a table.

// sentTo looks at sendto(fd, buffer, ...), which libmnl uses for one message.
func sentTo(pid int, a [6]uint64) bool { return isSocket(pid, a) && changesRules(pid, a[1]) }

// sentMessage looks at sendmsg(fd, msghdr, ...): its first buffer begins with
// the first message.
func sentMessage(pid int, a [6]uint64) bool {
	if !isSocket(pid, a) {
		return false
	}
	iovec := word(pid, a[1]+16) // struct msghdr: name, namelen, iov
	return changesRules(pid, word(pid, iovec))
}

func isSocket(pid int, a [6]uint64) bool { return fdMode(pid, a)&unix.S_IFMT == unix.S_IFSOCK }

const (
	batchBegin  = 0x10 // NFNL_MSG_BATCH_BEGIN, of no subsystem
	ipsetSystem = 6    // NFNL_SUBSYS_IPSET
)

// changesRules reads the nlmsghdr at addr. That of a batch says how long it is
// (iptables adds the generation that it has seen) and whose, by which text that
// happens to look like one is told from it.
func changesRules(pid int, addr uint64) bool {
	b := memory(pid, addr, 20)
	if b == nil {
		return false
	}
	kind := binary.LittleEndian.Uint16(b[4:])
	if kind == batchBegin {
		n := binary.LittleEndian.Uint32(b)
		return (n == 20 || n == 28) && binary.BigEndian.Uint16(b[18:]) == unix.NFNL_SUBSYS_NFTABLES
	}
	if changesAudit(kind, binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[6:])) {
		return true
	}
	return kind>>8 == ipsetSystem && b[17] == unix.NFNETLINK_V0 && ipsetChange(kind&0xff)
}

// changesAudit reads a header for the kernel's audit: a rule added or deleted,
// which is never shorter than struct audit_rule_data, or the status set
// (linux/audit.h). Both ask for an answer.
func changesAudit(kind uint16, length uint32, flags uint16) bool {
	const header, rule, status = 16, 1040, 64
	if flags != unix.NLM_F_REQUEST|unix.NLM_F_ACK {
		return false
	}
	switch kind {
	case unix.AUDIT_ADD_RULE, unix.AUDIT_DEL_RULE:
		return length >= header+rule
	case unix.AUDIT_SET:
		return length <= header+status
	}
	return false
}

// ipsetChange: create, destroy, flush, rename, swap, add, delete.
func ipsetChange(command uint16) bool {
	return command >= 2 && command <= 6 || command == 9 || command == 10
}

// replacesTable looks at setsockopt(fd, level, IPT_SO_SET_REPLACE, ...).
func replacesTable(_ int, a [6]uint64) bool {
	return (a[1] == unix.IPPROTO_IP || a[1] == unix.IPPROTO_IPV6) && a[2] == 64
}

func word(pid int, addr uint64) uint64 {
	b := memory(pid, addr, 8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func memory(pid int, addr uint64, n int) []byte {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, n)
	if _, err := f.ReadAt(b, int64(addr)); err != nil {
		return nil
	}
	return b
}
