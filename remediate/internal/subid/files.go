package subid

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A User is one line of passwd(5).
type User struct {
	Name  string
	UID   uint32
	GID   uint32
	Shell string
	Line  int // counted from 1
}

// A Group is one line of group(5).
type Group struct {
	Name string
	GID  uint32
	Line int // counted from 1
}

// An Entry is one line of subuid(5) or subgid(5) that has a first field.
type Entry struct {
	// Key is the user's name or decimal uid.
	Key   string
	Range Range
	// Raw is the line without its newline and a final carriage return.
	Raw  string
	Line int // counted from 1
	// Bad says what is wrong with the line, or is empty. Range is then as
	// much as can be told of it, for the sake of keeping clear of it.
	Bad string
	// Fields is the number of fields; dockerd to 27 refuses to start if it
	// is not 3 in any line of the file, no matter whose
	// (moby pkg/idtools/idtools.go, parseSubidFile).
	Fields int
}

// A Malformed line is kept in its file and only reported.
type Malformed struct {
	Line int // counted from 1
	Text string
	Why  string
}

// ParsePasswd reads passwd(5). Lines that the C library would skip, NIS
// entries (+ and -) among them, are returned as malformed.
func ParsePasswd(b []byte) ([]User, []Malformed) {
	var users []User
	bad := eachLine(b, func(n int, line string) string {
		f := strings.Split(line, ":")
		if nis(line) {
			return nisEntry
		}
		if len(f) != 7 {
			return fmt.Sprintf("%d fields, not 7", len(f))
		}
		uid, err1 := id(f[2])
		gid, err2 := id(f[3])
		if f[0] == "" || err1 != nil || err2 != nil {
			return "name, uid or gid is not valid"
		}
		users = append(users, User{Name: f[0], UID: uid, GID: gid, Shell: f[6], Line: n})
		return ""
	})
	return users, bad
}

// ParseGroup reads group(5), with malformed lines as for ParsePasswd.
func ParseGroup(b []byte) ([]Group, []Malformed) {
	var groups []Group
	bad := eachLine(b, func(n int, line string) string {
		f := strings.Split(line, ":")
		if nis(line) {
			return nisEntry
		}
		if len(f) != 4 {
			return fmt.Sprintf("%d fields, not 4", len(f))
		}
		gid, err := id(f[2])
		if f[0] == "" || err != nil {
			return "name or gid is not valid"
		}
		groups = append(groups, Group{Name: f[0], GID: gid, Line: n})
		return ""
	})
	return groups, bad
}

const nisEntry = "an NIS entry"

func nis(line string) bool { return line[0] == '+' || line[0] == '-' }

// ParseSubid reads subuid(5) or subgid(5). Every line but blank ones and
// comments gives an Entry, malformed ones with Bad set.
func ParseSubid(b []byte) []Entry {
	var entries []Entry
	eachLine(b, func(n int, line string) string {
		entries = append(entries, entry(n, line))
		return ""
	})
	return entries
}

func entry(n int, raw string) Entry {
	line := strings.TrimSpace(raw) // as dockerd does; shadow-utils does not
	f := strings.Split(line, ":")
	e := Entry{Key: f[0], Raw: strings.TrimSuffix(raw, "\r"), Line: n, Fields: len(f)}
	if len(f) != 3 {
		e.Bad = fmt.Sprintf("%d fields, not 3", len(f))
		return e
	}
	start, err1 := id(f[1])
	count, err2 := strconv.ParseUint(f[2], 10, 64)
	switch {
	case err1 != nil:
		e.Bad = fmt.Sprintf("start %q is not an id", f[1])
		return e
	case err2 != nil || count == 0:
		e.Bad = fmt.Sprintf("count %q is not a positive number", f[2])
		return e
	case uint64(start)+count-1 > MaxID:
		e.Bad = "range goes beyond the greatest id"
		count = math.MaxUint32 - uint64(start)
	case line != raw:
		e.Bad = "spaces or a carriage return around the line"
	case f[0] == "":
		e.Bad = "no user"
	}
	e.Range = Range{Start: start, Count: uint32(count)}
	return e
}

// names returns the first field of every line of shadow(5) or gshadow(5).
func names(b []byte) []string {
	out := []string{}
	eachLine(b, func(_ int, line string) string {
		name, _, _ := strings.Cut(line, ":")
		out = append(out, name)
		return ""
	})
	return out
}

// eachLine calls f for every line that is neither blank nor a comment, and
// collects the lines of which f complains.
func eachLine(b []byte, f func(n int, line string) string) []Malformed {
	var bad []Malformed
	n := 0
	for l := range bytes.SplitSeq(b, []byte("\n")) {
		n++
		line := string(l)
		t := strings.TrimSpace(line)
		if t == "" || t[0] == '#' {
			continue
		}
		if why := f(n, line); why != "" {
			bad = append(bad, Malformed{Line: n, Text: strings.TrimSpace(line), Why: why})
		}
	}
	return bad
}

// id parses a uid or gid. 4294967295 is -1, which means "no change" to
// chown(2), and so is no id.
func id(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n > MaxID {
		err = strconv.ErrRange
	}
	return uint32(n), err
}
