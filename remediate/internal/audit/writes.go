package audit

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// writeCalls are the system calls that the kernel counts as writes and as changes
// of attributes (audit_match_perm of kernel/auditsc.c, and the lists of
// include/asm-generic/audit_write.h, audit_dir_write.h and audit_change_attr.h),
// and the newer ones that it will: openat2, fchmodat2, setxattrat,
// removexattrat and file_setattr, by number as in escapeCalls. A rule for a
// directory without calls is looked at after every call of every process, in
// containers too; with them only after these. (Rules for paths are found by the
// inode and cost nothing elsewhere.)
var writeCalls = []string{
	"openat", "renameat", "renameat2", "mkdirat", "linkat", "symlinkat", "unlinkat", "mknodat", "acct", "swapon", "quotactl",
	"truncate", "ftruncate", "bind", "fallocate", "fchmod", "fchmodat", "fchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr",
	"removexattr", "lremovexattr", "fremovexattr", "437", "452", "463", "466", "469",
}

// oldWriteCalls are those that machines with younger tables do without.
var oldWriteCalls = []string{
	"open", "creat", "rename", "mkdir", "rmdir", "link", "symlink", "unlink", "mknod", "chmod", "chown", "lchown",
}

func writesOf(arch string) string {
	all := slices.Clone(writeCalls)
	if arch == "b32" || !slices.Contains([]string{"arm64", "loong64", "riscv64"}, runtime.GOARCH) {
		all = append(all, oldWriteCalls...)
	}
	if arch == "b32" {
		all = append(all, "chown32", "fchown32", "lchown32", "truncate64", "ftruncate64", "socketcall")
	}
	return calls(arch, strings.Join(all, ","))
}

// below are the rules for a directory and all below it, one for each word size.
// perm= stands before arch=: auditctl from 3.1.3 on would else choose calls of
// its own.
func below(group, comment, field string) []draft {
	var out []draft
	for _, arch := range []string{"b64", "b32"} {
		out = append(out, draft{group, comment, fmt.Sprintf("-a always,exit -F perm=wa -F arch=%s -S %s -F %s %s", arch, writesOf(arch), field, key(group))})
	}
	return out
}
