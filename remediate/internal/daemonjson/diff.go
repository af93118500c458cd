package daemonjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A verdict is how one wanted key stands.
type verdict struct {
	status resource.Status
	reason string
	remedy string
	// stop forbids to write any key of the control.
	stop bool
	// write says that the file must change, wait that dockerd must read it.
	write, wait bool
}

type wanted struct {
	resource.DaemonKey
	row Key // only Name is set for a key that the table lacks
	verdict
}

// A diff is the work of one Kind.Diff.
type diff struct {
	path    string
	s       *resource.Snapshot
	file    resource.File
	doc     *document
	engines []Version
	flags   []resource.Flag
	keys    []wanted
	content []byte // what the file shall be
}

func newDiff(k Kind, want []resource.DaemonKey, s *resource.Snapshot) *diff {
	d := &diff{path: k.path(), s: s, engines: engines(s)}
	d.file, _ = s.DaemonJSON.Get()
	if d.file.Path != "" {
		d.path = d.file.Path
	}
	d.flags, _ = s.Flags.Get()
	d.doc, _ = parse(d.file.Content)
	d.content = d.file.Content
	for _, w := range want {
		if string(bytes.TrimSpace(w.Value)) == "null" {
			w.Value = nil
		}
		row, ok := Lookup(w.Key)
		if !ok {
			row = Key{Name: w.Key}
		}
		d.keys = append(d.keys, wanted{DaemonKey: w, row: row})
	}
	return d
}

// engines are the releases that the file must suit: the running one, and the
// one on disk, which the next restart brings up. Without either it is one
// unknown release.
func engines(s *resource.Snapshot) []Version {
	var vs []Version
	e, _ := s.Engine.Get()
	b, _ := s.Binary.Get()
	for _, text := range []string{e.Version, b.Version} {
		if v, err := ParseVersion(text); err == nil && !slices.Contains(vs, v) {
			vs = append(vs, v)
		}
	}
	if len(vs) == 0 {
		return []Version{{}}
	}
	return vs
}

// unusable judges the file as a whole, apart from its content.
func (d *diff) unusable() (verdict, bool) {
	p := d.file.Print
	v := verdict{status: resource.Blocked, stop: true}
	switch {
	case d.s.DaemonJSON.Unknown != "":
		v.status, v.reason = resource.Unread, fmt.Sprintf("cannot read %s: %s", d.path, d.s.DaemonJSON.Unknown)
		v.remedy = "run as root"
	case p.Exists() && p.Type != resource.Regular:
		v.reason = fmt.Sprintf("%s is not a regular file but a %s", d.path, p.Type)
		v.remedy = "replace it by a regular file, or pass its target with dockerd's --config-file"
	case p.Flags&(resource.FlagImmutable|resource.FlagAppend) != 0:
		v.reason = d.path + " cannot be replaced: it is immutable or append-only"
		v.remedy = "chattr -i -a " + d.path
	default:
		return v, false
	}
	return v, true
}

func (d *diff) all(v verdict) {
	for i := range d.keys {
		d.keys[i].verdict = v
	}
}

// judge finds out how one key stands, not yet minding the others.
func (d *diff) judge(w *wanted) {
	for _, step := range []func(*wanted) bool{d.release, d.value, d.byFlag, d.host} {
		if step(w) {
			return
		}
	}
	d.compare(w)
}

func blocked(reason, remedy string) verdict {
	return verdict{status: resource.Blocked, reason: reason, remedy: remedy, stop: true}
}

// release judges the key against the engines. Removing one is always right.
func (d *diff) release(w *wanted) bool {
	if w.Value == nil {
		return false
	}
	for _, v := range d.engines {
		p, bad := wrongRelease(w.row, v)
		if w.row.Type == "" {
			isObject := bytes.HasPrefix(bytes.TrimSpace(w.Value), []byte("{"))
			p = unknownKey(w.Key, isObject, v)
			bad = p.Severity == Refused || !v.beyondTable()
		}
		if !bad {
			continue
		}
		w.verdict = blocked(p.Text, p.Remedy)
		if !v.Known() && p.Severity == Hazard && w.row.Type != "" {
			w.status, w.remedy = resource.Unread, "run where dockerd is installed and can be asked for its version"
		}
		return true
	}
	return false
}

// value judges the policy's value by itself.
func (d *diff) value(w *wanted) bool {
	if w.Value == nil {
		return false
	}
	if _, err := parseWanted(w.Value); err != nil {
		w.verdict = blocked(fmt.Sprintf("%q: %s", w.Key, err), "correct the policy at "+w.Source)
		return true
	}
	if w.row.Type == "" {
		return false
	}
	text, remedy := typeError(w.row, w.Key, bytes.TrimSpace(w.Value))
	if text != "" {
		w.verdict = blocked("the policy's value: "+text, remedy)
	}
	return text != ""
}

// byFlag judges a key that the file does not have and a flag gives. Both
// places together are refused by dockerd, so the flag must already be right.
func (d *diff) byFlag(w *wanted) bool {
	if _, inFile := d.doc.get(w.Key); inFile {
		return false
	}
	given := flagsOf(w.Key, w.Key, d.flags)
	if len(given) == 0 {
		return false
	}
	f := given[len(given)-1]
	where := f.Origin
	if where == "" {
		where = "dockerd's command line"
	}
	have, ok := flagValue(w.row, given)
	if w.Value == nil || !ok || !agrees(w.Key, w.Value, have) {
		text := fmt.Sprintf("%q is set to %s by the flag --%s in %s", w.Key, show(w.row, have), f.Name, where)
		if !ok {
			text = fmt.Sprintf("%q is set by the flag --%s in %s", w.Key, f.Name, where)
		}
		w.verdict = blocked(text+", and dockerd refuses a key that is given twice", flagRemedy(f, where))
		return true
	}
	w.verdict = verdict{status: resource.OK, reason: fmt.Sprintf("set by the flag --%s in %s", f.Name, where)}
	if now, known := Effective(d.s, w.Key); known && !agrees(w.Key, w.Value, now) {
		w.verdict = verdict{status: resource.Changing, reason: "pending restart: " + w.reason, wait: true}
	}
	return true
}

