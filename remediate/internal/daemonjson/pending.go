package daemonjson

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// unitPending blocks what would need or change a start of dockerd while that
// start is in doubt: unit files on disk that systemd has not read, of which a
// flag may set a key of the file, and masked units, with which a daemon that
// was stopped does not start again, neither with the new file nor the old.
func (d *diff) unitPending(w *wanted) {
	if !w.write && !w.wait {
		return
	}
	u, known := d.s.Unit.Get()
	name := cmp.Or(u.Name, "docker.service")
	if known && u.NeedDaemonReload {
		w.verdict = blocked(name+" was changed on disk and systemd has not read it, so dockerd's flags at its next start are not known",
			"systemctl daemon-reload")
	}
	socket, asked := d.s.Socket.Get()
	if asked && socket.LoadState == "masked" {
		known, u.LoadState, name = true, "masked", cmp.Or(socket.Name, "docker.socket")
	}
	if known && u.LoadState == "masked" && !stopped(d.s) {
		w.verdict = blocked(name+" is masked: dockerd would not start again", "systemctl unmask "+name)
	}
}

// rootPending blocks what needs a restart while a restart would move the data
// root because of what somebody else wrote: the containers would be gone, and
// taking back our own keys would not bring them back.
func (d *diff) rootPending(w *wanted) {
	if w.row.Live || !w.write && !w.wait || stopped(d.s) {
		return
	}
	for _, key := range []string{"data-root", "userns-remap"} {
		if d.moved(key) && !slices.ContainsFunc(d.keys, func(x wanted) bool { return x.Key == key }) {
			w.verdict = blocked("a restart would also take up "+key+", which was changed after dockerd's start, and put containers, images and volumes out of sight",
				"restart dockerd yourself when they may go, or put "+key+" back as dockerd runs with it")
		}
	}
}

// moved reports whether dockerd is known to run with another value of a key
// than its next start will have.
func (d *diff) moved(key string) bool {
	row, _ := Lookup(key)
	next := map[string]json.RawMessage{"data-root": json.RawMessage(`"/var/lib/docker"`), "userns-remap": json.RawMessage(`""`)}[key]
	if v, ok := valueOf(row, flagsOf(key, key, d.flags)); ok {
		next = v
	}
	if v, ok := d.doc.get(key); ok && string(v) != "null" {
		next = v
	}
	if now, known := Effective(d.s, key); known {
		return !agrees(key, next, now)
	}
	return key == "userns-remap" && remapped(d.s) && string(normal(key, next)) == `""`
}

// takenUp warns of what a restart brings into effect besides the policy's
// keys: edits that others made after dockerd's start.
func (d *diff) takenUp() []resource.Impact {
	var names []string
	for _, key := range Pending(d.s) {
		if !slices.ContainsFunc(d.keys, func(w wanted) bool { return w.Key == key }) {
			names = append(names, key)
		}
	}
	now, known := runningFlags(d.s)
	for _, f := range slices.Concat(now, d.flags) {
		name := "--" + f.Name
		if known && d.s.Flags.Unknown == "" && !slices.Contains(names, name) && !sameValues(f.Name, now, d.flags) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []resource.Impact{{Level: warning, Text: "the restart also takes up what was changed after dockerd's start: " + strings.Join(names, ", ")}}
}

func sameValues(name string, a, b []resource.Flag) bool {
	of := func(all []resource.Flag) []string {
		var vs []string
		for _, f := range all {
			if f.Name == name {
				vs = append(vs, f.Value)
			}
		}
		return vs
	}
	return slices.Equal(of(a), of(b))
}
