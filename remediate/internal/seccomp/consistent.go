package seccomp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// contradictions: of two rules for one call without conditions on arguments
// libseccomp lets the first win, and one without conditions swallows those that
// have some. It says so in neither case. Rules of the default action are not
// there at all: runc passes them over.
func (c *checker) contradictions() {
	first := map[string]int{}
	for i, r := range c.p.Syscalls {
		if len(r.Args) > 0 || c.isDefault(r) {
			continue
		}
		for _, name := range r.Names {
			key := name + " " + filterText(r)
			if f, ok := first[key]; !ok {
				first[key] = i
			} else if other := c.p.Syscalls[f]; other.Action != r.Action {
				c.refuse(c.ruleLine(i), fmt.Sprintf("syscalls[%d]", i), "%s has %s here and %s in syscalls[%d], which wins", name, r.Action, other.Action, f)
			}
		}
	}
	c.swallowed(first)
}

func (c *checker) isDefault(r *profiles.Syscall) bool {
	return r.Action == c.p.DefaultAction && sameErrno(r.ErrnoRet, c.p.DefaultErrnoRet)
}

// filterText is when a rule is there at all; an empty filter is none, as in the
// old form of dockerd's default.
func filterText(r *profiles.Syscall) string {
	var parts []string
	for _, f := range []*profiles.Filter{r.Includes, r.Excludes} {
		if f == nil {
			f = &profiles.Filter{}
		}
		parts = append(parts, strings.Join(f.Caps, ","), strings.Join(f.Arches, ","))
		if f.MinKernel != nil {
			parts = append(parts, f.MinKernel.String())
		}
	}
	return strings.Join(parts, "|")
}

// swallowed finds conditions that a rule for all makes void.
func (c *checker) swallowed(free map[string]int) {
	for i, r := range c.p.Syscalls {
		if len(r.Args) == 0 || c.isDefault(r) {
			continue
		}
		for _, name := range r.Names {
			if f, ok := free[name+" "+filterText(r)]; ok && c.p.Syscalls[f].Action != r.Action {
				c.refuse(c.ruleLine(i), fmt.Sprintf("syscalls[%d]", i), "%s has a condition here, and %s without one in syscalls[%d]: the condition is void",
					name, c.p.Syscalls[f].Action, f)
			}
		}
	}
}

// families finds rules for socket that let through what they seem to close.
func (c *checker) families() {
	type notEqual struct {
		rule  int
		value uint64
	}
	var seen []notEqual
	for i, r := range c.p.Syscalls {
		if !allows(r) || len(r.Args) != 1 || r.Args[0].Op != specs.OpNotEqual || !slices.Contains(r.Names, "socket") {
			continue
		}
		a, key := r.Args[0], fmt.Sprintf("syscalls[%d]", i)
		for _, o := range seen {
			if o.value != a.Value {
				c.refuse(c.ruleLine(i), key, "with syscalls[%d] it lets every family through: each rule allows what the other leaves out", o.rule)
			}
		}
		seen = append(seen, notEqual{i, a.Value})
		c.add(false, c.ruleLine(i), key, "the kernel looks at 32 bits of the family, the filter at 64: %d with a higher bit set passes; name the families that are allowed", a.Value)
	}
	have := accesses(c.p, c.opt.Machine, nil)
	if some := len(have["socket"].allowed); some > 0 && some < afMax && c.mentions(socketcall) && len(have[socketcall].allowed) > 0 && c.serves32() {
		c.add(false, 0, "", "socket is let through for some families alone, but 32-bit programs get any of them by socketcall, which is let through")
	}
}

// shares finds multiplexers that a profile seems to deny and does not.
func (c *checker) shares() {
	if c.byDefault() || !c.serves32() {
		return
	}
	have := accesses(c.p, c.opt.Machine, nil)
	for _, m := range slices.Sorted(maps.Keys(multiplexers())) {
		if have[m].allowed[""] && !c.mentions(m) {
			c.add(false, 0, "", "%s is let through though no rule says so, for the calls that it stands for: to deny it to 32-bit programs "+
				"takes a rule with another errno than the default's, such as 38", m)
		}
	}
}

// mentions reports whether a rule that runc does not pass over names a call.
func (c *checker) mentions(name string) bool {
	return slices.ContainsFunc(c.p.Syscalls, func(r *profiles.Syscall) bool { return slices.Contains(r.Names, name) && !c.isDefault(r) })
}

// serves32 reports whether the profile is for programs of an architecture that
// has multiplexers.
func (c *checker) serves32() bool {
	return slices.ContainsFunc(multiplexing(), func(a specs.Arch) bool {
		return slices.Contains(c.p.Architectures, a) || slices.ContainsFunc(c.p.ArchMap, func(m profiles.Architecture) bool {
			return m.Arch == a || slices.Contains(m.SubArches, a)
		})
	})
}
