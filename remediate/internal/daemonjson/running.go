package daemonjson

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// runningFlags are the flags that the running daemon was started with. Those
// of its next start differ once somebody has edited the unit, a drop-in or an
// EnvironmentFile. It fails if the command line is not known.
func runningFlags(s *resource.Snapshot) ([]resource.Flag, bool) {
	p, ok := s.Process.Get()
	if !ok || len(p.Argv) == 0 {
		return nil, false
	}
	return ParseFlags(p.Argv[1:], nil), true
}

// flagDrift says how the running daemon's flags for a key differ from those
// of its next start, "" if they do not or if either is not known.
func flagDrift(s *resource.Snapshot, k Key) string {
	all, known := runningFlags(s)
	next, nextKnown := s.Flags.Get()
	if !known || !nextKnown {
		return ""
	}
	now, then := flagsOf(k.Name, k.Name, all), flagsOf(k.Name, k.Name, next)
	switch {
	case len(now) == 0 && len(then) == 0 || sameFlags(k, now, then):
		return ""
	case len(now) == 0:
		return fmt.Sprintf("dockerd was started without --%s", then[0].Name)
	case len(then) == 0:
		return fmt.Sprintf("dockerd was started with --%s, which its next start does not have", now[0].Name)
	}
	return fmt.Sprintf("dockerd was started with another value of --%s", now[0].Name)
}

func sameFlags(k Key, a, b []resource.Flag) bool {
	v, ok := valueOf(k, a)
	w, ok2 := valueOf(k, b)
	if ok && ok2 {
		return equal(v, w)
	}
	return slices.EqualFunc(a, b, func(x, y resource.Flag) bool {
		return x.Name == y.Name && x.Value == y.Value && x.Bare == y.Bare
	})
}

func valueOf(k Key, flags []resource.Flag) (json.RawMessage, bool) {
	if len(flags) == 0 {
		return nil, false
	}
	return flagValue(k, flags)
}

// readElsewhere reports whether the running daemon was started with another
// configuration file than path.
func readElsewhere(s *resource.Snapshot, path string) bool {
	flags, known := runningFlags(s)
	if !known || path == "" {
		return false
	}
	given := DefaultPath
	for _, f := range flags {
		if f.Name == "config-file" {
			given = f.Value
		}
	}
	return filepath.Clean(given) != filepath.Clean(path)
}
