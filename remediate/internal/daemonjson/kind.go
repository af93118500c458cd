package daemonjson

import (
	"cmp"
	"context"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// DefaultPath is the file that dockerd reads without --config-file.
const DefaultPath = "/etc/docker/daemon.json"

// A Kind plans changes of one configuration file of dockerd.
type Kind struct {
	// Path is dockerd's --config-file; "" means DefaultPath.
	Path string
}

// Name is the kind's name in changes and in the journal.
func (Kind) Name() string { return "daemon-json" }

func (k Kind) path() string { return cmp.Or(k.Path, DefaultPath) }

// Observe reads the file into s.DaemonJSON. An absent file is no error.
func (k Kind) Observe(_ context.Context, r resource.Reader, s *resource.Snapshot) {
	f, err := r.File(k.path())
	if err != nil {
		s.DaemonJSON = resource.Unknown[resource.File](err.Error())
		return
	}
	s.DaemonJSON = resource.Known(f)
}

// Diff compares the wanted keys with the snapshot. Every control of want gets
// one result, in the order of want; keys of one control stand or fall
// together. There is at most one Change. Controls that are blocked change
// nothing; if the file itself is refused, or stays refused, all are blocked.
//
// A snapshot that was written to disk has its secrets replaced: a Change made
// from it shows what would change, but must not be applied.
func (k Kind) Diff(want []resource.DaemonKey, s *resource.Snapshot) resource.Result {
	d := newDiff(k, want, s)
	if v, ok := d.unusable(); ok {
		d.all(v)
	} else {
		for i := range d.keys {
			d.judge(&d.keys[i])
			d.unitPending(&d.keys[i])
			d.rootPending(&d.keys[i])
		}
		d.settle()
	}
	return d.result()
}

// Pending returns the keys that the running daemon has at another value than
// the file, in the order of the file, then those that the file does not have
// although the daemon does not run with their default. Keys set by a flag are
// left out.
func Pending(s *resource.Snapshot) []string {
	f, known := s.DaemonJSON.Get()
	flags, flagsKnown := s.Flags.Get()
	d, faults := parse(f.Content)
	if !known || len(faults) > 0 {
		return nil
	}
	var keys []string
	if d.obj != nil {
		for _, m := range d.obj.Members {
			k, ok := Lookup(nameOf(m))
			if r, _ := read(s, k, d.raw(m.Value)); ok && (r == waiting || r == ignored) {
				keys = append(keys, k.Name)
			}
		}
	}
	for _, k := range Keys() {
		_, inFile := d.get(k.Name)
		_, visible := Effective(s, k.Name)
		if inFile || !flagsKnown || !visible && k.Name != "userns-remap" || len(flagsOf(k.Name, k.Name, flags)) > 0 {
			continue
		}
		if r, _ := read(s, k, nil); k.Default != "" && (r == waiting || r == ignored) {
			keys = append(keys, k.Name)
		}
	}
	return keys
}
