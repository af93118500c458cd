package seccomp

import (
	"slices"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// A multiplexer is a call by which 32-bit programs make others (and all
// programs on some architectures). libseccomp lets through the share of it that
// belongs to each call that is let through: socketcall(SYS_SOCKET, ...) for
// socket, and of any family, for it cannot look behind the pointer. No rule is
// then no denial, and one with the default's errno is passed over by runc:
// only an unconditional rule with another errno outweighs those shares.
type multiplexer struct {
	name  string
	calls []string
}

func multiplexers() []multiplexer {
	return []multiplexer{
		{"ipc", []string{
			"msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
		}},
		{"socketcall", []string{
			"socket", "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
			"recvmmsg", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair",
		}},
	}
}

func multiplexes(name string) bool {
	return slices.ContainsFunc(multiplexers(), func(m multiplexer) bool { return m.name == name })
}

// multiplexing are the architectures that have them.
func multiplexing() []specs.Arch {
	return []specs.Arch{
		specs.ArchX86, specs.ArchS390, specs.ArchS390X, specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchMIPS, specs.ArchMIPSEL,
	}
}

// absent fails a call as a kernel does that has none of the name.
func absent(name string) *profiles.Syscall {
	errno := uint(nosys)
	return &profiles.Syscall{LinuxSyscall: specs.LinuxSyscall{Names: []string{name}, Action: specs.ActErrno, ErrnoRet: &errno}}
}

// shares finds multiplexers that a profile seems to deny and does not.
func (c *checker) shares() {
	if c.byDefault() || !slices.ContainsFunc(multiplexing(), c.serves) {
		return
	}
	for _, m := range multiplexers() {
		i := slices.IndexFunc(m.calls, c.letsThrough)
		if i >= 0 && !c.letsThrough(m.name) && !c.fails(m.name) {
			c.add(false, 0, "", "%s is let through though no rule says so, for %s and its like: to deny it to 32-bit programs "+
				"takes a rule with another errno than the default's, such as 38", m.name, m.calls[i])
		}
	}
}

// serves reports whether the profile is for programs of an architecture.
func (c *checker) serves(a specs.Arch) bool {
	return slices.Contains(c.p.Architectures, a) || slices.ContainsFunc(c.p.ArchMap, func(m profiles.Architecture) bool {
		return m.Arch == a || slices.Contains(m.SubArches, a)
	})
}

// fails reports whether a rule fails the call for all, and not as the default
// does.
func (c *checker) fails(name string) bool {
	return slices.ContainsFunc(c.p.Syscalls, func(r *profiles.Syscall) bool {
		return slices.Contains(r.Names, name) && everywhere(r) && !allows(r) &&
			(r.Action != c.p.DefaultAction || !sameErrno(r.ErrnoRet, c.p.DefaultErrnoRet))
	})
}
