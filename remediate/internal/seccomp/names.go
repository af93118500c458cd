package seccomp

import (
	"fmt"
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
