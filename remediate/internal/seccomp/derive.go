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
	for _, name := range r.Allow {
		remove(p, name)
		dropErrno(p, name)
		p.Syscalls[0].Names = append(p.Syscalls[0].Names, name)
	}
	slices.Sort(p.Syscalls[0].Names)
	fallBack(p)
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
	}
	if g.namespaces {
		denyNamespaces(p)
	}
	for _, f := range g.families {
		denyFamily(p, f)
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
	if multiplexes(name) {
		dropErrno(p, name)
		p.Syscalls = append(p.Syscalls, absent(name))
	}
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

// denyFamily takes an address family out of the rules of socket(2), where one
// lets it through.
func denyFamily(p *Profile, family uint64) {
	var rules []*profiles.Syscall
	for _, r := range p.Syscalls {
		if allows(r) && slices.Contains(r.Names, "socket") {
			rules = append(rules, r)
		}
	}
	if !slices.ContainsFunc(rules, func(r *profiles.Syscall) bool { return passes(r, family) }) {
		return
	}
	remove(p, "socket")
	for f := uint64(1); f < afMax; f++ {
		if f != family && slices.ContainsFunc(rules, func(r *profiles.Syscall) bool { return passes(r, f) }) {
			p.Syscalls = append(p.Syscalls, socketRule(f))
		}
	}
}

// afMax is beyond every address family (AF_MAX in linux/socket.h is 46).
const afMax = 64

// socketRule lets one family through. One rule for each: two conditions on one
// argument are alternatives to runc (opencontainers/runc#2735), so that a rule
// "not this one and not that one" would let both through.
func socketRule(family uint64) *profiles.Syscall {
	return &profiles.Syscall{LinuxSyscall: specs.LinuxSyscall{
		Names: []string{"socket"}, Action: specs.ActAllow,
		Args: []specs.LinuxSeccompArg{{Index: 0, Value: family, Op: specs.OpEqualTo}},
	}}
}

// passes reports whether a rule lets socket(family, ...) through; a condition
// on the family that it does not know counts as one that does.
func passes(r *profiles.Syscall, family uint64) bool {
	for _, a := range r.Args {
		switch {
		case a.Index != 0:
		case a.Op == specs.OpEqualTo && a.Value != family, a.Op == specs.OpLessThan && family >= a.Value,
			a.Op == specs.OpNotEqual && a.Value == family:
			return false
		}
	}
	return true
}

// refuse says why a recipe cannot be followed, or "".
func (r Recipe) refuse() string {
	for _, name := range r.Deny {
		if _, ok := groupOf(name); !ok && !isSyscall(name) {
			return fmt.Sprintf("cannot deny %q: it is neither a group nor a system call%s", name, meant(name, append(Groups(), syscalls()...)))
		}
		if slices.Contains(essential(), name) && !slices.Contains(r.Allow, name) {
			return fmt.Sprintf("cannot deny %s: no program would start without it", name)
		}
	}
	for _, name := range r.Allow {
		if !isSyscall(name) {
			return fmt.Sprintf("cannot allow %q: it is not a system call%s", name, meant(name, syscalls()))
		}
	}
	return ""
}
