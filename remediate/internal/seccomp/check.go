package seccomp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// A Problem is something about a profile that its author cannot have meant.
type Problem struct {
	// Refused says that the profile must not be used as it is: it switches
	// seccomp off, keeps containers from starting, or does not deny what it
	// says it denies. Else it is worth a look.
	Refused bool   `json:"refused"`
	Line    int    `json:"line,omitempty"` // 0 is the profile as a whole
	Key     string `json:"key,omitempty"`  // "syscalls[3].action"
	Text    string `json:"text"`
}

func (p Problem) String() string {
	var where string
	if p.Line > 0 {
		where = fmt.Sprintf("line %d: ", p.Line)
	}
	if p.Key != "" {
		where += p.Key + ": "
	}
	return where + p.Text
}

// Options say what a profile is judged by.
type Options struct {
	// DefaultAllow accepts a profile that lets through what it does not name.
	DefaultAllow bool
	// Libseccomp is the version that runc is linked to; "" if not known.
	Libseccomp string
}

// MaxSize bounds a profile in bytes: the base has some 15,000.
const MaxSize = 1 << 20

// Check judges a profile as somebody who wants it to fail would: dockerd itself
// judges nothing until a container starts. No Problem that is Refused means
// that runc takes the profile and that it denies what it says.
func Check(content []byte, o Options) []Problem {
	c := &checker{opt: o}
	if len(content) > MaxSize {
		c.refuse(0, "", "more than %d bytes", MaxSize)
		return c.found
	}
	root, err := parseTree(content)
	if err != nil {
		c.refuse(0, "", "cannot read the profile: %s", err)
		return c.found
	}
	if root.kind != isObject {
		c.refuse(root.line, "", "%s, not an object", root.kind)
		return c.found
	}
	if c.shape(root, "", topKeys()); c.refused() {
		return c.found // of a wrong type nothing more can be said
	}
	if c.p, err = decode(content, root); err != nil {
		c.refuse(0, "", "dockerd cannot read it: %s", err)
		return c.found
	}
	c.root = root
	c.judge()
	slices.SortStableFunc(c.found, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return c.found
}

// decode reads a profile whose shape has passed as dockerd does, and puts the old
// form of a rule, with a name, into the new one.
func decode(content []byte, root *node) (*Profile, error) {
	var p Profile
	if err := json.Unmarshal(content, &p); err != nil {
		return nil, err
	}
	if rules := root.get("syscalls"); rules != nil {
		for i, r := range rules.items {
			if name := r.get("name"); name != nil && name.text != "" && len(p.Syscalls[i].Names) == 0 {
				p.Syscalls[i].Names = []string{name.text}
			}
		}
	}
	return &p, nil
}

// Refusals are the problems for which a profile must not be used.
func Refusals(all []Problem) []Problem {
	return slices.DeleteFunc(slices.Clone(all), func(p Problem) bool { return !p.Refused })
}

type checker struct {
	opt   Options
	p     *Profile
	root  *node
	found []Problem
}

func (c *checker) add(refused bool, line int, key, format string, args ...any) {
	c.found = append(c.found, Problem{refused, line, key, fmt.Sprintf(format, args...)})
}

func (c *checker) refuse(line int, key, format string, args ...any) {
	c.add(true, line, key, format, args...)
}

func (c *checker) refused() bool { return len(Refusals(c.found)) > 0 }

// judge is about what the values mean; shape has passed.
func (c *checker) judge() {
	if c.p.DefaultAction == "" && len(c.p.Syscalls) == 0 {
		c.refuse(0, "", "there is neither defaultAction nor syscalls: dockerd takes that for no seccomp at all, and says nothing")
		return
	}
	c.defaults()
	c.architectures()
	for i := range c.p.Syscalls {
		c.rule(i)
	}
	if c.refused() {
		return
	}
	c.contradictions()
	c.shares()
	c.starts()
}

func (c *checker) defaults() {
	n := c.root.get("defaultAction")
	switch a := c.p.DefaultAction; {
	case a == "":
		c.refuse(c.root.line, "defaultAction", "missing: containers do not start")
	case !knownAction(a):
		c.refuse(n.line, "defaultAction", "unknown action %q%s", a, meant(string(a), actions()))
	case a == specs.ActNotify:
		c.refuse(n.line, "defaultAction", "hands every call to a program that dockerd does not start")
	case (a == specs.ActAllow || a == specs.ActLog) && !c.opt.DefaultAllow:
		c.refuse(n.line, "defaultAction", "%s lets through every call that the profile does not name, those of later kernels too; "+
			"say accept-default-allow: true in the policy if that is meant", a)
	}
	c.errno(c.root.get("defaultErrnoRet"), "defaultErrnoRet", c.p.DefaultAction, c.p.DefaultErrnoRet)
	if n := c.root.get("listenerPath"); n != nil && n.text != "" {
		c.refuse(n.line, "listenerPath", "another program would decide about calls, and containers do not start without it")
	}
}

// errno: 0 would report success of a call that was not made; what the kernel
// cannot return it cuts off at 4095 (MAX_ERRNO).
func (c *checker) errno(n *node, key string, action specs.LinuxSeccompAction, v *uint) {
	switch {
	case v == nil || n == nil:
	case action != specs.ActErrno && action != specs.ActTrace:
		c.refuse(n.line, key, "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE have one: containers do not start")
	case action == specs.ActErrno && *v == 0:
		c.refuse(n.line, key, "0 tells the program that a call succeeded which was not made")
	case *v > 4095:
		c.refuse(n.line, key, "%d is not an errno (1 to 4095)", *v)
	}
}

func (c *checker) architectures() {
	a, m := c.root.get("architectures"), c.root.get("archMap")
	if len(c.p.Architectures) > 0 && len(c.p.ArchMap) > 0 {
		c.refuse(m.line, "archMap", "stands beside architectures: containers do not start")
	}
	for i, name := range c.p.Architectures {
		c.arch(a.items[i], fmt.Sprintf("architectures[%d]", i), string(name))
	}
	for i, e := range c.p.ArchMap {
		n, key := m.items[i], fmt.Sprintf("archMap[%d]", i)
		c.arch(n, key+".architecture", string(e.Arch))
		for j, sub := range e.SubArches {
			c.arch(n, fmt.Sprintf("%s.subArchitectures[%d]", key, j), string(sub))
		}
	}
}

func (c *checker) arch(n *node, key, name string) {
	if !slices.Contains(arches(), name) {
		c.refuse(n.line, key, "unknown architecture %q%s: containers do not start", name, meant(name, arches()))
	}
}

// starts finds out whether a program could start at all.
func (c *checker) starts() {
	var missing []string
	for _, name := range essential() {
		if !c.letsThrough(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		c.refuse(0, "", "no program could start: %s denied", strings.Join(missing, ", "))
	}
}

// letsThrough reports whether a call is let through to a container without
// capabilities, for some arguments at least.
func (c *checker) letsThrough(name string) bool {
	byDefault := c.p.DefaultAction == specs.ActAllow || c.p.DefaultAction == specs.ActLog
	for _, r := range c.p.Syscalls {
		if !slices.Contains(r.Names, name) || r.Includes != nil && len(r.Includes.Caps) > 0 {
			continue
		}
		if allows(r) {
			return true
		}
		byDefault = byDefault && len(r.Args) > 0
	}
	return byDefault
}

// contradictions: of two rules for one call without conditions libseccomp lets
// the first win, and one without conditions swallows those that have some. It
// says so in neither case.
func (c *checker) contradictions() {
	first := map[string]int{}
	for i, r := range c.p.Syscalls {
		for _, name := range r.Names {
			if f, ok := first[name]; !ok {
				if everywhere(r) {
					first[name] = i
				}
			} else if other := c.p.Syscalls[f]; other.Action != r.Action {
				c.refuse(c.ruleLine(i), fmt.Sprintf("syscalls[%d]", i), "%s has %s here and %s for all in syscalls[%d], which wins", name, r.Action, other.Action, f)
			}
		}
	}
	c.swallowed()
}

// swallowed finds conditions that a later rule for all makes void.
func (c *checker) swallowed() {
	narrow := map[string]int{}
	for i, r := range c.p.Syscalls {
		for _, name := range r.Names {
			n, ok := narrow[name]
			switch {
			case len(r.Args) > 0 && !allows(r):
				narrow[name] = i
			case ok && allows(r) && everywhere(r):
				c.refuse(c.ruleLine(n), fmt.Sprintf("syscalls[%d]", n), "%s has a condition here, and syscalls[%d] lets it through without one: the condition is void", name, i)
			}
		}
	}
}

// everywhere reports whether a rule has no condition at all.
func everywhere(r *profiles.Syscall) bool {
	return len(r.Args) == 0 && r.Includes == nil && r.Excludes == nil
}

func (c *checker) ruleLine(i int) int { return c.root.get("syscalls").items[i].line }
