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
func syscalls() []string {
	var names []string
	for name := range tables() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// auditTables maps GOARCH to the tables of linux audit for it and for the 32-bit
// programs that it runs; an architecture that is not there has all.
func auditTables() map[string][]string {
	return map[string][]string{
		"386": {"i386"}, "amd64": {"x86_64", "i386"}, "arm": {"arm"}, "arm64": {"aarch64", "arm"}, "ppc64le": {"ppc"}, "s390x": {"s390x", "s390"},
	}
}

// callsOn returns the system calls of one architecture, and those that are in
// no table, since they are newer.
func callsOn(arch string) []string {
	names, elsewhere := map[string]bool{}, map[string]bool{}
	mine, ok := auditTables()[arch]
	for table, calls := range auparse.AuditSyscalls {
		for _, name := range calls {
			if !ok || slices.Contains(mine, table) {
				names[name] = true
			}
			elsewhere[name] = true
		}
	}
	for name := range tables() {
		if !elsewhere[name] {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// essential are calls without which runc cannot start a program after it has
// loaded the filter, or no C library can end one.
func essential() []string {
	return []string{"brk", "close", "execve", "exit_group", "futex", "mmap", "mprotect", "munmap", "read", "rt_sigreturn", "write"}
}

// meant suggests the name that a misspelt one is nearest to.
func meant(name string, known []string) string {
	near := resource.Nearest(name, known)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", near)
}
