package inside

import (
	"errors"

	"golang.org/x/sys/unix"
)

// A call is one system call with arguments that the kernel answers with an error
// of its own if it gets to see it, and that a filter answers with another.
type call struct {
	name string
	try  func() unix.Errno
}

const (
	bad     = 1          // an address in the first page, where nothing can be mapped
	badFD   = 9999       // open in no process of ours
	badPID  = 0x7ffffffe // beyond the kernel's limit of pids
	badFlag = 1 << 30    // means nothing to any call that is given it
	badType = 99         // of a socket: looked at before its family is, except by a filter
)

// callGroups are the groups that a policy denies by name.
func callGroups() map[string][]call {
	return map[string][]call{
		"io_uring": {
			{"io_uring_setup", native(unix.SYS_IO_URING_SETUP, 0, bad)},
			{"io_uring_enter", native(unix.SYS_IO_URING_ENTER, badFD, 0, 0, badFlag)},
			{"io_uring_register", native(unix.SYS_IO_URING_REGISTER, badFD, 0, bad, 1)},
		},
		"bpf-perf": {
			{"bpf", native(unix.SYS_BPF, 0, bad, 8)},
			{"perf_event_open", native(unix.SYS_PERF_EVENT_OPEN, bad, 0, 0, badFD, badFlag)},
		},
		// With the flag 1 (user mode only) an unprivileged process may ask, whatever
		// the sysctl says.
		"userfaultfd": {{"userfaultfd", native(unix.SYS_USERFAULTFD, 1|badFlag)}},
		"keyring": {
			{"add_key", native(unix.SYS_ADD_KEY, bad, bad, bad, 1, 0)},
			{"request_key", native(unix.SYS_REQUEST_KEY, bad, bad, bad, 0)},
			{"keyctl", native(unix.SYS_KEYCTL, 9999)},
		},
		"new-namespaces": namespaceCalls(),
		"af-alg-vsock":   familyCalls(),
		"ptrace": {
			{"ptrace", native(unix.SYS_PTRACE, 9999, badPID)},
			{"process_vm_readv", native(unix.SYS_PROCESS_VM_READV, badPID, bad, 1, bad, 1, badFlag)},
			{"process_vm_writev", native(unix.SYS_PROCESS_VM_WRITEV, badPID, bad, 1, bad, 1, badFlag)},
			{"process_madvise", native(unix.SYS_PROCESS_MADVISE, badFD, bad, 1, 0, badFlag)},
			{"kcmp", native(unix.SYS_KCMP, badPID, badPID)},
			{"pidfd_getfd", native(unix.SYS_PIDFD_GETFD, badFD, badFD, badFlag)},
		},
		"mount":    mountCalls(),
		"obsolete": obsoleteCalls(),
	}
}

// namespaceCalls ask clone for shared signal handlers without shared memory,
// which it refuses before it looks at anything else: nothing is ever cloned.
func namespaceCalls() []call {
	list := []call{
		{"unshare", native(unix.SYS_UNSHARE, 1)},
		{"setns", native(unix.SYS_SETNS, badFD, 0)},
		{"clone3", native(unix.SYS_CLONE3, 0, 0)},
	}
	for _, ns := range []struct {
		name string
		flag uintptr
	}{
		{"CLONE_NEWNS", unix.CLONE_NEWNS},
		{"CLONE_NEWCGROUP", unix.CLONE_NEWCGROUP},
		{"CLONE_NEWUTS", unix.CLONE_NEWUTS},
		{"CLONE_NEWIPC", unix.CLONE_NEWIPC},
		{"CLONE_NEWUSER", unix.CLONE_NEWUSER},
		{"CLONE_NEWPID", unix.CLONE_NEWPID},
		{"CLONE_NEWNET", unix.CLONE_NEWNET},
	} {
		list = append(list, call{"clone:" + ns.name, native(unix.SYS_CLONE, ns.flag|unix.CLONE_SIGHAND)})
	}
	return list
}

// familyCalls ask with a bit beyond the family too, which the kernel, that takes an
// int, cuts off, and a filter does not.
func familyCalls() []call {
	bit := 32
	high := uintptr(1) << bit // 0 where there is no such bit
	return []call{
		{"socket:AF_ALG", native(unix.SYS_SOCKET, unix.AF_ALG, badType)},
		{"socket:AF_VSOCK", native(unix.SYS_SOCKET, unix.AF_VSOCK, badType)},
		{"socket:AF_ALG+high", native(unix.SYS_SOCKET, unix.AF_ALG|high, badType)},
		{"socket:AF_VSOCK+high", native(unix.SYS_SOCKET, unix.AF_VSOCK|high, badType)},
	}
}

func mountCalls() []call {
	return []call{
		{"mount", native(unix.SYS_MOUNT, bad, bad, bad, 0, bad)},
		{"umount2", native(unix.SYS_UMOUNT2, bad, badFlag)},
		{"pivot_root", native(unix.SYS_PIVOT_ROOT, bad, bad)},
		{"open_tree", native(unix.SYS_OPEN_TREE, badFD, bad, badFlag)},
		{"move_mount", native(unix.SYS_MOVE_MOUNT, badFD, bad, badFD, bad, badFlag)},
		{"fsopen", native(unix.SYS_FSOPEN, bad, badFlag)},
		{"fsconfig", native(unix.SYS_FSCONFIG, badFD, 9999)},
		{"fsmount", native(unix.SYS_FSMOUNT, badFD, badFlag)},
		{"fspick", native(unix.SYS_FSPICK, badFD, bad, badFlag)},
		{"mount_setattr", native(unix.SYS_MOUNT_SETATTR, badFD, bad, badFlag, bad, 32)},
	}
}

// native makes a system call that does not block.
func native(nr uintptr, args ...uintptr) func() unix.Errno {
	var a [6]uintptr
	copy(a[:], args)
	return func() unix.Errno {
		_, _, e := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		return e
	}
}

// calls makes the system calls of a group.
func calls(args []string) (any, error) {
	if len(args) != 1 || callGroups()[args[0]] == nil {
		return nil, errors.New("a group of system calls is wanted")
	}
	out := map[string]string{}
	for _, c := range callGroups()[args[0]] {
		out[c.name] = word(c.try())
	}
	return out, nil
}
