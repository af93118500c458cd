package seccomp

import (
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
)

// libraries are the releases of libseccomp that brought names of system calls
// (its src/syscalls.csv), from 2.5.0, which has those of Linux 5.8.
func libraries() []struct {
	version engine.Version
	names   []string
} {
	return []struct {
		version engine.Version
		names   []string
	}{
		{v(2, 5, 2), []string{
			"close_range", "epoll_pwait2", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "memfd_secret",
			"mount_setattr", "process_madvise", "quotactl_fd",
		}},
		{v(2, 5, 3), []string{"process_mrelease"}},
		{v(2, 5, 4), []string{"futex_waitv", "set_mempolicy_home_node"}},
		{v(2, 5, 5), []string{"cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "map_shadow_stack"}},
		{v(2, 5, 6), []string{
			"getxattrat", "listmount", "listxattrat", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mseal",
			"removexattrat", "riscv_hwprobe", "setxattrat", "statmount", "uretprobe",
		}},
		{v(2, 6, 1), []string{"file_getattr", "file_setattr", "listns", "open_tree_attr", "rseq_slice_yield", "uprobe"}},
	}
}

// newerThan reports whether a system call is one that a release of libseccomp
// does not know yet. With an unknown release nothing is.
func newerThan(name, libseccomp string) bool {
	have, err := engine.ParseVersion(libseccomp)
	if err != nil {
		return false
	}
	for _, l := range libraries() {
		if slices.Contains(l.names, name) {
			return have.Compare(l.version) < 0
		}
	}
	return false
}
