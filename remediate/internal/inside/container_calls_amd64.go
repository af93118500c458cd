package inside

import "golang.org/x/sys/unix"

// obsoleteCalls: a kernel that was built without one says ENOSYS.
func obsoleteCalls() []call {
	return []call{
		{"uselib", native(unix.SYS_USELIB, bad)},
		{"ustat", native(unix.SYS_USTAT, 0, bad)},
		{"sysfs", native(unix.SYS_SYSFS, 9999)},
		// Its ENOSYS has lost the sign on the way, and counts as ok.
		{"modify_ldt", native(unix.SYS_MODIFY_LDT, 9999)},
		{"_sysctl", native(unix.SYS__SYSCTL, bad)},
		{"create_module", native(unix.SYS_CREATE_MODULE)},
		{"get_kernel_syms", native(unix.SYS_GET_KERNEL_SYMS)},
		{"query_module", native(unix.SYS_QUERY_MODULE)},
		{"nfsservctl", native(unix.SYS_NFSSERVCTL)},
		{"getpmsg", native(unix.SYS_GETPMSG)},
		{"putpmsg", native(unix.SYS_PUTPMSG)},
		{"afs_syscall", native(unix.SYS_AFS_SYSCALL)},
		{"tuxcall", native(unix.SYS_TUXCALL)},
		{"security", native(unix.SYS_SECURITY)},
		{"lookup_dcookie", native(unix.SYS_LOOKUP_DCOOKIE, 0, bad, 0)},
		{"epoll_ctl_old", native(unix.SYS_EPOLL_CTL_OLD)},
		{"epoll_wait_old", native(unix.SYS_EPOLL_WAIT_OLD)},
		{"remap_file_pages", native(unix.SYS_REMAP_FILE_PAGES, 0, 0, 1)},
		{"vserver", native(unix.SYS_VSERVER)},
	}
}
