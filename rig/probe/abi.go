//go:build linux && amd64

package main

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A 64-bit process can call the kernel as a 32-bit one does: its calls have
// other numbers there, and a filter needs rules for them too.
const (
	x32         = 1 << 30
	i386Sockets = 102
)

func otherABIs() []attempt {
	list := []attempt{
		// Hardly any kernel has x32 today; then the call gets through and finds nothing.
		{group: "af-alg-vsock", name: "x32:socket:AF_ALG", try: native(x32|41, unix.AF_ALG, badType)},
		{group: "af-alg-vsock", name: "i386:socket:AF_ALG", try: i386(359, unix.AF_ALG, badType)},
		{group: "af-alg-vsock", name: "i386:socket:AF_VSOCK", try: i386(359, unix.AF_VSOCK, badType)},
		{group: "af-alg-vsock", name: "i386:socketcall:AF_ALG", try: socketcall(unix.AF_ALG)},
		{group: "af-alg-vsock", name: "i386:socketcall:AF_VSOCK", try: socketcall(unix.AF_VSOCK)},
		{group: "io_uring", name: "i386:io_uring_setup", try: i386(425, 0, bad)},
		{group: "bpf-perf", name: "i386:perf_event_open", try: i386(336, bad, 0, 0, badFD, badFlag)},
		{group: "userfaultfd", name: "i386:userfaultfd", try: i386(374, 1|badFlag)},
		{group: "keyring", name: "i386:keyctl", try: i386(288, 9999)},
		{group: "new-namespaces", name: "i386:unshare", try: i386(310, 1)},
		{group: "new-namespaces", name: "i386:clone:CLONE_NEWUSER", try: i386(120, unix.CLONE_NEWUSER|unix.CLONE_SIGHAND)},
		{group: "new-namespaces", name: "i386:clone3", try: i386(435, 0, 0)},
		{group: "ptrace", name: "i386:ptrace", try: i386(26, 9999, badPID)},
		{group: "mount", name: "i386:mount", try: i386(21, bad, bad, bad, 0, bad)},
		{group: "mount", name: "i386:umount", needs: sysAdmin, try: i386(22, bad)},
		{group: "mount", name: "i386:umount2", try: i386(52, bad, badFlag)},
		{group: "obsolete", name: "i386:modify_ldt", try: i386(123, 9999)},
		{group: "obsolete", name: "i386:sgetmask", try: i386(68)},
		{group: "obsolete", name: "i386:vm86", try: i386(166, 9999)},
	}
	for i := range list {
		list[i].alone = strings.HasPrefix(list[i].name, "i386:")
	}
	return list
}

// native makes a system call in the process's own ABI.
func native(nr uintptr, args ...uintptr) func() unix.Errno {
	var a [6]uintptr
	copy(a[:], args)
	return func() unix.Errno {
		_, _, e := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		return e
	}
}

// int80 enters the kernel as a 32-bit process does, and returns what it said.
// A kernel without the 32-bit ABI ends the process.
func int80(nr, a, b, c, d, e uint32) int32

func i386(nr uint32, args ...uint32) func() unix.Errno {
	var a [5]uint32
	copy(a[:], args)
	return func() unix.Errno {
		if r := int80(nr, a[0], a[1], a[2], a[3], a[4]); r < 0 {
			return unix.Errno(-r)
		}
		return 0
	}
}

// socketcall opens a socket as most 32-bit programs do: the family lies in
// memory, where a filter cannot look.
func socketcall(family uint32) func() unix.Errno {
	return func() unix.Errno {
		page, err := unix.MmapPtr(-1, 0, nil, 4096, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_32BIT) // 32-bit pointers cannot say more
		if err != nil {
			panic(err)
		}
		args := (*[12]byte)(page)
		binary.LittleEndian.PutUint32(args[0:], family)
		binary.LittleEndian.PutUint32(args[4:], badType)
		return i386(i386Sockets, 1, uint32(uintptr(page)))()
	}
}

// tryInChild returns the attempt's result, or the signal that it was ended by.
func tryInChild(i int) string {
	out, err := exec.Command("/proc/self/exe", "alone", strconv.Itoa(i)).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			return unix.SignalName(status.Signal())
		}
	}
	if err != nil {
		os.Stderr.WriteString("probe: " + err.Error() + "\n")
		return "failed"
	}
	return strings.TrimSpace(string(out))
}
