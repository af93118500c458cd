package seccomp

import (
	"slices"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
)

// A lack is what the default of some releases of the engine does not let through
// though the base does.
type lack struct {
	names []string
	// only, if not "", is the capability with which those releases do let it
	// through.
	only string
	in   []span
}

// A span is of engine versions, the end not included.
type span struct{ from, to engine.Version }

func v(major, minor, patch int) engine.Version {
	return engine.Version{Major: major, Minor: minor, Patch: patch}
}

// oldest is the first release that bulwark works with.
var oldest = v(20, 10, 0)

// before is the span up to a release.
func before(major, minor, patch int) []span { return []span{{oldest, v(major, minor, patch)}} }

// lacks were found by resolving the default.json of every release from 20.10.0
// to 29.7.2 (moby: profiles/seccomp; from 28.5: github.com/moby/profiles), for
// every capability and architecture that it names. Argument filters need no row:
// those of the base are nowhere wider. Rows of new system calls go together by
// age on purpose: a call that is newer than any in a profile is ENOSYS by runc's
// doing, on which C libraries fall back, and not EPERM, on which they do not.
func lacks() []lack {
	const admin, ptrace = "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"
	at6 := []span{{oldest, v(23, 0, 10)}, {v(24, 0, 0), v(25, 0, 3)}} // Linux 6.5 to 6.7
	return []lack{
		{names: []string{
			"close_range", "epoll_pwait2", "fsconfig", "fsmount", "fsopen", "fspick", "move_mount", "open_tree", "process_madvise",
		}, in: before(20, 10, 4)},
		{names: []string{"clone3"}, in: before(20, 10, 10)},
		{names: []string{
			"futex_waitv", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "memfd_secret", "mount_setattr",
			"process_mrelease", "quotactl_fd",
		}, in: before(20, 10, 18)},
		{names: []string{"name_to_handle_at"}, only: admin, in: []span{
			{oldest, v(20, 10, 26)}, {v(23, 0, 0), v(23, 0, 7)}, {v(24, 0, 0), v(24, 0, 3)},
		}},
		{names: []string{
			"clock_settime64", "pkey_alloc", "pkey_free", "pkey_mprotect", "riscv_flush_icache", "swapcontext",
		}, in: before(23, 0, 0)},
		{names: []string{"process_vm_readv", "process_vm_writev"}, only: ptrace, in: before(23, 0, 0)},
		{names: []string{"bpf", "perf_event_open"}, only: admin, in: before(23, 0, 0)},
		{names: []string{
			"cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "map_shadow_stack", "set_mempolicy_home_node",
		}, in: at6},
		{names: []string{
			"getxattrat", "listmount", "listxattrat", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mseal",
			"removexattrat", "riscv_hwprobe", "setxattrat", "statmount", "uretprobe",
		}, in: before(28, 2, 0)},
		// Engine 29.4.2 closed it against AF_ALG, and 29.4.3 opened it again for
		// 32-bit programs (moby/moby#52506).
		{names: []string{"socketcall"}, in: []span{{v(29, 4, 2), v(29, 4, 3)}}},
	}
}

// newestEngine is the newest release that lacks knows of.
func newestEngine() engine.Version { return v(29, 7, 2) }

// bound takes out of the base what the engine's own default does not let
// through. The zero Version bounds nothing.
func bound(p *Profile, e engine.Version) {
	if !e.Known() {
		return
	}
	if e.Compare(oldest) < 0 {
		e = oldest // no rows for what nobody should run; nothing newer is let through
	}
	for _, l := range lacks() {
		if !slices.ContainsFunc(l.in, func(s span) bool { return e.Compare(s.from) >= 0 && e.Compare(s.to) < 0 }) {
			continue
		}
		for _, name := range l.names {
			restrict(p, name, l.only)
		}
	}
}

// restrict leaves a system call to containers with one capability, or to none.
func restrict(p *Profile, name, only string) {
	if only == "" {
		remove(p, name)
		return
	}
	there := false
	edit(p, func(r *profiles.Syscall) bool {
		switch {
		case !allows(r) || !slices.Contains(r.Names, name):
		case r.Includes != nil && slices.Contains(r.Includes.Caps, only):
			there = true
		default:
			r.Names = without(r.Names, name)
		}
		return len(r.Names) > 0
	})
	if !there {
		p.Syscalls = append(p.Syscalls, &profiles.Syscall{
			LinuxSyscall: specs.LinuxSyscall{Names: []string{name}, Action: specs.ActAllow},
			Includes:     &profiles.Filter{Caps: []string{only}},
		})
	}
}

// EngineDefault is the default of an engine itself, to compare with: the base as
// bound leaves it, and what that engine lets through and the base does not.
func EngineDefault(e engine.Version) *Profile {
	p := Derive(Recipe{Engine: e})
	if !e.Known() {
		return p
	}
	if e.Before(25, 0) {
		p.Syscalls[0].Names = append(p.Syscalls[0].Names, "io_uring_enter", "io_uring_register", "io_uring_setup")
	}
	remove(p, "socket")
	for _, a := range socketArgs(e) {
		r := &profiles.Syscall{LinuxSyscall: specs.LinuxSyscall{Names: []string{"socket"}, Action: specs.ActAllow}}
		if a.Op != "" {
			r.Args = []specs.LinuxSeccompArg{a}
		}
		p.Syscalls = append(p.Syscalls, r)
	}
	return p
}

// Address families (linux/socket.h).
const (
	afALG   = 38
	afVSOCK = 40
)

// socketArgs are the conditions on the family, one rule for each; one without
// operator is none.
func socketArgs(e engine.Version) []specs.LinuxSeccompArg {
	switch {
	case e.Before(23, 0) && e != v(20, 10, 22):
		return []specs.LinuxSeccompArg{{}}
	case e.Compare(v(29, 4, 2)) < 0:
		return []specs.LinuxSeccompArg{{Value: afVSOCK, Op: specs.OpNotEqual}}
	}
	return []specs.LinuxSeccompArg{
		{Value: afALG, Op: specs.OpLessThan}, {Value: afALG + 1, Op: specs.OpEqualTo}, {Value: afVSOCK, Op: specs.OpGreaterThan},
	}
}