// host judges what the rest of the host forbids.
func (d *diff) host(w *wanted) bool {
	e, _ := d.s.Engine.Get()
	h, hostKnown := d.s.Host.Get()
	swarm := e.Swarm != "" && e.Swarm != "inactive"
	switch on := string(bytes.TrimSpace(w.Value)) == "true"; {
	case w.Key == "live-restore" && on && swarm:
		w.verdict = blocked("live-restore is incompatible with swarm mode, and this host is in a swarm ("+e.Swarm+"): dockerd would not start",
			"leave the swarm, or leave live-restore out of the policy")
	case w.Key == "selinux-enabled" && on && hostKnown && len(h.LSM) > 0 && !slices.Contains(h.LSM, "selinux"):
		w.verdict = blocked("SELinux is not active on this host", "enable SELinux, or leave selinux-enabled out of the policy")
	default:
		return false
	}
	return true
}

// compare judges the file, then the daemon.
func (d *diff) compare(w *wanted) {
	edited, err := Edit(d.file.Content, []resource.DaemonKey{w.DaemonKey})
	if err != nil { // the form of the file: settle blocks all
		w.verdict = blocked(err.Error(), "")
		return
	}
	have, _ := d.doc.get(w.Key)
	if !bytes.Equal(edited, d.file.Content) {
		w.verdict = verdict{status: resource.Changing, write: true}
		w.reason = fmt.Sprintf("%s: %s → %s", w.Key, show(w.row, have), show(w.row, w.Value))
		return
	}
	if stopped(d.s) {
		w.verdict = verdict{status: resource.OK, reason: "dockerd does not run and reads the file at its next start"}
		return
	}
	switch r, why := read(d.s, w.row, have); r {
	case taken:
		w.verdict = verdict{status: resource.OK}
	case waiting:
		w.verdict = verdict{status: resource.Changing, wait: true, reason: w.Key + ": the file is right, dockerd has not taken it up: " + why}
	case ignored:
		w.verdict = verdict{
			status: resource.Manual, reason: w.Key + ": the file is right and dockerd has read it, but " + why,
			remedy: "look at dockerd's log for the reason",
		}
	default:
		w.verdict = verdict{status: resource.Unread, reason: w.Key + ": the file is right; " + why, remedy: "restart dockerd to be sure"}
	}
}

// stopped reports whether dockerd is known not to run: by systemd, or because
// the root is an image.
func stopped(s *resource.Snapshot) bool {
	if s.Root != "" && s.Root != "/" {
		return true
	}
	u, known := s.Unit.Get()
	_, asked := s.Engine.Get()
	_, process := s.Process.Get()
	return !asked && !process && known && slices.Contains([]string{"inactive", "failed"}, u.ActiveState)
}

// settle edits the file with all keys that may be written and blocks those
// that dockerd would refuse in it, until the rest is accepted.
func (d *diff) settle() {
	before := d.refused(d.file.Content)
	for {
		d.spread()
		content, err := Edit(d.file.Content, d.writes())
		bad := before
		if err == nil {
			bad = d.refused(content)
		}
		if len(bad) == 0 {
			d.content = content
			return
		}
		if !d.blame(bad, before) {
			d.all(fileRefused(bad))
			return
		}
	}
}

// writes are the keys to write.
func (d *diff) writes() []resource.DaemonKey {
	var keys []resource.DaemonKey
	for _, w := range d.keys {
		if w.write {
			keys = append(keys, w.DaemonKey)
		}
	}
	return keys
}

// spread makes the keys of a control stand or fall together.
func (d *diff) spread() {
	stop := map[string]bool{}
	for _, w := range d.keys {
		stop[w.Control] = stop[w.Control] || w.stop
	}
	for i := range d.keys {
		if w := &d.keys[i]; stop[w.Control] {
			w.write, w.wait = false, false
		}
	}
}

// blame blocks the keys that brought a problem into the file; it reports
// whether there was one.
func (d *diff) blame(bad, before []Problem) bool {
	found := false
	for _, p := range bad {
		if slices.ContainsFunc(before, func(q Problem) bool { return q.Key == p.Key && q.Text == p.Text }) {
			continue
		}
		for i := range d.keys {
			if w := &d.keys[i]; w.write && p.concerns(w.Key) {
				w.verdict = blocked(p.Text, p.Remedy)
				found = true
			}
		}
	}
	return found
}

// refused are the problems that keep dockerd from starting with content.
func (d *diff) refused(content []byte) []Problem {
	var bad []Problem
	add := func(p Problem) {
		p.File = d.path
		if p.Severity == Refused && !slices.ContainsFunc(bad, func(q Problem) bool { return q.String() == p.String() }) {
			bad = append(bad, p)
		}
	}
	for _, v := range d.engines {
		for _, p := range Check(d.path, content, v) {
			add(p)
		}
	}
	for _, p := range Conflicts(content, d.flags) {
		add(p)
	}
	return bad
}

func fileRefused(bad []Problem) verdict {
	var reasons, remedies []string
	for _, p := range bad {
		reasons = append(reasons, p.String())
		if p.Remedy != "" && !slices.Contains(remedies, p.Remedy) {
			remedies = append(remedies, p.Remedy)
		}
	}
	return blocked("dockerd refuses the file as it is: "+strings.Join(reasons, "; "), strings.Join(remedies, "; "))
}
