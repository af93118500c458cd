package daemonjson

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Setting is a key's value that counts: what the running daemon works with,
// or without a daemon what its next start would.
type Setting struct {
	// Value is JSON in the form of the file; nil if nothing sets the key and
	// dockerd's own value depends on the host or the release.
	Value json.RawMessage
	// Origin says where the value was read: "docker info", "flag --icc",
	// "/etc/docker/daemon.json", "dockerd's default".
	Origin string
	// Doubt says why the running daemon may work with another value.
	Doubt string
	// Unknown says why there is no value.
	Unknown string
}

// Current finds the value of a key that counts. The daemon's own word goes
// first, then its command line, then the file, then the default.
func Current(s *resource.Snapshot, key string) Setting {
	k, ok := Lookup(key)
	if !ok {
		return Setting{Unknown: "no such key: " + key}
	}
	if v, known := Effective(s, key); known {
		return Setting{Value: v, Origin: "docker info"}
	}
	if set, found := byFlags(s, k); found {
		return set
	}
	return byFile(s, k)
}

// byFlags looks at the running daemon's command line, or at that of its next
// start if none runs.
func byFlags(s *resource.Snapshot, k Key) (Setting, bool) {
	flags, known := runningFlags(s)
	if !known {
		flags, known = s.Flags.Get()
	}
	if !known {
		return Setting{Unknown: s.Flags.Unknown}, true
	}
	given := flagsOf(k.Name, k.Name, flags)
	if len(given) == 0 {
		return Setting{}, false
	}
	v, ok := valueOf(k, given)
	if !ok {
		return Setting{Unknown: fmt.Sprintf("the flag --%s has a value that cannot be read", given[0].Name)}, true
	}
	return Setting{Value: v, Origin: "flag --" + given[0].Name}, true
}

func byFile(s *resource.Snapshot, k Key) Setting {
	f, known := s.DaemonJSON.Get()
	if !known {
		return Setting{Unknown: s.DaemonJSON.Unknown}
	}
	d, faults := parse(f.Content)
	if len(faults) > 0 {
		return Setting{Unknown: f.Path + " cannot be read as dockerd would: " + faults[0].text}
	}
	raw, inFile := d.get(k.Name)
	set := Setting{Value: raw, Origin: f.Path}
	if !inFile || string(raw) == "null" {
		set = Setting{Origin: "dockerd's default"}
		if k.Default != "" {
			set.Value = json.RawMessage(k.Default)
		}
	}
	if _, alive := s.Process.Get(); alive {
		set.Doubt = doubt(s, k, raw)
	}
	return set
}

// doubt says why the running daemon may not work with what the file says.
func doubt(s *resource.Snapshot, k Key, raw json.RawMessage) string {
	r, why := read(s, k, raw)
	if r == taken || r == unsure && neverThere(s) {
		return ""
	}
	return why
}

// dirGrain is how long after its start a daemon may itself have written into
// its directory (key.json of Engine 20.10).
const dirGrain = 2 * time.Second

// neverThere reports that there is no file now and was none when the daemon
// started: nothing was removed from its directory since.
func neverThere(s *resource.Snapshot) bool {
	f, _ := s.DaemonJSON.Get()
	p, _ := s.Process.Get()
	dir, known := s.Survey.Value.Paths["/etc/docker"]
	if f.Print.Exists() || f.Path != DefaultPath || readElsewhere(s, f.Path) || !known || dir.Unknown != "" {
		return false
	}
	at := dir.Value
	return at.Type == resource.Absent || at.CtimeNS > 0 && p.StartedNS > 0 && at.CtimeNS <= p.StartedNS+int64(dirGrain)
}
