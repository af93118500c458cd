package subid_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/user"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
)

func TestParseSubid(t *testing.T) {
	type e = subid.Entry
	r := func(start, count uint32) subid.Range { return subid.Range{Start: start, Count: count} }
	for _, c := range []struct {
		name, in string
		want     []e
	}{
		{"empty", "", nil},
		{"comments and blank lines", "# a:1:2\n\n   \n  # b\n", nil},
		{"by name", "alice:100000:65536\n", []e{{Key: "alice", Range: r(100000, 65536), Raw: "alice:100000:65536", Line: 1, Fields: 3}}},
		{"by uid, no final newline", "\n1000:5:6", []e{{Key: "1000", Range: r(5, 6), Raw: "1000:5:6", Line: 2, Fields: 3}}},
		{"two fields", "alice:100000", []e{{Key: "alice", Raw: "alice:100000", Line: 1, Fields: 2, Bad: "2 fields, not 3"}}},
		{"one field", "garbage", []e{{Key: "garbage", Raw: "garbage", Line: 1, Fields: 1, Bad: "1 fields, not 3"}}},
		{"four fields", "a:1:2:", []e{{Key: "a", Raw: "a:1:2:", Line: 1, Fields: 4, Bad: "4 fields, not 3"}}},
		{"start not a number", "a:x:2", []e{{Key: "a", Raw: "a:x:2", Line: 1, Fields: 3, Bad: `start "x" is not an id`}}},
		{"start negative", "a:-1:2", []e{{Key: "a", Raw: "a:-1:2", Line: 1, Fields: 3, Bad: `start "-1" is not an id`}}},
		{"start beyond 32 bits", "a:4294967296:2", []e{{Key: "a", Raw: "a:4294967296:2", Line: 1, Fields: 3, Bad: `start "4294967296" is not an id`}}},
		{"start is -1", "a:4294967295:1", []e{{Key: "a", Raw: "a:4294967295:1", Line: 1, Fields: 3, Bad: `start "4294967295" is not an id`}}},
		{"count zero", "a:1:0", []e{{Key: "a", Raw: "a:1:0", Line: 1, Fields: 3, Bad: `count "0" is not a positive number`}}},
		{"count not a number", "a:1:2k", []e{{Key: "a", Raw: "a:1:2k", Line: 1, Fields: 3, Bad: `count "2k" is not a positive number`}}},
		{"last possible id", "a:4294967294:1", []e{{Key: "a", Range: r(4294967294, 1), Raw: "a:4294967294:1", Line: 1, Fields: 3}}},
		{"overflow is kept to what exists", "a:4294967290:65536", []e{{
			Key: "a", Range: r(4294967290, 5), Raw: "a:4294967290:65536", Line: 1, Fields: 3, Bad: "range goes beyond the greatest id",
		}}},
		{"spaces", " a:1:2", []e{{Key: "a", Range: r(1, 2), Raw: " a:1:2", Line: 1, Fields: 3, Bad: "spaces or a carriage return around the line"}}},
		{"CRLF", "a:1:2\r\n", []e{{Key: "a", Range: r(1, 2), Raw: "a:1:2", Line: 1, Fields: 3, Bad: "spaces or a carriage return around the line"}}},
		{"no user", ":1:2", []e{{Range: r(1, 2), Raw: ":1:2", Line: 1, Fields: 3, Bad: "no user"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, subid.ParseSubid([]byte(c.in))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParsePasswdAndGroup(t *testing.T) {
	users, bad := subid.ParsePasswd([]byte("root:x:0:0:root:/root:/bin/bash\n\nshort:x:1\na:x:-5:0::/:\nbig:x:4294967295:0::/:\n+@netgroup::::::\nb:x:1000:100:B:/:/bin/sh"))
	if d := cmp.Diff([]subid.User{
		{Name: "root", Shell: "/bin/bash", Line: 1},
		{Name: "b", UID: 1000, GID: 100, Shell: "/bin/sh", Line: 7},
	}, users); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{3, 4, 5, 6}, lines(bad)); d != "" {
		t.Error(d)
	}
	groups, bad := subid.ParseGroup([]byte("root:x:0:\ndocker:x:998:alice,bob\nx:y\n+:::\nz:x:q:\n"))
	if d := cmp.Diff([]subid.Group{{Name: "root", Line: 1}, {Name: "docker", GID: 998, Line: 2}}, groups); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{3, 4, 5}, lines(bad)); d != "" {
		t.Error(d)
	}
}

func lines(bad []subid.Malformed) []int {
	var n []int
	for _, m := range bad {
		n = append(n, m.Line)
	}
	return n
}

func TestParseDefs(t *testing.T) {
	def := subid.Defs{
		UIDMin: 1000, UIDMax: 60000, SysUIDMin: 101, SysUIDMax: 999, SysGIDMin: 101, SysGIDMax: 999,
		SubMin: 100000, SubMax: 600100000,
	}
	with := func(f func(*subid.Defs)) subid.Defs {
		d := def
		f(&d)
		return d
	}
	for _, c := range []struct {
		name, in string
		want     subid.Defs
	}{
		{"no file", "", def},
		{"comments", "#UID_MIN 500\n # SUB_UID_MIN 5\nUID_MIN\n", def},
		{"tabs", "UID_MIN\t\t 500\n", with(func(d *subid.Defs) { d.UIDMin = 500 })},
		{"the stricter of uid and gid", "SUB_UID_MIN 200000\nSUB_GID_MAX 300000000\n", with(func(d *subid.Defs) { d.SubMin, d.SubMax = 200000, 300000000 })},
		{"hex", "SUB_UID_MIN 0x80000\n", with(func(d *subid.Defs) { d.SubMin = 0x80000 })},
		{"not a number", "SUB_UID_MIN many\n", def},
		{"minimum above maximum", "SUB_UID_MIN 600200000\n", def},
		{"beyond 32 bits", "SUB_UID_MAX 99999999999\nSUB_GID_MAX 99999999999\n", with(func(d *subid.Defs) { d.SubMax = 4294967294 })},
		{"system range", "SYS_UID_MIN 201\nSYS_GID_MAX 899\n", with(func(d *subid.Defs) { d.SysUIDMin, d.SysGIDMax = 201, 899 })},
		{"system range stays below nobody", "SYS_UID_MAX 4000000000\n", with(func(d *subid.Defs) { d.SysUIDMax = 65533 })},
		{"deterministic", "SUB_GID_DETERMINISTIC Yes\n", with(func(d *subid.Defs) { d.Deterministic = true })},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, subid.ParseDefs([]byte(c.in))); d != "" {
				t.Error(d)
			}
		})
	}
}

// FuzzParse holds the parsers against any bytes, and well-formed entries
// against the parser that dockerd from 28 on uses.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "alice:100000:65536\n", "a:4294967290:9\n", "#x\n\n:1:2\r\n", "a:b", "root:x:0:0::/:/bin/sh\n+::::::\n", "UID_MIN 5\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		subid.ParsePasswd(b)
		subid.ParseGroup(b)
		if d := subid.ParseDefs(b); d.SubMin > d.SubMax || d.SysUIDMin > d.SysUIDMax || d.UIDMin > d.UIDMax {
			t.Errorf("limits upside down: %+v", d)
		}
		theirs, err := user.ParseSubID(bytes.NewReader(b))
		for _, e := range subid.ParseSubid(b) {
			if e.Range.Last() > subid.MaxID || e.Range.Count == 0 && e.Bad == "" {
				t.Errorf("%+v holds ids that do not exist, or none", e)
			}
			same := user.SubID{Name: e.Key, SubID: int64(e.Range.Start), Count: int64(e.Range.Count)}
			if err == nil && e.Bad == "" && !slices.Contains(theirs, same) {
				t.Errorf("dockerd does not see %+v in %+v", same, theirs)
			}
		}
	})
}
