package seccomp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Diff says how the profile on the host differs from the wanted one; nil is not
// managed. The key in daemon.json that names it is another kind's, under the
// same control.
func (k Kind) Diff(want *Want, s *resource.Snapshot) resource.Result {
	if want == nil {
		return resource.Result{}
	}
	p := &plan{kind: k, want: want, s: s}
	if want.Named != "" {
		return p.judge()
	}
	for _, step := range []func() *resource.ControlResult{p.read, p.derive, p.writable} {
		if c := step(); c != nil {
			c.ID = Control
			return resource.Result{Controls: []resource.ControlResult{*c}}
		}
	}
	return p.result()
}

// controlNamed is the control of daemon.json's own key.
const controlNamed = "seccomp-profile"

// judge looks at a profile that the policy names by dockerd's own key: nothing of
// it is changed, but daemon.json must not name one that is refused.
func (p *plan) judge() resource.Result {
	c := p.read()
	if c == nil {
		p.content, c = ownProfile(p.want, p.s)
	}
	if c != nil {
		c.ID = controlNamed
		return resource.Result{Controls: []resource.ControlResult{*c}}
	}
	p.file = p.s.Seccomp.Value.Source.Value
	p.file.Path = p.want.Named
	out := resource.Result{Controls: p.containers(), Impacts: p.looser()}
	if c, ok := p.unproven(); ok {
		c.ID = controlNamed
		out.Controls = append(out.Controls, c)
	}
	return out
}

type plan struct {
	kind    Kind
	want    *Want
	s       *resource.Snapshot
	content []byte // nil: the engine's own
	file    resource.File

	decoded *Profile // of content, see profile
}

// profile is content decoded, nil if there is none. It has passed Check, or was
// made by Encode.
func (p *plan) profile() *Profile {
	if p.decoded == nil && p.content != nil {
		if root, err := parseTree(p.content); err == nil {
			p.decoded, _ = decode(p.content, root)
		}
	}
	return p.decoded
}

func (p *plan) read() *resource.ControlResult {
	if _, ok := p.s.Seccomp.Get(); !ok {
		return resource.CannotRead("", "cannot read the seccomp profile: %s", p.s.Seccomp.Unknown)
	}
	e, ok := p.s.Engine.Get()
	if ok && !slices.ContainsFunc(e.SecurityOptions, func(o string) bool { return strings.HasPrefix(o, "name=seccomp") }) {
		return resource.Block("use a kernel with CONFIG_SECCOMP_FILTER and a dockerd built with seccomp",
			"dockerd or the kernel is without seccomp: no profile has any effect")
	}
	return nil
}

func (p *plan) derive() *resource.ControlResult {
	content, refused := p.kind.Profile(p.want, p.s)
	if refused != nil || content == nil {
		return refused
	}
	p.content, p.file = content, fileAt(p.s, pathOf(content))
	return nil
}

// fileAt returns what the snapshot holds of a path. One that was made for
// another policy holds nothing of it; then it is taken for absent.
func fileAt(s *resource.Snapshot, path string) resource.File {
	if f := s.Seccomp.Value.Profile; f.Path == path {
		return f
	}
	if f := s.Seccomp.Value.Former; f != nil && f.Path == path {
		return *f
	}
	return resource.File{Path: path, Print: resource.Fingerprint{Type: resource.Absent}}
}

// writable finds what a transaction could not replace, or what others could.
func (p *plan) writable() *resource.ControlResult {
	f := p.file
	switch {
	case p.content == nil:
		return nil
	case p.dirOpen() != "":
		return resource.Block("chown root:root "+Dir+"; chmod 755 "+Dir, "cannot use %s: %s", Dir, p.dirOpen())
	case f.Print.Exists() && f.Print.Type != resource.Regular:
		return resource.Block("remove it", "cannot use %s: it is a %s", f.Path, f.Print.Type)
	case f.Print.Exists() && (f.Print.UID != 0 || f.Print.Mode&0o022 != 0):
		return resource.Block(fmt.Sprintf("chown root:root %[1]s; chmod 644 %[1]s", f.Path),
			"cannot use %s: others than root may write it (owner %d, mode %04o)", f.Path, f.Print.UID, f.Print.Mode)
	case f.Print.Exists() && bytes.Equal(f.Content, p.content):
		return nil
	case f.Locked != "":
		return resource.Block("", "cannot write %s: %s", f.Path, f.Locked)
	case f.Print.Flags&(resource.FlagImmutable|resource.FlagAppend) != 0:
		return resource.Block("chattr -i -a "+f.Path, "cannot write %s: it is locked by chattr", f.Path)
	}
	return nil
}

// dirOpen says why somebody else could swap the profile for dockerd's next start.
func (p *plan) dirOpen() string {
	switch d := p.s.Seccomp.Value.Dir; {
	case !d.Exists():
		return ""
	case d.Type != resource.Dir:
		return "it is a " + string(d.Type)
	case d.UID != 0 || d.Mode&0o022 != 0:
		return fmt.Sprintf("others than root may write it (owner %d, mode %04o)", d.UID, d.Mode)
	}
	return ""
}

