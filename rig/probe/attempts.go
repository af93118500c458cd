//go:build linux && amd64

package main

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// An attempt is one system call that the kernel answers with an error of its
// own if it gets to see it, and that a filter answers with another.
type attempt struct {
	group, name string
	needs       uint64 // capabilities without which the kernel says EPERM itself
	alone       bool   // may end the process: tried in a child
	try         func() unix.Errno
}

const (
	sysAdmin = 1 << unix.CAP_SYS_ADMIN

	bad     = 1          // an address in the first page, where nothing can be mapped
	badFD   = 9999       // open in no process of ours
	badPID  = 0x7ffffffe // beyond the kernel's limit of pids
	badFlag = 1 << 30    // means nothing to any call that is given it
	badType = 99         // of a socket: looked at before its family is, except by a filter
	high    = 1 << 32    // cut off by the kernel, which takes an int, and not by a filter
)

func attempts() []attempt {
	var all []attempt
	for _, list := range [][]attempt{
		asyncAndTracing(), keyring(), namespaces(), sockets(), otherProcesses(), mounts(), obsolete(), otherABIs(),
	} {
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b attempt) int { return strings.Compare(a.group, b.group) })
	return all
}

func asyncAndTracing() []attempt {
	return []attempt{
		{group: "io_uring", name: "io_uring_setup", try: native(425, 0, bad)},
		{group: "io_uring", name: "io_uring_enter", try: native(426, badFD, 0, 0, badFlag)},
		{group: "io_uring", name: "io_uring_register", try: native(427, badFD, 0, bad, 1)},
		{group: "bpf-perf", name: "bpf", needs: sysAdmin, try: native(321, 0, bad, 8)},
		{group: "bpf-perf", name: "perf_event_open", try: native(298, bad, 0, 0, badFD, badFlag)},
		// With this bit (user mode only) an unprivileged process may ask, whatever the sysctl says.
		{group: "userfaultfd", name: "userfaultfd", try: native(323, 1|badFlag)},
	}
}

func keyring() []attempt {
	return []attempt{
		{group: "keyring", name: "add_key", try: native(248, bad, bad, bad, 1, 0)},
		{group: "keyring", name: "request_key", try: native(249, bad, bad, bad, 0)},
		{group: "keyring", name: "keyctl", try: native(250, 9999)},
	}
}

// namespaces asks clone for shared signal handlers without shared memory,
// which it refuses before it looks at anything else: nothing is ever cloned.
func namespaces() []attempt {
	list := []attempt{
		{group: "new-namespaces", name: "unshare", try: native(272, 1)},
		{group: "new-namespaces", name: "setns", try: native(308, badFD, 0)},
		{group: "new-namespaces", name: "clone3", try: native(435, 0, 0)},
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
		list = append(list, attempt{
			group: "new-namespaces", name: "clone:" + ns.name, try: native(56, ns.flag|unix.CLONE_SIGHAND),
		})
	}
	return list
}

func sockets() []attempt {
	return []attempt{
		{group: "af-alg-vsock", name: "socket:AF_ALG", try: native(41, unix.AF_ALG, badType)},
		{group: "af-alg-vsock", name: "socket:AF_VSOCK", try: native(41, unix.AF_VSOCK, badType)},
		{group: "af-alg-vsock", name: "socket:AF_ALG+high", try: native(41, unix.AF_ALG|high, badType)},
		{group: "af-alg-vsock", name: "socket:AF_VSOCK+high", try: native(41, unix.AF_VSOCK|high, badType)},
	}
}

func otherProcesses() []attempt {
	return []attempt{
		{group: "ptrace", name: "ptrace", try: native(101, 9999, badPID)},
		{group: "ptrace", name: "process_vm_readv", try: native(310, badPID, bad, 1, bad, 1, badFlag)},
		{group: "ptrace", name: "process_vm_writev", try: native(311, badPID, bad, 1, bad, 1, badFlag)},
		{group: "ptrace", name: "process_madvise", try: native(440, badFD, bad, 1, 0, badFlag)},
		{group: "ptrace", name: "kcmp", try: native(312, badPID, badPID)},
		{group: "ptrace", name: "pidfd_getfd", try: native(438, badFD, badFD, badFlag)},
	}
}

func mounts() []attempt {
	return []attempt{
		{group: "mount", name: "mount", try: native(165, bad, bad, bad, 0, bad)},
		{group: "mount", name: "umount2", try: native(166, bad, badFlag)},
		{group: "mount", name: "pivot_root", needs: sysAdmin, try: native(155, bad, bad)},
		{group: "mount", name: "open_tree", try: native(428, badFD, bad, badFlag)},
		{group: "mount", name: "move_mount", needs: sysAdmin, try: native(429, badFD, bad, badFD, bad, badFlag)},
		{group: "mount", name: "fsopen", needs: sysAdmin, try: native(430, bad, badFlag)},
		{group: "mount", name: "fsconfig", try: native(431, badFD, 9999)},
		{group: "mount", name: "fsmount", needs: sysAdmin, try: native(432, badFD, badFlag)},
		{group: "mount", name: "fspick", needs: sysAdmin, try: native(433, badFD, bad, badFlag)},
		{group: "mount", name: "mount_setattr", try: native(442, badFD, bad, badFlag, bad, 32)},
	}
}

// obsolete: a kernel that was built without one says ENOSYS, which is as good
// a sign that the call came through.
func obsolete() []attempt {
	return []attempt{
		{group: "obsolete", name: "uselib", try: native(134, bad)},
		{group: "obsolete", name: "ustat", try: native(136, 0, bad)},
		{group: "obsolete", name: "sysfs", try: native(139, 9999)},
		// Its ENOSYS has lost the sign on the way, and counts as ok.
		{group: "obsolete", name: "modify_ldt", try: native(154, 9999)},
		{group: "obsolete", name: "_sysctl", try: native(156, bad)},
		{group: "obsolete", name: "create_module", try: native(174)},
		{group: "obsolete", name: "get_kernel_syms", try: native(177)},
		{group: "obsolete", name: "query_module", try: native(178)},
		{group: "obsolete", name: "nfsservctl", try: native(180)},
		{group: "obsolete", name: "getpmsg", try: native(181)},
		{group: "obsolete", name: "putpmsg", try: native(182)},
		{group: "obsolete", name: "afs_syscall", try: native(183)},
		{group: "obsolete", name: "tuxcall", try: native(184)},
		{group: "obsolete", name: "security", try: native(185)},
		{group: "obsolete", name: "lookup_dcookie", needs: sysAdmin, try: native(212, 0, bad, 0)},
		{group: "obsolete", name: "epoll_ctl_old", try: native(214)},
		{group: "obsolete", name: "epoll_wait_old", try: native(215)},
		{group: "obsolete", name: "remap_file_pages", try: native(216, 0, 0, 1)},
		{group: "obsolete", name: "vserver", try: native(236)},
	}
}
