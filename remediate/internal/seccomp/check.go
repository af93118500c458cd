package seccomp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
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
	// Runc and Libseccomp are the versions of the host, Engine that of its
	// dockerd; zero values are not known.
	Runc       engine.Version
	Libseccomp string
	Engine     engine.Version
	// Machine is what the profile is resolved for.
	Machine Machine
}

// MaxSize bounds a profile in bytes: the base has some 15,000.
const MaxSize = 1 << 20

// Check judges a profile as somebody who wants it to fail would: dockerd itself
// judges nothing until a container starts. A profile without a Problem that is
// Refused is one that runc takes, as far as its rules are known here.
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
	c.flags()
	c.architectures()
	for i := range c.p.Syscalls {
		c.rule(i)
	}
	if c.refused() {
		return
	}
	c.contradictions()
	c.families()
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
	case c.tooNew(a):
		c.refuse(n.line, "defaultAction", "runc %s of this host does not know %s: containers do not start", c.opt.Runc, a)
	case a == specs.ActNotify:
		c.refuse(n.line, "defaultAction", "hands every call to a program that dockerd does not start")
	case (a == specs.ActAllow || a == specs.ActLog) && !c.opt.DefaultAllow:
		c.refuse(n.line, "defaultAction", "%s lets through every call that the profile does not name, those of later kernels too; "+
			"say accept-default-allow: true in the policy if that is meant", a)
	}
	c.errno(c.root.get("defaultErrnoRet"), "defaultErrnoRet", c.p.DefaultAction, c.p.DefaultErrnoRet)
	if v := c.p.DefaultErrnoRet; v != nil && *v != 1 && c.opt.Engine.Before(23, 0) {
		c.add(false, c.root.get("defaultErrnoRet").line, "defaultErrnoRet", "Engine %s does not know it: calls fail with EPERM", c.opt.Engine)
	}
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
		c.add(false, n.line, key, "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE have one: runc passes it over")
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
	have := accesses(c.p, c.opt.Machine, nil)
	var missing []string
	for _, name := range needed(c.opt.Machine) {
		if len(open(c.p, have, name)) == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		c.refuse(0, "", "no container could start: it denies %s", strings.Join(missing, ", "))
	}
}

// flags: runc before 1.2 knows none, and starts no container then.
func (c *checker) flags() {
	n := c.root.get("flags")
	for i, f := range c.p.Flags {
		known := []string{"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}
		key := fmt.Sprintf("flags[%d]", i)
		switch {
		case !slices.Contains(known, string(f)):
			c.refuse(n.items[i].line, key, "unknown flag %q%s: containers do not start", f, meant(string(f), known))
		case c.opt.Runc.Before(1, 2):
			c.refuse(n.items[i].line, key, "runc %s of this host takes no flags: containers do not start", c.opt.Runc)
		}
	}
}

func (c *checker) ruleLine(i int) int { return c.root.get("syscalls").items[i].line }
