package daemonjson

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tailscale/hujson"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A reading says whether the running daemon works with what the file says.
type reading int

const (
	unsure  reading = iota // nothing tells
	taken                  // the daemon works with the file's value
	waiting                // the daemon has not read it: a restart or reload is pending
	ignored                // the daemon has read it and works with another value
)

// startGrain is by how much a process may seem to be older than it is: its
// start is counted in ticks of 10 ms (proc(5)). dockerd reads its file later
// than that after its start.
const startGrain = 20 * time.Millisecond

// read judges one key of the file as it is. API evidence goes first; for keys
// that the API does not show, the file's times decide, and they say nothing
// ("unsure") rather than too much.
func read(s *resource.Snapshot, k Key, inFile json.RawMessage) (reading, string) {
	want := inFile
	if want == nil || string(want) == "null" {
		want, inFile = json.RawMessage(k.Default), nil
	}
	if have, known := Effective(s, k.Name); known && len(want) > 0 {
		return compared(s, k, want, have)
	}
	if k.Name == "userns-remap" && remapped(s) && string(normal(k.Name, want)) == `""` {
		return waiting, "dockerd runs with user namespaces"
	}
	if s.Engine.Unknown != "" && s.Process.Unknown != "" {
		return unsure, "dockerd cannot be asked: " + s.Engine.Unknown
	}
	if why := flagDrift(s, k); why != "" {
		return waiting, why
	}
	if startedSame(s, k, inFile) {
		return taken, ""
	}
	switch readSinceStart(s, k) {
	case taken:
		return taken, ""
	case waiting:
		return waiting, "the file was changed after dockerd read it"
	}
	return unsure, "the file may have been changed after dockerd read it, and the API does not show this key"
}

// compared judges a key that the API shows.
func compared(s *resource.Snapshot, k Key, want, have json.RawMessage) (reading, string) {
	if agrees(k.Name, want, have) {
		return taken, ""
	}
	how := "dockerd runs with " + show(k, have)
	if readSinceStart(s, k) == taken && !(k.Network && keptNetwork(s)) {
		return ignored, how
	}
	return waiting, how
}

// remapped reports whether user namespaces are on now.
func remapped(s *resource.Snapshot) bool {
	e, _ := s.Engine.Get()
	return slices.Contains(e.SecurityOptions, "name=userns")
}

// keptNetwork reports whether a restart now would leave network settings as
// they are: live-restore with running containers.
func keptNetwork(s *resource.Snapshot) bool {
	e, _ := s.Engine.Get()
	return e.LiveRestore && len(running(s)) > 0
}

// running returns the containers that a restart of dockerd would hit.
func running(s *resource.Snapshot) []resource.Container {
	all, _ := s.Containers.Get()
	var up []resource.Container
	for _, c := range all {
		if isUp(c) {
			up = append(up, c)
		}
	}
	return up
}

// startedSame uses what the journal remembers of the file at the daemon's
// start. Keys that a reload may have changed since are not judged by it.
func startedSame(s *resource.Snapshot, k Key, inFile json.RawMessage) bool {
	if s.StartedWith == nil || k.Live {
		return false
	}
	d, faults := parse(s.StartedWith.Content)
	old, found := d.get(k.Name)
	if len(faults) > 0 || found != (inFile != nil) {
		return false
	}
	return !found || equal(old, inFile)
}

// readSinceStart compares times. The inode's change time cannot be set back,
// so a file older than the daemon was read at its start; the modification
// time could (a rollback restores it) and proves nothing. A later reload reads
// the file again, but takes up only the live keys.
func readSinceStart(s *resource.Snapshot, k Key) reading {
	f, known := s.DaemonJSON.Get()
	p, alive := s.Process.Get()
	e, _ := s.Engine.Get()
	changed := f.Print.CtimeNS
	if known && readElsewhere(s, f.Path) {
		return waiting
	}
	if !known || !alive || p.StartedNS == 0 {
		return unsure
	}
	if !f.Print.Exists() {
		return unsure
	}
	grain := int64(startGrain)
	switch {
	case changed == 0:
		return unsure
	case changed <= p.StartedNS+grain:
		return taken
	case k.Live && e.ReloadedNS > 0 && changed <= e.ReloadedNS+grain:
		return taken
	case e.ReloadedNS < 0 || k.Live && e.ReloadedNS > 0:
		return waiting // nobody has reloaded since the file was changed
	}
	return unsure
}

// equal reports whether two JSON texts mean the same.
func equal(a, b json.RawMessage) bool {
	v, errV := parseWanted(a)
	w, errW := parseWanted(b)
	if errV != nil || errW != nil || v == nil || w == nil {
		return errV == nil && errW == nil && v == nil && w == nil
	}
	return same(v.Value, w.Value)
}

// show writes a value for a message, short and without secrets.
func show(k Key, raw json.RawMessage) string {
	if raw == nil {
		return "absent"
	}
	d, faults := parse(Redact([]byte("{" + quote(k.Name) + ":" + string(raw) + "}")))
	clean, ok := d.get(k.Name)
	if len(faults) > 0 || !ok {
		return Redacted
	}
	text := string(clean)
	if r := []rune(text); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return text
}

// contains reports whether have already is what the merge patch want asks for.
func contains(have, want hujson.ValueTrimmed) bool {
	w, isPatch := want.(*hujson.Object)
	h, isObject := have.(*hujson.Object)
	if !isPatch || !isObject {
		return same(have, want)
	}
	for _, m := range w.Members {
		i, found := find(h, nameOf(m))
		gone := m.Value.Value.Kind() == 'n'
		if gone != !found || found && !contains(h.Members[i].Value.Value, m.Value.Value) {
			return false
		}
	}
	return true
}
