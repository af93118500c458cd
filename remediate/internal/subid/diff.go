package subid

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Diff compares the account and its ranges with want. It returns one
// ControlResult with the id want.Control and the line edits that are missing;
// nil means that the policy does not manage the account.
//
// A setup that is safe stays as it is, whatever its place: ranges that are
// equal in both files, overlap nobody and have at least the wanted size.
func (Kind) Diff(want *Want, s *resource.Snapshot) resource.Result {
	if want == nil {
		return resource.Result{}
	}
	p := &plan{want: *want, s: s, edits: map[string]*resource.LineEdit{}}
	if want.Off {
		return p.result(nil)
	}
	for _, step := range []func() *resource.ControlResult{
		p.read, p.snapshotter, p.subject, p.format, p.account, p.ranges, p.writable,
	} {
		if r := step(); r != nil {
			return p.result(r)
		}
	}
	return p.result(nil)
}

// plan gathers one Diff.
type plan struct {
	want Want
	s    *resource.Snapshot
	acc  resource.Accounts

	users   []User
	groups  []Group
	nis     []string // where NIS entries are
	entries map[string][]Entry
	defs    Defs

	name  string // of the account
	group string // asked for after a colon, or ""
	user  *User  // nil until it exists
	newID []uint32

	edits   map[string]*resource.LineEdit
	why     []string
	service resource.Service
	impacts []resource.Impact
}

func unknown(reason string) *resource.ControlResult {
	return resource.CannotRead("", "%s", reason)
}

func (p *plan) result(r *resource.ControlResult) resource.Result {
	c := resource.ControlResult{ID: p.want.Control, Status: resource.OK}
	if r != nil {
		c.Status, c.Reason, c.Remedy = r.Status, r.Reason, r.Remedy
		return resource.Result{Controls: []resource.ControlResult{c}}
	}
	changes := p.changes()
	if len(changes) > 0 {
		c.Status, c.Reason = resource.Changing, strings.Join(p.why, "; ")
	}
	return resource.Result{
		Controls: []resource.ControlResult{c}, Changes: changes,
		Service: p.service, Impacts: p.impacts,
	}
}

// read takes the files out of the snapshot.
func (p *plan) read() *resource.ControlResult {
	var ok bool
	if p.acc, ok = p.s.Accounts.Get(); !ok {
		return unknown("cannot tell which accounts exist: " + p.s.Accounts.Unknown)
	}
	for _, path := range []string{passwdPath, groupPath, subuidPath, subgidPath, defsPath} {
		if why := p.acc.Unread[path]; why != "" {
			return unknown(fmt.Sprintf("cannot read %s: %s", path, why))
		}
	}
	if !p.acc.Passwd.Print.Exists() || !p.acc.Group.Print.Exists() {
		return unknown("there is no /etc/passwd or no /etc/group")
	}
	var badUsers, badGroups []Malformed
	p.users, badUsers = ParsePasswd(p.acc.Passwd.Content)
	p.groups, badGroups = ParseGroup(p.acc.Group.Content)
	p.nis = slices.Concat(nisAt(passwdPath, badUsers), nisAt(groupPath, badGroups))
	p.entries = map[string][]Entry{
		subuidPath: ParseSubid(p.acc.Subuid.Content),
		subgidPath: ParseSubid(p.acc.Subgid.Content),
	}
	p.defs = ParseDefs(p.acc.LoginDefs.Content)
	return nil
}

func nisAt(path string, bad []Malformed) []string {
	var at []string
	for _, m := range bad {
		if m.Why == nisEntry {
			at = append(at, fmt.Sprintf("%s:%d", path, m.Line))
		}
	}
	return at
}

// format finds lines of others on which dockerd to 27 dies, though they
// do not concern it. Lines of the account itself are replaced later.
func (p *plan) format() *resource.ControlResult {
	if p.modern() {
		return nil
	}
	for _, path := range []string{subuidPath, subgidPath} {
		for _, e := range p.entries[path] {
			if e.Fields != 3 && !p.owns(e) {
				return resource.Block("correct or remove that line, then plan again",
					"%s:%d: %s, and dockerd to 27 reads no ranges from a file with such a line", path, e.Line, e.Bad)
			}
		}
	}
	return nil
}

func (p *plan) owns(e Entry) bool {
	return e.Key == p.name || p.user != nil && e.Key == fmt.Sprint(p.user.UID)
}

// edit collects line edits of one file.
func (p *plan) edit(path string, remove, add []string) {
	e := p.edits[path]
	if e == nil {
		e = &resource.LineEdit{}
		p.edits[path] = e
	}
	e.Remove = append(e.Remove, remove...)
	e.Add = append(e.Add, add...)
}

// burst is the order of the renames: what is referred to comes first.
var burst = [...]string{groupPath, gshadowPath, passwdPath, shadowPath, subuidPath, subgidPath}

func (p *plan) file(path string) resource.File {
	return map[string]resource.File{
		groupPath: p.acc.Group, gshadowPath: p.acc.Gshadow, passwdPath: p.acc.Passwd,
		shadowPath: p.acc.Shadow, subuidPath: p.acc.Subuid, subgidPath: p.acc.Subgid,
	}[path]
}

func (p *plan) changes() []resource.Change {
	var out []resource.Change
	for _, path := range burst {
		if e := p.edits[path]; e != nil {
			out = append(out, p.change(path, e))
		}
	}
	return out
}

func (p *plan) change(path string, e *resource.LineEdit) resource.Change {
	f := p.file(path)
	c := resource.Change{
		Kind: Kind{}.Name(), Path: path, Action: resource.Update,
		Controls: []string{p.want.Control}, Why: p.why,
		Before: f.Print, Lines: e, Old: f.Content,
		Sensitive: path == shadowPath || path == gshadowPath,
		Lock:      resource.LockAccounts,
	}
	if !f.Print.Exists() {
		c.Action, c.Mode, c.Before.Type = resource.Create, 0o644, resource.Absent
	}
	return c
}

// writable finds files that a rename cannot or must not replace.
func (p *plan) writable() *resource.ControlResult {
	for _, path := range burst {
		f := p.file(path)
		if p.edits[path] == nil {
			continue
		}
		if !f.Print.Exists() {
			if f.Locked != "" {
				return resource.Block("", "cannot create %s: %s", path, f.Locked)
			}
			continue
		}
		if f.Print.Type != resource.Regular {
			return resource.Block("replace it by a regular file, or make the account where it is managed",
				"cannot edit %s: it is a %s", path, f.Print.Type)
		}
		if f.Print.Flags&(resource.FlagImmutable|resource.FlagAppend) != 0 {
			return resource.Block("chattr -i -a "+path, "cannot edit %s: it is locked by chattr", path)
		}
		if f.Print.Nlink > 1 {
			return resource.Block("make it a file of its own: cp -p it to a new name, then mv that over it",
				"cannot edit %s: it has %d hard links, and the others would keep the old content", path, f.Print.Nlink)
		}
		if f.Locked != "" {
			return resource.Block("", "cannot edit %s: %s", path, f.Locked)
		}
	}
	return nil
}

func join(reasons []string) string { return strings.Join(reasons, "; ") }
