package seccomp

import (
	"fmt"
	"slices"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func (c *checker) rule(i int) {
	r, n, key := c.p.Syscalls[i], c.root.get("syscalls").items[i], fmt.Sprintf("syscalls[%d]", i)
	switch {
	case given(n.get("name")) && given(n.get("names")):
		c.refuse(n.line, key, "has both name and names: containers do not start")
	case len(r.Names) == 0:
		c.add(false, n.line, key, "names no system call")
	case slices.Contains(r.Names, ""):
		c.refuse(n.line, key, "has an empty name: containers do not start")
	case r.Action == "":
		c.refuse(n.line, key, "has no action: containers do not start")
	case !knownAction(r.Action):
		c.refuse(n.get("action").line, key+".action", "unknown action %q%s", r.Action, meant(string(r.Action), actions()))
	case c.tooNew(r.Action):
		c.refuse(n.get("action").line, key+".action", "runc %s of this host does not know %s: containers do not start", c.opt.Runc, r.Action)
	case r.Action == specs.ActNotify:
		c.refuse(n.get("action").line, key+".action", "hands the calls to a program that dockerd does not start")
	}
	if c.isDefault(r) {
		c.add(false, n.line, key, "its action is the default one: runc passes the rule over, and another that lets the call through holds")
	}
	c.errno(n.get("errnoRet"), key+".errnoRet", r.Action, r.ErrnoRet)
	c.names(n, key, r)
	c.args(n, key, r)
	c.filter(n.get("includes"), key+".includes", r.Includes)
	c.filter(n.get("excludes"), key+".excludes", r.Excludes)
}

func sameErrno(a, b *uint) bool {
	const eperm = 1 // what runc takes for a missing one
	x, y := uint(eperm), uint(eperm)
	if a != nil {
		x = *a
	}
	if b != nil {
		y = *b
	}
	return x == y
}

// given reports whether a name or a list of them is there and not empty.
func given(n *node) bool { return n != nil && (n.text != "" || len(n.items) > 0) }

// names: runc passes over a name that libseccomp does not know, and says so in
// its debug log only. That is harmless where the name would have been let
// through, and a hole where it would have been denied.
func (c *checker) names(n *node, key string, r *profiles.Syscall) {
	for _, name := range r.Names {
		at := n
		if list := n.get("names"); given(list) {
			at = list.items[slices.Index(r.Names, name)]
		}
		hole := !allows(r) && c.byDefault()
		switch {
		case name == "":
		case !isSyscall(name):
			c.add(hole, at.line, key, "%q is not a system call that this bulwark knows%s; runc passes it over", name, meant(name, syscalls()))
		case hole && newerThan(name, c.opt.Libseccomp):
			c.add(false, at.line, key, "%s may not be known to libseccomp %s of this host: then runc passes it over, and the default action lets it through", name, c.opt.Libseccomp)
		}
	}
}

// byDefault reports whether what no rule names is let through.
func (c *checker) byDefault() bool {
	return c.p.DefaultAction == specs.ActAllow || c.p.DefaultAction == specs.ActLog
}

// tooNew: runc before 1.1.2 starts no container with these.
func (c *checker) tooNew(a specs.LinuxSeccompAction) bool {
	return (a == specs.ActKillProcess || a == specs.ActKillThread) && c.opt.Runc.Known() && c.opt.Runc.Compare(v(1, 1, 2)) < 0
}

// args: runc makes of several conditions on one argument as many rules, of which
// any matches (opencontainers/runc#2735).
func (c *checker) args(n *node, key string, r *profiles.Syscall) {
	used := map[uint]bool{}
	for i, a := range r.Args {
		at, k := n.get("args").items[i], fmt.Sprintf("%s.args[%d]", key, i)
		switch {
		case a.Index > 5:
			c.refuse(at.line, k+".index", "%d: a system call has arguments 0 to 5", a.Index)
		case !slices.Contains(operators(), string(a.Op)):
			c.refuse(at.line, k+".op", "unknown operator %q%s", a.Op, meant(string(a.Op), operators()))
		case used[a.Index]:
			c.refuse(at.line, k, "another condition on argument %d stands beside it: runc takes them for alternatives, not for conditions that hold together; write a rule for each", a.Index)
		case a.Op == specs.OpMaskedEqual && a.ValueTwo&^a.Value != 0:
			c.refuse(at.line, k, "valueTwo has bits outside the mask value: the condition never holds")
		}
		used[a.Index] = true
	}
}

func (c *checker) filter(n *node, key string, f *profiles.Filter) {
	if f == nil || n == nil {
		return
	}
	for _, name := range f.Caps {
		if !slices.Contains(capabilities(), name) {
			c.refuse(n.line, key+".caps", "unknown capability %q%s: the condition never holds", name, meant(name, capabilities()))
		}
	}
	for _, name := range f.Arches {
		if !slices.Contains(nativeArches(), name) {
			c.refuse(n.line, key+".arches", "unknown architecture %q%s: the condition never holds", name, meant(name, nativeArches()))
		}
	}
}
