package daemonjson

import "github.com/bulwark-project/bulwark/remediate/internal/engine"

// A Version is a Docker Engine release; see engine.Version.
type Version = engine.Version

// ParseVersion is engine.ParseVersion.
func ParseVersion(s string) (Version, error) { return engine.ParseVersion(s) }

// newest is the last release that the key table was made from.
func newest() Version { return Version{Major: 29, Minor: 7, Patch: 2} }

// beyondTable reports whether v is of a newer minor release than the table.
func beyondTable(v Version) bool {
	n := newest()
	return v.Compare(Version{Major: n.Major, Minor: n.Minor + 1}) >= 0
}

func release(major, minor, patch int) Version {
	return Version{Major: major, Minor: minor, Patch: patch}
}
