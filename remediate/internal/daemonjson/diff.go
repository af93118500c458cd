package daemonjson

import (
	"bytes"
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
		v.status, v.reason = resource.Unread, d.s.DaemonJSON.Unknown
		if h, ok := d.s.Host.Get(); ok && h.EUID != 0 {
			v.remedy = "run as root"
		}
	case p.Exists() && p.Type != resource.Regular:
		v.reason = fmt.Sprintf("%s is not a regular file (%s)", d.path, p.Type)
		v.remedy = "replace it by a regular file, or pass its target with dockerd's --config-file"
	case size(d.file) > MaxSize:
		v.reason = fmt.Sprintf("%s has %d bytes, more than the %d that are looked into", d.path, size(d.file), MaxSize)
		v.remedy = "remove what does not belong into it"
	default:
		return v, false
	}
	return v, true
}

// size is that of the file; a snapshot has no content of one that is too large.
func size(f resource.File) int64 { return max(f.Print.Size, int64(len(f.Content))) }

// barred judges whether the file can be replaced at all; one that is right
// already need not be.
func (d *diff) barred() (verdict, bool) {
	p := d.file.Print
	switch {
	case p.Flags&(resource.FlagImmutable|resource.FlagAppend) != 0:
		return blocked(d.path+" cannot be replaced: it is immutable or append-only", "chattr -i -a "+d.path), true
	case p.Nlink > 1:
		return blocked(fmt.Sprintf("%s has %d hard links, and the others would keep the old content", d.path, p.Nlink),
			"make it a file of its own: cp -p it to a new name, then mv that over it"), true
	case d.file.Locked != "":
		return blocked(d.path+" cannot be replaced: "+d.file.Locked, ""), true
	}
	return verdict{}, false
}

// block gives a verdict to every key that would be written.
func (d *diff) block(v verdict) {
	for i := range d.keys {
		if d.keys[i].write {
			d.keys[i].verdict = v
		}
	}
	d.spread()
}

func (d *diff) all(v verdict) {
	for i := range d.keys {
		d.keys[i].verdict = v
	}
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
			if v, barred := d.barred(); barred && !bytes.Equal(content, d.file.Content) {
				d.block(v)
				return
			}
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
