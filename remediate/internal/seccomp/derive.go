package seccomp

import (
	"fmt"
	"slices"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
)

// A Recipe says how a profile is computed.
type Recipe struct {
	// Engine is the engine whose own default bounds the profile where that is
	// stricter; the zero Version leaves the pinned base as it is.
	Engine engine.Version
	// Deny are groups and names of system calls, Allow names that are let
	// through in spite of base and Deny.
	Deny, Allow []string
}

// plain reports whether the recipe asks for nothing but the engine's own.
func (r Recipe) plain() bool { return len(r.Deny)+len(r.Allow) == 0 }

// Derive computes the profile. It needs a recipe that refuse has passed.
func Derive(r Recipe) *Profile {
	p := base()
	bound(p, r.Engine)
	for _, name := range r.Deny {
		deny(p, name)
	}
	if slices.Contains(r.Deny, familyGroup) && !slices.ContainsFunc(r.Deny, viaSocketcall) {
		spareS390(p)
	}
	for _, name := range r.Allow {
		remove(p, name)
		dropErrno(p, name)
		p.Syscalls[0].Names = append(p.Syscalls[0].Names, name)
	}
	slices.Sort(p.Syscalls[0].Names)
	fallBack(p)
	keepAbsent(p, r)
	return p
}

// fallBack makes clone3(2) ENOSYS for everybody if nobody may call it: the C
// libraries then use clone, whose flags a filter can see. At EPERM they give up.
func fallBack(p *Profile) {
	const name = "clone3"
	if slices.ContainsFunc(p.Syscalls, func(r *profiles.Syscall) bool { return allows(r) && slices.Contains(r.Names, name) }) {
		return
	}
	for _, r := range p.Syscalls {
		if !allows(r) && slices.Contains(r.Names, name) {
			forEverybody(r)
		}
	}
}

func deny(p *Profile, name string) {
	g, ok := groupOf(name)
	if !ok {
		g = group{calls: []string{name}}
	}
	for _, call := range g.calls {
		remove(p, call)
		if m := multiplexerOf(call); m != "" {
			remove(p, m)
		}
	}
	if g.namespaces {
		denyNamespaces(p)
	}
}

// remove takes a system call out of every rule that lets it through. It is
// then met by the default action: EPERM; a multiplexer by ENOSYS.
func remove(p *Profile, name string) {
	edit(p, func(r *profiles.Syscall) bool {
		if allows(r) {
			r.Names = without(r.Names, name)
		}
		return len(r.Names) > 0
	})
	if _, ok := multiplexers()[name]; ok {
		dropErrno(p, name)
		p.Syscalls = append(p.Syscalls, absent(name))
	}
}

// absent fails calls as a kernel does that has none of the name.
func absent(names ...string) *profiles.Syscall {
	errno := uint(nosys)
	return &profiles.Syscall{LinuxSyscall: specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: &errno}}
}

// keepAbsent: a call that is newer than any in the profile is ENOSYS by runc's
// doing, on which C libraries fall back. One new call that the policy allows
// would turn that into EPERM for all that are older than it.
func keepAbsent(p *Profile, r Recipe) {
	newest := -1
	all := libraries()
	for i, l := range all {
		if slices.ContainsFunc(l.names, func(n string) bool { return slices.Contains(r.Allow, n) }) {
			newest = i
		}
	}
	var names []string
	for _, l := range all[:newest+1] {
		for _, name := range l.names {
			if !mentioned(p, name) && !r.denies(name) {
				names = append(names, name)
			}
		}
	}
	if len(names) > 0 {
		p.Syscalls = append(p.Syscalls, absent(names...))
	}
}

func mentioned(p *Profile, name string) bool {
	return slices.ContainsFunc(p.Syscalls, func(r *profiles.Syscall) bool { return slices.Contains(r.Names, name) })
}

// denies reports whether the policy asks for a call to be denied.
func (r Recipe) denies(name string) bool {
	return slices.ContainsFunc(r.Deny, func(d string) bool {
		g, _ := groupOf(d)
		return d == name || slices.Contains(g.calls, name)
	})
}

// dropErrno takes a system call out of the rules that fail it.
func dropErrno(p *Profile, name string) {
	edit(p, func(r *profiles.Syscall) bool {
		r.Names = without(r.Names, name)
		return len(r.Names) > 0
	})
}

// edit keeps the rules for which f is true.
func edit(p *Profile, f func(*profiles.Syscall) bool) {
	p.Syscalls = slices.DeleteFunc(p.Syscalls, func(r *profiles.Syscall) bool { return !f(r) })
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// denyNamespaces leaves clone to everybody without flags of new namespaces. The
// base has two pairs of rules: with CAP_SYS_ADMIN clone and clone3 are free,
// without it clone is masked and clone3 is ENOSYS. The free pair goes, and the
// other must then hold for everybody, or nothing could fork under CAP_SYS_ADMIN.
func denyNamespaces(p *Profile) {
	edit(p, func(r *profiles.Syscall) bool {
		if allows(r) && len(r.Args) == 0 {
			r.Names = without(without(r.Names, "clone"), "clone3")
		}
		if slices.Contains(r.Names, "clone") {
			forEverybody(r)
		}
		return len(r.Names) > 0
	})
}

// forEverybody lifts the exclusion of capabilities from a rule.
func forEverybody(r *profiles.Syscall) {
	if r.Excludes != nil {
		r.Excludes.Caps = nil
		if len(r.Excludes.Arches) == 0 && r.Excludes.MinKernel == nil {
			r.Excludes = nil
		}
	}
}

// refuse says why a recipe cannot be followed, or "".
func (r Recipe) refuse() string {
	for _, name := range r.Deny {
		if _, ok := groupOf(name); !ok && !isSyscall(name) {
			return fmt.Sprintf("cannot deny %q: it is neither a group nor a system call%s", name, meant(name, append(Groups(), syscalls()...)))
		}
		if slices.Contains(needed(Machine{}), name) && !slices.Contains(r.Allow, name) {
			return fmt.Sprintf("cannot deny %s: no container would start without it", name)
		}
	}
	for _, name := range r.Allow {
		if !isSyscall(name) {
			return fmt.Sprintf("cannot allow %q: it is not a system call%s", name, meant(name, syscalls()))
		}
	}
	return ""
}
