package seccomp

import "slices"

// A group is a set of system calls that a policy denies by one name.
type group struct {
	name string
	// calls lose every rule that lets them through, whatever the container's
	// capabilities.
	calls []string
	// namespaces says that clone(2) is left, but not for new namespaces, and
	// that clone3(2), whose flags no filter can see, is not there (ENOSYS), on
	// which the C libraries fall back to clone.
	namespaces bool
	// note says what stops working, for the plan; "" if nothing that is in use.
	note string
}

// familyGroup denies the address families AF_ALG and AF_VSOCK. The rules of the
// base for socket(2) let neither through (a test holds them to it), so that what
// is left is the way around them.
const familyGroup = "af-alg-vsock"

// groups are what a policy may deny by name; the schema of policies lists the
// same names.
func groups() []group {
	return []group{
		{name: "io_uring", calls: []string{"io_uring_enter", "io_uring_register", "io_uring_setup"}},
		{name: "bpf-perf", calls: []string{"bpf", "perf_event_open"}},
		{name: "userfaultfd", calls: []string{"userfaultfd"}},
		{name: "keyring", calls: []string{"add_key", "keyctl", "request_key"}},
		{
			name: "new-namespaces", calls: []string{"setns", "unshare"}, namespaces: true,
			note: "sandboxes inside containers (of browsers, bubblewrap, rootless builds) cannot make namespaces",
		},
		{
			name: familyGroup, calls: []string{socketcall},
			note: "32-bit programs that use socketcall(2), as those of glibc on i386 and of Go do, have no network",
		},
		{
			name:  "ptrace",
			calls: []string{"kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace"},
			note:  "debuggers and strace do not work in containers",
		},
		{
			name: "mount",
			calls: []string{
				"fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree",
				"open_tree_attr", "pivot_root", "umount", "umount2",
			},
			note: "containers with SYS_ADMIN cannot mount either",
		},
		{
			name: "obsolete",
			calls: []string{
				"_sysctl", "afs_syscall", "bdflush", "break", "create_module", "epoll_ctl_old", "epoll_wait_old", "ftime",
				"get_kernel_syms", "getpmsg", "gtty", "idle", "lock", "lookup_dcookie", "modify_ldt", "mpx", "nfsservctl",
				"prof", "profil", "putpmsg", "query_module", "remap_file_pages", "security", "sgetmask", "ssetmask", "stty",
				"sysfs", "tuxcall", "ulimit", "uselib", "ustat", "vm86", "vm86old", "vserver",
			},
			note: "modify_ldt(2) is gone: Wine needs it for 16-bit programs",
		},
	}
}

// Groups returns the names of the groups.
func Groups() []string {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

func groupOf(name string) (group, bool) {
	all := groups()
	i := slices.IndexFunc(all, func(g group) bool { return g.name == name })
	if i < 0 {
		return group{}, false
	}
	return all[i], true
}