func (p *plan) result() resource.Result {
	out := resource.Result{Controls: []resource.ControlResult{{ID: Control, Status: resource.OK}}}
	if p.differs() {
		why := p.reason()
		out.Changes = []resource.Change{p.change(why)}
		out.Controls[0] = resource.ControlResult{ID: Control, Status: resource.Changing, Reason: why}
		if p.file.Print.Exists() {
			out.Service = resource.Service{Action: resource.Restart, Reasons: []string{"dockerd may have read " + p.file.Path + " as somebody edited it"}}
		}
		out.Impacts = p.impacts()
	} else if c, ok := p.unproven(); ok {
		out.Controls[0] = c
	}
	out.Controls = append(out.Controls, p.behind()...)
	out.Controls = append(out.Controls, p.containers()...)
	out.Impacts = append(out.Impacts, p.looser()...)
	return out
}

func (p *plan) differs() bool {
	return p.content != nil && (!p.file.Print.Exists() || !bytes.Equal(p.file.Content, p.content))
}

func (p *plan) change(why string) resource.Change {
	c := resource.Change{
		Kind: Control, Path: p.file.Path, Action: resource.Create, Controls: []string{Control}, Why: []string{why},
		Before: p.file.Print, Content: p.content, Mode: 0o644,
	}
	if p.file.Print.Exists() {
		c.Action, c.Old = resource.Update, p.file.Content
	} else {
		c.Before.Type = resource.Absent
	}
	return c
}

// reason compares with the profile that daemon.json names now.
func (p *plan) reason() string {
	if p.file.Print.Exists() {
		return p.file.Path + " was edited"
	}
	former := p.s.Seccomp.Value.Former
	if former == nil || !former.Print.Exists() {
		return p.gain()
	}
	old, ok := usable(former.Content)
	wanted := p.profile()
	if !ok || wanted == nil {
		return former.Path + " is damaged"
	}
	if loose := compare(old, wanted, machineOf(p.s)); len(loose) > 0 {
		return "profile behind engine or policy: it lets through " + strings.Join(namesIn(loose), ", ")
	}
	return "the profile is stricter than engine and policy ask for"
}

// gain says what the profile takes from containers that the engine's own does
// not.
func (p *plan) gain() string {
	have, _ := engineOf(p.s) // unknown: the pinned base
	m := machineOf(p.s)
	return lastGain.get(fmt.Sprint(have, m, resource.Sum(p.content)), func() string {
		wanted := p.profile()
		if wanted == nil {
			return "containers do not get the profile of the policy"
		}
		taken := compare(EngineDefault(have), wanted, m)
		if len(taken) == 0 {
			return "containers do not get the profile of the policy"
		}
		return "containers can use system calls that the policy denies: " + strings.Join(namesIn(taken), ", ")
	})
}

var lastGain last[string]

func namesIn(diffs []Difference) []string {
	const most = 8
	var names []string
	for _, d := range diffs[:min(len(diffs), most)] {
		names = append(names, d.Syscall)
	}
	if more := len(diffs) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return names
}

// unproven: the file is as wanted, but was touched after dockerd read it, and
// nobody can tell what it held then.
func (p *plan) unproven() (resource.ControlResult, bool) {
	proc, ok := p.s.Process.Get()
	if p.content == nil || !ok || p.file.Print.CtimeNS == 0 || proc.StartedNS == 0 || p.file.Print.CtimeNS <= proc.StartedNS || !p.inEffect() {
		return resource.ControlResult{}, false
	}
	return resource.ControlResult{
		ID: Control, Status: resource.Manual,
		Reason: p.file.Path + " was written or touched after dockerd started: whether dockerd read it as it is now cannot be told",
		Remedy: "restart docker.service",
	}, true
}

// inEffect reports whether the daemon says that it uses the file.
func (p *plan) inEffect() bool {
	e, ok := p.s.Engine.Get()
	for _, o := range e.SecurityOptions {
		if ok && o == "name=seccomp,profile="+p.file.Path {
			return true
		}
	}
	return false
}

// Leftover returns the deletion of the profile that daemon.json named before.
// It stands behind the change of daemon.json: dockerd does not start when the
// file that it names is missing.
func (k Kind) Leftover(want *Want, s *resource.Snapshot) []resource.Change {
	former := s.Seccomp.Value.Former
	if want == nil || former == nil {
		return nil
	}
	if now, ok := k.Key(want, s); !ok || now == former.Path {
		return nil
	}
	return []resource.Change{{
		Kind: Control, Path: former.Path, Action: resource.Delete, Controls: []string{Control},
		Why: []string{"daemon.json no longer names it"}, Before: former.Print, Old: former.Content,
	}}
}
