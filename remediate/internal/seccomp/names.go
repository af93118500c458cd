package seccomp

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/elastic/go-libaudit/v2/auparse"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// tables are the names of the system calls of every architecture that Linux
// audit knows, and those of the base, which has newer ones.
var tables = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, table := range auparse.AuditSyscalls {
		for _, name := range table {
			known[name] = true
		}
	}
	for _, r := range base().Syscalls {
		for _, name := range r.Names {
			known[name] = true
		}
	}
	for _, g := range groups() {
		for _, name := range g.calls {
			known[name] = true
		}
	}
	for _, l := range libraries() {
		for _, name := range l.names {
			known[name] = true
		}
	}
	return known
})

func isSyscall(name string) bool { return tables()[name] }

// syscalls returns all names, sorted.
var syscalls = sync.OnceValue(func() []string { return slices.Sorted(maps.Keys(tables())) })

// auditTables maps GOARCH to the tables of linux audit for it and for the 32-bit
// programs that it runs; an architecture that is not there has all.
func auditTables() map[string][]string {
	return map[string][]string{
		"386": {"i386"}, "amd64": {"x86_64", "i386"}, "arm": {"arm"}, "arm64": {"aarch64", "arm"}, "ppc64le": {"ppc"}, "s390x": {"s390x", "s390"},
	}
}

// callsOn returns the system calls of one architecture, sorted, and those that
// are in no table, since they are newer.
func callsOn(arch string) []string {
	if calls, ok := callsByArch()[arch]; ok {
		return calls
	}
	return syscalls()
}

var callsByArch = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for arch, mine := range auditTables() {
		out[arch] = slices.DeleteFunc(slices.Clone(syscalls()), func(name string) bool { return !isIn(name, mine) && isIn(name, allTables()) })
	}
	return out
})

func allTables() []string { return slices.Collect(maps.Keys(auparse.AuditSyscalls)) }

// isIn reports whether one of the tables has the name.
func isIn(name string, in []string) bool {
	return slices.ContainsFunc(in, func(t string) bool { return numbers()[t][name] })
}

var numbers = sync.OnceValue(func() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for table, calls := range auparse.AuditSyscalls {
		out[table] = map[string]bool{}
		for _, name := range calls {
			out[table][name] = true
		}
	}
	return out
})

// needed are the calls without which no container starts, or no program runs:
// those that runc makes after it has loaded the filter (found by taking each
// call of the default out in turn, with runc 1.1.5; other releases need most of
// them), and those that every C library makes.
func needed(m Machine) []string {
	all := []string{
		"arch_prctl", "capget", "capset", "chdir", "close", "execve", "fstat", "fstatfs", "futex", "getcwd", "getdents64", "getppid",
		"mprotect", "newfstatat", "openat", "prctl", "read", "setgid", "setgroups", "setuid",
		"brk", "exit_group", "mmap", "munmap", "rt_sigreturn", "write",
	}
	here := callsOn(m.Arch)
	return slices.DeleteFunc(all, func(name string) bool { _, ok := slices.BinarySearch(here, name); return !ok })
}

// meant suggests the name that a misspelt one is nearest to.
func meant(name string, known []string) string {
	near := resource.Nearest(name, known)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", near)
}
