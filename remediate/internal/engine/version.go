// Package engine reads and orders the versions of Docker Engine.
package engine

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// A Version is a Docker Engine release. The zero Version is unknown.
type Version struct{ Major, Minor, Patch int }

// ParseVersion reads the version that an engine or a package reports, such as
// "20.10.24+dfsg1", "v26.1.5", "29.0.0-rc.1" or "Docker version 28.5.2, build
// x". A pre-release counts as its release. It fails on versions that name no
// release, such as "dev" or "0.0.0-20260101".
func ParseVersion(s string) (Version, error) {
	t := strings.TrimPrefix(strings.TrimSpace(s), "Docker version ")
	t = strings.TrimPrefix(strings.TrimPrefix(t, "docker-"), "v")
	if i := strings.IndexFunc(t, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		t = t[:i]
	}
	part := strings.Split(t, ".")
	var n [3]int
	for i := 0; i < len(part) && i < 3; i++ {
		v, err := strconv.Atoi(part[i])
		if err != nil || v > 1_000_000 {
			return Version{}, fmt.Errorf("cannot read engine version %q: not of the form 20.10.24", s)
		}
		n[i] = v
	}
	if len(part) < 2 || n[0] == 0 {
		return Version{}, fmt.Errorf("cannot read engine version %q: not of the form 20.10.24", s)
	}
	return Version{n[0], n[1], n[2]}, nil
}

// Known reports whether v names a release.
func (v Version) Known() bool { return v != Version{} }

// Compare returns -1, 0 or 1 as v is older than, the same as or newer than w.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// AtLeast reports whether v is known and not older than major.minor.
func (v Version) AtLeast(major, minor int) bool {
	return v.Known() && v.Compare(Version{major, minor, 0}) >= 0
}

// Before reports whether v is known and older than major.minor.
func (v Version) Before(major, minor int) bool {
	return v.Known() && v.Compare(Version{major, minor, 0}) < 0
}

// String writes the version as Docker does, or "unknown".
func (v Version) String() string {
	if !v.Known() {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// Short leaves a zero patch level out, as release notes do: "23.0".
func (v Version) Short() string {
	if v.Patch == 0 {
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return v.String()
}
