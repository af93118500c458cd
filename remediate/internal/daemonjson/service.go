package daemonjson

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A turn is one key that the daemon is to take up.
type turn struct {
	row      Key
	old, new json.RawMessage // nil: absent
	// flag is the flag that gives the key instead of the file, or "".
	flag string
}

// turns are the keys that change in the file and those that wait in it.
func (d *diff) turns() []turn {
	after, _ := parse(d.content)
	var ts []turn
	for _, w := range d.keys {
		if !w.write && !w.wait || slices.ContainsFunc(ts, func(t turn) bool { return t.row.Name == w.Key }) {
			continue
		}
		t := turn{row: w.row}
		t.old, _ = d.doc.get(w.Key)
		t.new, _ = after.get(w.Key)
		if given := flagsOf(w.Key, w.Key, d.flags); len(given) > 0 {
			t.flag = given[0].Name
		}
		ts = append(ts, t)
	}
	return ts
}

func (d *diff) service() resource.Service {
	var svc resource.Service
	ts := d.turns()
	if len(ts) == 0 || stopped(d.s) {
		return svc
	}
	for _, t := range ts {
		action, why := t.need()
		svc.Action = max(svc.Action, action)
		svc.Reasons = append(svc.Reasons, why)
	}
	trap := d.reloadTrap()
	if svc.Action == resource.Reload && trap != "" {
		svc.Action = resource.Restart
		svc.Reasons = append(svc.Reasons, trap)
	}
	if svc.Action == resource.Restart {
		d.restart(&svc, ts, trap)
	}
	return svc
}

// restart decides what goes along with a restart.
func (d *diff) restart(svc *resource.Service, ts []turn, trap string) {
	e, _ := d.s.Engine.Get()
	network := slices.ContainsFunc(ts, func(t turn) bool { return t.row.Network })
	svc.DataRootMoves = slices.ContainsFunc(ts, turn.moves)
	up := len(running(d.s)) > 0 || d.s.Containers.Unknown != ""
	svc.StopContainers = e.LiveRestore && up && (network || svc.DataRootMoves)
	// With live-restore switched on first, containers would survive and the
	// network settings would be ignored.
	svc.LiveRestoreFirst = !e.LiveRestore && d.liveRestoreAfter() && len(running(d.s)) > 0 &&
		!network && !svc.DataRootMoves && trap == ""
}

// moves reports whether the key puts everything under another data root.
func (t turn) moves() bool {
	return slices.Contains([]string{"userns-remap", "data-root", "graph"}, t.row.Name)
}

// need says what dockerd needs in order to take the key up.
func (t turn) need() (resource.ServiceAction, string) {
	name := t.row.Name
	switch {
	case !t.row.Live:
		return resource.Restart, name + " is read only when dockerd starts"
	case t.flag != "":
		return resource.Restart, "the flag --" + t.flag + " is read only when dockerd starts"
	case t.new == nil && t.row.KeptWhenAbsent:
		return resource.Restart, "a reload keeps the old value of " + name + " when it is gone from the file"
	case name == "features" && t.startFeature() != "":
		return resource.Restart, "features." + t.startFeature() + " acts only when dockerd starts"
	}
	return resource.Reload, name + " is taken up by a reload"
}

// startFeature returns a member of features that differs and is not one that
// takes effect on the fly (buildkit).
func (t turn) startFeature() string {
	var before, after map[string]json.RawMessage
	_ = json.Unmarshal(t.old, &before) // a nil or odd value has no members
	_ = json.Unmarshal(t.new, &after)
	for name := range merged(before, after) {
		if name != "buildkit" && string(before[name]) != string(after[name]) {
			return name
		}
	}
	return ""
}

func merged(a, b map[string]json.RawMessage) map[string]bool {
	names := map[string]bool{}
	for _, m := range []map[string]json.RawMessage{a, b} {
		for n := range m {
			names[n] = true
		}
	}
	return names
}

// reloadTrap returns why SIGHUP must not be sent: it would fail, end dockerd,
// or quietly undo what flags have set (DaemonCli.reloadConfig, Daemon.Reload).
func (d *diff) reloadTrap() string {
	for _, content := range [][]byte{d.file.Content, d.content} {
		if doc, _ := parse(content); !emptyList(doc, "authorization-plugins") {
			return "a reload may end dockerd or drop authorization plugins"
		}
	}
	c := &checker{content: d.content}
	c.doc, _ = parse(d.content)
	old := !slices.ContainsFunc(d.engines, func(v Version) bool { return !v.Before(25, 0) })
	if c.is("userland-proxy", true) && c.str("userland-proxy-path") == "" && !old {
		return "a reload fails while userland-proxy is true without userland-proxy-path"
	}
	now, _ := runningFlags(d.s)
	if twice := Conflicts(d.content, now); len(twice) > 0 {
		return "a reload fails: dockerd was started with a flag for " + twice[0].Key
	}
	for _, f := range slices.Concat(now, d.flags) {
		if reset := resetByReload(f.Name); reset != "" {
			return fmt.Sprintf("a reload would undo the flag --%s (%s)", f.Name, reset)
		}
	}
	return ""
}

func emptyList(doc *document, key string) bool {
	raw, ok := doc.get(key)
	var list []json.RawMessage
	return !ok || json.Unmarshal(raw, &list) == nil && len(list) == 0
}

// resetByReload names the setting that a reload takes from the file alone.
func resetByReload(flag string) string {
	switch flag {
	case "authorization-plugin":
		return "authorization plugins are dropped"
	case "feature", "max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "network-diagnostic-port", "nri-opts":
		return "it takes the value from the file or the default"
	}
	return ""
}

// liveRestoreAfter reports whether the daemon keeps containers after its next
// start: by the new file or by a flag.
func (d *diff) liveRestoreAfter() bool {
	c := &checker{content: d.content}
	c.doc, _ = parse(d.content)
	if _, ok := c.doc.get("live-restore"); ok {
		return c.is("live-restore", true)
	}
	given := flagsOf("live-restore", "live-restore", d.flags)
	if len(given) == 0 {
		return false
	}
	on, _ := boolOf(given[len(given)-1])
	return on
}
