package seccomp

import (
	"slices"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// multiplexers are the calls by which 32-bit programs make others (and on
// s390x all programs), with those others. libseccomp lets through the share of a
// multiplexer that belongs to each call that is let through: socketcall(
// SYS_SOCKET, ...) for socket, and of any family, for it cannot look behind the
// pointer. No rule for the multiplexer is then no denial, and one with the
// default's errno is passed over by runc: only an unconditional rule with another
// errno outweighs those shares. And a member that is denied alone is still
// there through a multiplexer that is let through.
func multiplexers() map[string][]string {
	return map[string][]string{
		"ipc": {
			"msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
		},
		socketcall: {
			"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom", "recvmmsg",
			"recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socket", "socketpair",
		},
	}
}

const socketcall = "socketcall"

// multiplexing are the architectures that have them.
func multiplexing() []specs.Arch {
	return []specs.Arch{
		specs.ArchX86, specs.ArchS390, specs.ArchS390X, specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchMIPS, specs.ArchMIPSEL,
	}
}

// multiplexerOf is the other way to a call, or "".
func multiplexerOf(name string) string {
	for m, members := range multiplexers() {
		if slices.Contains(members, name) {
			return m
		}
	}
	return ""
}

// viaSocketcall reports whether a policy that denies the name wants socketcall
// gone by all means.
func viaSocketcall(name string) bool { return name == socketcall || multiplexerOf(name) == socketcall }

// spareS390 leaves socketcall to s390x, where programs of 64 bits have no other
// way to the network: the families cannot be closed there.
func spareS390(p *Profile) {
	s390 := []string{"s390", "s390x"}
	for _, r := range p.Syscalls {
		if !allows(r) && slices.Contains(r.Names, socketcall) {
			r.Excludes = &profiles.Filter{Arches: s390}
		}
	}
	p.Syscalls = append(p.Syscalls, &profiles.Syscall{
		LinuxSyscall: specs.LinuxSyscall{Names: []string{socketcall}, Action: specs.ActAllow},
		Includes:     &profiles.Filter{Arches: s390},
	})
}
