package subid_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func at(n uint32) *uint32 { return &n }

func ranges(line string) []string { return []string{"/etc/subgid: " + line, "/etc/subuid: " + line} }

// TestDiffConverges applies every change and expects a second Diff to be empty.
func TestDiffConverges(t *testing.T) {
	const r1 = "dockremap:131072:65536"
	created := append([]string{
		"/etc/group: dockremap:x:999:",
		"/etc/gshadow: dockremap:!::",
		"/etc/passwd: dockremap:x:999:999:Docker user namespaces:/nonexistent:/usr/sbin/nologin",
		"/etc/shadow: dockremap:!:::::::",
	}, ranges(r1)...)
	replace := func(created []string, old, line string) []string {
		out := slices.Clone(created)
		for i := range out {
			out[i] = strings.ReplaceAll(out[i], old, line)
		}
		return out
	}
	drop := func(paths ...string) []string {
		return slices.DeleteFunc(slices.Clone(created), func(l string) bool {
			return slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(l, p+":") })
		})
	}
	for _, c := range []struct {
		name string
		host hostFiles
		want subid.Want
		adds []string // none: ok at once
	}{
		{"off", debian(), subid.Want{Off: true}, nil},
		{"missing account", debian(), subid.Want{}, created},
		{"default is dockremap", debian(), subid.Want{Account: "default"}, created},
		{"dockremap by name", debian(), subid.Want{Account: "dockremap"}, created},
		{"another name", debian(), subid.Want{Account: "remap"}, replace(created, "dockremap", "remap")},
		{"larger size", debian(), subid.Want{Size: 131072}, replace(created, ":65536", ":131072")},
		{"start by policy", debian(), subid.Want{Start: at(500000)}, replace(created, ":131072:", ":500000:")},
		{
			"no shadow files", debian().with("/etc/shadow", "-").with("/etc/gshadow", "-"),
			subid.Want{},
			replace(drop("/etc/shadow", "/etc/gshadow"), "dockremap:x:", "dockremap:!:"),
		},
		{"no subuid files", debian().with("/etc/subuid", "-").with("/etc/subgid", "-"), subid.Want{}, created},
		{"no final newlines", debian().with("/etc/group", "root:x:0:").with("/etc/subuid", "# mine"), subid.Want{}, created},
		{
			"nologin as others have it", debian().with("/etc/passwd", "root:x:0:0::/root:/bin/sh\nbin:x:1:1::/:/sbin/nologin\n"),
			subid.Want{},
			replace(created, "/usr/sbin/nologin", "/sbin/nologin"),
		},
		{
			"ids taken: a uid, a gid, a key and a range", debian().with("/etc/group", "root:x:0:\nssl:x:999:\n").
				with("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsys:x:998:0::/:/usr/sbin/nologin\n").
				with("/etc/subuid", "997:200000:5\nodd:993:1\n").with("/etc/subgid", "996:300000:5\nodd:994:2\n"),
			subid.Want{},
			replace(replace(created, "x:999:999", "x:992:992"), "x:999:", "x:992:")[:4],
		},
		{"group without user", debian().with("/etc/group", "root:x:0:\ndockremap:x:700:\n"), subid.Want{}, replace(drop("/etc/group", "/etc/gshadow"), "999:999", "999:700")},
		{
			"system ids of login.defs", debian().with("/etc/login.defs", "SYS_UID_MAX 499\nSYS_GID_MAX 499\n"),
			subid.Want{},
			replace(created, "999", "499"),
		},
		{"left-over ranges of a deleted account are kept", debian().with("/etc/subuid", r1+"\n").with("/etc/subgid", r1+"\n"), subid.Want{}, drop("/etc/subuid", "/etc/subgid")},
		{
			"user:group does not put the user into the group", debian(),
			subid.Want{Account: "dockremap:docker"},
			created,
		},

		{"safe setup", remap(r1+"\n", r1+"\n"), subid.Want{}, nil},
		{"safe setup somewhere else", remap("dockremap:100001:65536\n", "dockremap:100001:65536"), subid.Want{}, nil},
		{"safe setup that is larger", remap("dockremap:100000:500000\n", "dockremap:100000:500000\n"), subid.Want{}, nil},
		{"safe setup by uid", remap("995:100000:65536\n", "995:100000:65536\n"), subid.Want{}, nil},
		{"safe setup, account by uid", remap("995:100000:65536\n", "995:100000:65536\n"), subid.Want{Account: "995"}, nil},
		{"safe setup of two lines", remap("dockremap:200000:5\ndockremap:300000:65536\n", "dockremap:200000:5\ndockremap:300000:65536\n"), subid.Want{}, nil},
		{"start by policy holds", remap(r1+"\n", r1+"\n"), subid.Want{Start: at(131072)}, nil},
		{"others beside", remap("alice:196608:65536\n"+r1+"\n", "# x\n"+r1+"\nalice:196608:65536\n"), subid.Want{}, nil},
		{"user:group", remap(r1+"\n", r1+"\n"), subid.Want{Account: "dockremap:docker"}, nil},

		{"no ranges", remap("", ""), subid.Want{}, ranges(r1)},
		{"missing in subgid", remap("dockremap:100000:65536\n", ""), subid.Want{}, []string{"/etc/subgid: dockremap:100000:65536"}},
		{"missing in subuid, place taken there", remap("alice:100000:65536\n", "dockremap:100000:65536\n"), subid.Want{}, []string{
			"/etc/subgid: -dockremap:100000:65536", "/etc/subgid: dockremap:196608:65536", "/etc/subuid: dockremap:196608:65536",
		}},
		{"above others", remap("alice:100000:65536\n", "bob:165536:65536\n"), subid.Want{}, ranges("dockremap:262144:65536")},
		{"different start", remap("dockremap:100000:65536\n", "dockremap:200000:65536\n"), subid.Want{}, []string{
			"/etc/subgid: -dockremap:200000:65536", "/etc/subgid: dockremap:131072:65536",
			"/etc/subuid: -dockremap:100000:65536", "/etc/subuid: dockremap:131072:65536",
		}},
		{"different count grows", remap("dockremap:100000:65536\n", "dockremap:100000:70000\n"), subid.Want{}, []string{
			"/etc/subuid: -dockremap:100000:65536", "/etc/subuid: dockremap:100000:70000",
		}},
		{"too small grows in place", remap("dockremap:100000:10000\n", "dockremap:100000:10000\n"), subid.Want{}, []string{
			"/etc/subgid: -dockremap:100000:10000", "/etc/subgid: dockremap:100000:65536",
			"/etc/subuid: -dockremap:100000:10000", "/etc/subuid: dockremap:100000:65536",
		}},
		{"overlap, as dockerd 28 makes it", remap("alice:100000:65536\ndockremap:100000:65536\n", "alice:100000:65536\ndockremap:100000:65536\n"), subid.Want{}, []string{
			"/etc/subgid: -dockremap:100000:65536", "/etc/subgid: dockremap:196608:65536",
			"/etc/subuid: -dockremap:100000:65536", "/etc/subuid: dockremap:196608:65536",
		}},
		{"overlap with a user's uid", remap("dockremap:1000:65536\n", "dockremap:1000:65536\n"), subid.Want{}, []string{
			"/etc/subgid: -dockremap:1000:65536", "/etc/subgid: dockremap:131072:65536",
			"/etc/subuid: -dockremap:1000:65536", "/etc/subuid: dockremap:131072:65536",
		}},
		{"root mapped to root", remap("dockremap:0:65536\n", "dockremap:0:65536\n"), subid.Want{}, []string{
			"/etc/subgid: -dockremap:0:65536", "/etc/subgid: dockremap:131072:65536",
			"/etc/subuid: -dockremap:0:65536", "/etc/subuid: dockremap:131072:65536",
		}},
		{"the same line twice", remap(r1+"\n"+r1+"\n", r1+"\n"), subid.Want{}, []string{"/etc/subuid: -" + r1, "/etc/subuid: -" + r1, "/etc/subuid: " + r1}},
		{"the same line twice in both", remap(r1+"\n"+r1+"\n", r1+"\n"+r1+"\n"), subid.Want{}, []string{
			"/etc/subgid: -" + r1, "/etc/subgid: -" + r1, "/etc/subgid: " + r1,
			"/etc/subuid: -" + r1, "/etc/subuid: -" + r1, "/etc/subuid: " + r1,
		}},
		{"by name and by uid", remap("dockremap:100000:65536\n995:200000:65536\n", "dockremap:100000:65536\n"), subid.Want{}, []string{
			"/etc/subgid: -dockremap:100000:65536", "/etc/subgid: dockremap:131072:65536",
			"/etc/subuid: -995:200000:65536", "/etc/subuid: -dockremap:100000:65536", "/etc/subuid: dockremap:131072:65536",
		}},
		{"own malformed line", remap("dockremap:100000\n", r1+"\n"), subid.Want{}, []string{"/etc/subuid: -dockremap:100000", "/etc/subuid: " + r1}},
		{"own line with CRLF", remap(r1+"\r\n", r1+"\n"), subid.Want{}, []string{"/etc/subuid: -" + r1, "/etc/subuid: " + r1}},
		{"start by policy differs", remap(r1+"\n", r1+"\n"), subid.Want{Start: at(262144)}, []string{
			"/etc/subgid: -" + r1, "/etc/subgid: dockremap:262144:65536", "/etc/subuid: -" + r1, "/etc/subuid: dockremap:262144:65536",
		}},
		{"malformed line of another, dockerd 28 or newer", remap("junk\n"+r1+"\n", r1+"\n"), subid.Want{}, nil},
		{"user without group", remap(r1+"\n", r1+"\n").with("/etc/group", "root:x:0:\n").with("/etc/gshadow", "root:*::\n"), subid.Want{}, []string{
			"/etc/group: dockremap:x:995:", "/etc/gshadow: dockremap:!::",
		}},
		{"user without group, whose gid is another's", remap(r1+"\n", r1+"\n").with("/etc/group", "root:x:0:\nusers:x:995:\n").with("/etc/gshadow", "-"), subid.Want{}, []string{
			"/etc/group: dockremap:!:999:",
		}},
		{
			"user without group, whose gid lies where the range would", debian().with("/etc/passwd", "root:x:0:0::/root:/bin/sh\ndockremap:x:995:131072::/:/bin/false\n"),
			subid.Want{},
			append([]string{"/etc/group: dockremap:x:131072:", "/etc/gshadow: dockremap:!::"}, ranges("dockremap:196608:65536")...),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Control = "userns-remap"
			s := c.host.snapshot()
			got := subid.Kind{}.Diff(&c.want, s)
			lines := added(got.Changes)
			if len(c.adds) == 4 && len(lines) == 6 { // ranges not of interest
				lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "/etc/sub") })
			}
			slices.Sort(c.adds)
			if d := cmp.Diff(c.adds, lines); d != "" {
				t.Fatalf("%s\n%+v", d, got.Controls)
			}
			status(t, got, map[bool]resource.Status{true: resource.OK, false: resource.Changing}[c.adds == nil])
			if got.Service.Action != resource.NoAction {
				t.Errorf("a daemon that is not remapped has to do nothing, got %+v", got.Service)
			}
			again := subid.Kind{}.Diff(&c.want, c.host.apply(t, got.Changes).snapshot())
			if status(t, again, resource.OK); len(again.Changes) > 0 {
				t.Errorf("second time: %q", added(again.Changes))
			}
		})
	}
}

func status(t *testing.T, r resource.Result, want resource.Status) {
	t.Helper()
	if len(r.Controls) != 1 || r.Controls[0].ID != "userns-remap" || r.Controls[0].Status != want {
		t.Fatalf("got %+v, want %s", r.Controls, want)
	}
	if (r.Controls[0].Reason == "") != (want == resource.OK) {
		t.Errorf("reason %q for %s", r.Controls[0].Reason, want)
	}
}

func TestDiffRefuses(t *testing.T) {
	const r1 = "dockremap:131072:65536"
	ok := remap(r1+"\n", r1+"\n")
	person := debian().with("/etc/subuid", "alice:100000:10\n").with("/etc/subgid", "alice:100000:10\n")
	for _, c := range []struct {
		name   string
		host   hostFiles
		want   subid.Want
		status resource.Status
		reason string
	}{
		{"root", ok, subid.Want{Account: "root"}, resource.Blocked, "leaves user namespaces off"},
		{"uid 0", ok, subid.Want{Account: "0"}, resource.Blocked, "leaves user namespaces off"},
		{"uid 0 by another name", ok.with("/etc/passwd", "toor:x:0:0::/root:/bin/sh\n"), subid.Want{Account: "toor"}, resource.Blocked, "uid 0"},
		{"unknown uid", ok, subid.Want{Account: "4711"}, resource.Blocked, "no user in /etc/passwd has the uid 4711"},
		{"uid without equal gid", ok.with("/etc/group", "dockremap:x:5:\n"), subid.Want{Account: "995"}, resource.Blocked, "no group 995"},
		{"three parts", ok, subid.Want{Account: "a:b:c"}, resource.Blocked, "not a user or user:group"},
		{"no user", ok, subid.Want{Account: ":docker"}, resource.Blocked, "not a user or user:group"},
		{"named group missing", ok, subid.Want{Account: "dockremap:remappers"}, resource.Blocked, "no group remappers"},
		{"two lines in passwd", ok.with("/etc/passwd", dockremapUser+dockremapUser), subid.Want{}, resource.Blocked, "/etc/passwd:1 and /etc/passwd:2"},
		{"bad name", debian(), subid.Want{Account: "x\ny"}, resource.Blocked, "not a valid name"},
		{"name with a blank", debian(), subid.Want{Account: "Re map"}, resource.Blocked, "not a valid name"},
		{"NIS", debian().with("/etc/group", "root:x:0:\n+:::\n"), subid.Want{}, resource.Blocked, "/etc/group:2"},
		{"accounts elsewhere", debian().with("/etc/nsswitch.conf", "passwd: files [NOTFOUND=continue] sss # x\n"), subid.Want{Account: "remap"}, resource.Blocked, "asks sss too"},
		{"left-over shadow entry", debian().with("/etc/shadow", "dockremap:$y$x:1::::::\n"), subid.Want{}, resource.Blocked, "/etc/shadow has a left-over entry"},
		{"left-over gshadow entry", debian().with("/etc/gshadow", "dockremap:!::\n"), subid.Want{}, resource.Blocked, "/etc/gshadow has a left-over entry"},
		{"no system id", debian().with("/etc/login.defs", "SYS_UID_MIN 998\nSYS_GID_MIN 998\nSYS_GID_MAX 998\n"), subid.Want{}, resource.Blocked, "no system uid or gid is free"},
		{"group with gid 0", debian().with("/etc/group", "dockremap:x:0:\n"), subid.Want{}, resource.Blocked, "gid 0"},
		{"size too small", ok, subid.Want{Size: 1000}, resource.Blocked, "at least 65536"},
		{"start held", debian().with("/etc/subgid", "bob:200000:65536\n"), subid.Want{Start: at(200001)}, resource.Blocked, "bob (/etc/subgid:1) holds 200000-265535"},
		{"start held by a uid", debian().with("/etc/passwd", "root:x:0:0::/:/bin/sh\nbig:x:300000:0::/:/bin/sh\n"), subid.Want{Start: at(262144)}, resource.Blocked, "user big (/etc/passwd:2) holds"},
		{"a person's lines", person, subid.Want{Account: "alice"}, resource.Blocked, "rootless"},
		{"subuid is a link", remap("link", ""), subid.Want{}, resource.Blocked, "cannot edit /etc/subuid: it is a symlink"},
		{"subgid is immutable", remap("", "").with("flags:/etc/subgid", "i"), subid.Want{}, resource.Blocked, "locked by chattr"},
		{"passwd is append-only", debian().with("flags:/etc/passwd", "a"), subid.Want{}, resource.Blocked, "locked by chattr"},

		{"passwd unreadable", ok.with("/etc/passwd", "denied"), subid.Want{}, resource.Unread, "/etc/passwd: needs root"},
		{"subgid unreadable", ok.with("/etc/subgid", "denied"), subid.Want{}, resource.Unread, "/etc/subgid: needs root"},
		{"no passwd", ok.with("/etc/passwd", "-"), subid.Want{}, resource.Unread, "no /etc/passwd"},
		{"account missing, shadow unreadable", debian().with("/etc/shadow", "denied"), subid.Want{}, resource.Unread, "/etc/shadow cannot be read: needs root"},
		{"group missing, gshadow unreadable", ok.with("/etc/group", "root:x:0:\n").with("/etc/gshadow", "denied"), subid.Want{}, resource.Unread, "/etc/gshadow cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Control = "userns-remap"
			got := subid.Kind{}.Diff(&c.want, c.host.snapshot())
			status(t, got, c.status)
			if !strings.Contains(got.Controls[0].Reason, c.reason) {
				t.Errorf("reason %q, want %q", got.Controls[0].Reason, c.reason)
			}
			if c.status == resource.Blocked && got.Controls[0].Remedy == "" {
				t.Error("no remedy")
			}
			if len(got.Changes) > 0 {
				t.Errorf("changes although %s: %q", c.status, added(got.Changes))
			}
		})
	}
}

func TestDiffUnmanagedOrUnobserved(t *testing.T) {
	s := debian().snapshot()
	if d := cmp.Diff(resource.Result{}, subid.Kind{}.Diff(nil, s)); d != "" {
		t.Error(d)
	}
	s.Accounts = resource.Unknown[resource.Accounts]("not read")
	status(t, subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s), resource.Unread)
	status(t, subid.Kind{}.Diff(&subid.Want{Control: "userns-remap", Off: true}, s), resource.OK)
}

// TestDiffWithoutShadow shows that only a missing account needs root.
func TestDiffWithoutShadow(t *testing.T) {
	h := remap("", "").with("/etc/shadow", "denied").with("/etc/gshadow", "denied")
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, h.snapshot())
	status(t, got, resource.Changing)
}

// TestDiffDaemonTooOldForLine: dockerd to 27 gives up on a whole file.
func TestDiffDaemonTooOldForLine(t *testing.T) {
	h := remap("dockremap:131072:65536\n# a: comment\n\nbob:5\n", "dockremap:131072:65536\n")
	for version, want := range map[string]resource.Status{
		"20.10.24+dfsg1": resource.Blocked, "27.5.1": resource.Blocked, "28.0.0": resource.OK, "29.7.2": resource.OK, "": resource.Blocked,
	} {
		s := h.snapshot()
		s.Binary = resource.Known(resource.Binary{Version: version})
		got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
		status(t, got, want)
		if r := got.Controls[0].Reason; want == resource.Blocked && !strings.HasPrefix(r, "/etc/subuid:4: 2 fields") {
			t.Errorf("%q: %s", version, r)
		}
	}
}

// TestDiffOldestDaemonCounts: the running dockerd may be older than the one on
// disk, or newer.
func TestDiffOldestDaemonCounts(t *testing.T) {
	want := &subid.Want{Control: "userns-remap"}
	for _, v := range [][2]string{{"27.5.1", "29.7.2"}, {"29.7.2", "27.5.1"}} {
		s := remap("dockremap:131072:65536\nbob:5\n", "dockremap:131072:65536\n").snapshot()
		s.Engine = resource.Known(resource.Engine{Version: v[0]})
		s.Binary = resource.Known(resource.Binary{Version: v[1]})
		status(t, subid.Kind{}.Diff(want, s), resource.Blocked)

		s = remap("dockremap:131072:65536\n", "dockremap:131072:65536\n").snapshot()
		s.DaemonJSON = resource.Known(resource.File{Content: []byte(`{"features":{"containerd-snapshotter":true}}`)})
		s.Engine = resource.Known(resource.Engine{Version: v[0]})
		s.Binary = resource.Known(resource.Binary{Version: v[1]})
		status(t, subid.Kind{}.Diff(want, s), resource.Blocked)
	}
	s := remap("dockremap:5\n", "").snapshot()
	s.Binary = resource.Known(resource.Binary{Version: "20.10.24"})
	status(t, subid.Kind{}.Diff(want, s), resource.Changing)
}

// TestDiffOfDaemonRemappedToAnother may repair at will: no data is at stake.
func TestDiffOfDaemonRemappedToAnother(t *testing.T) {
	s := live(remap("dockremap:400000:65536\n", "dockremap:300000:65536\n").snapshot(), "29.7.2", "700000.700000")
	s.DaemonJSON = resource.Known(resource.File{Content: []byte(`{"userns-remap":"alice"}`)})
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
	if status(t, got, resource.Changing); got.Service.Action != resource.NoAction || len(got.Impacts) > 0 {
		t.Errorf("%+v, %+v", got.Service, got.Impacts)
	}
}

func TestDiffContainerdSnapshotter(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name, json, binary string
		policy             *bool
		want               resource.Status
	}{
		{"explicit", `{"features":{"containerd-snapshotter":true}}`, "29.0.0", nil, resource.Blocked},
		{"explicit, version not known", `{"features":{"containerd-snapshotter":true}}`, "", nil, resource.Blocked},
		{"explicit, older", `{"features":{"containerd-snapshotter":true}}`, "28.5.2", nil, resource.OK},
		{"off", `{"features":{"containerd-snapshotter":false}}`, "29.0.0", nil, resource.OK},
		{"policy turns it off", `{"features":{"containerd-snapshotter":true}}`, "29.0.0", &no, resource.OK},
		{"policy turns it on", `{}`, "29.0.0", &yes, resource.Blocked},
		{"not valid", `{`, "29.0.0", nil, resource.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := remap("dockremap:131072:65536\n", "dockremap:131072:65536\n").snapshot()
			s.DaemonJSON = resource.Known(resource.File{Content: []byte(c.json)})
			s.Binary = resource.Known(resource.Binary{Version: c.binary})
			got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap", ContainerdSnapshotter: c.policy}, s)
			status(t, got, c.want)
		})
	}
}

// TestDiffOfDaemonInUse is about ranges that data of containers belongs to.
func TestDiffOfDaemonInUse(t *testing.T) {
	line := func(r string) string { return "dockremap:" + r + "\n" }
	for _, c := range []struct {
		name, subuid, subgid, root string
		want                       subid.Want
		status                     resource.Status
		start                      string // of the new lines
		moves                      bool
	}{
		{"safe", line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{}, resource.OK, "", false},
		{"grows in place", line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{Size: 100000}, resource.Changing, "100000:100000", false},
		{"cannot grow", line("100000:65536") + "bob:165536:1\n", line("100000:65536"), "100000.100000", subid.Want{Size: 100000}, resource.Manual, "", false},
		{"different start", line("400000:65536"), line("300000:65536"), "400000.300000", subid.Want{}, resource.Manual, "", false},
		{"overlap", "bob:100000:65536\n" + line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{}, resource.Changing, "196608:65536", true},
		{"policy's start", line("100000:65536"), line("100000:65536"), "100000.100000", subid.Want{Start: at(262144)}, resource.Changing, "262144:65536", true},
		{"lines lost, place free", "", "", "300000.300000", subid.Want{}, resource.Changing, "300000:65536", false},
		{"lines lost, unequal place", "", "", "300000.400000", subid.Want{}, resource.Changing, "131072:65536", true},
		{"lines lost, place taken", "bob:300000:65536\n", "", "300000.300000", subid.Want{}, resource.Changing, "393216:65536", true},
		{"uid-keyed lines win up to 27", line("100000:65536") + "995:200000:65536\n", line("100000:65536") + "995:200000:65536\n", "200000.200000", subid.Want{}, resource.Manual, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := remap(c.subuid, c.subgid)
			s := live(h.snapshot(), "20.10.24", c.root)
			s.DaemonJSON = resource.Known(resource.File{Content: []byte(`{"userns-remap":"default"}`)})
			c.want.Control = "userns-remap"
			got := subid.Kind{}.Diff(&c.want, s)
			status(t, got, c.status)
			for _, l := range got.Changes {
				if d := cmp.Diff([]string{"dockremap:" + c.start}, l.Lines.Add); d != "" {
					t.Error(d)
				}
			}
			if (got.Service.Action == resource.Restart) != (c.status == resource.Changing) {
				t.Errorf("service %+v", got.Service)
			}
			if got.Service.DataRootMoves != c.moves || got.Service.StopContainers != c.moves || (len(got.Impacts) == 1) != c.moves {
				t.Errorf("moves %v: %+v, %+v", c.moves, got.Service, got.Impacts)
			}
			if c.status == resource.Manual && got.Controls[0].Remedy == "" {
				t.Error("no remedy")
			}
		})
	}
}

// TestDiffOfStoppedDaemon: without a daemon to ask, its configuration tells
// whether data belongs to the ranges.
func TestDiffOfStoppedDaemon(t *testing.T) {
	for name, c := range map[string]struct {
		json resource.Fact[resource.File]
		flag string
		want resource.Status
	}{
		"not remapped":     {resource.Known(resource.File{Content: []byte(`{}`)}), "", resource.Changing},
		"another account":  {resource.Known(resource.File{Content: []byte(`{"userns-remap":"alice"}`)}), "", resource.Changing},
		"remapped":         {resource.Known(resource.File{Content: []byte(`{"userns-remap":"default"}`)}), "", resource.Manual},
		"remapped by uid":  {resource.Known(resource.File{Content: []byte(`{"userns-remap":"995:995"}`)}), "", resource.Manual},
		"remapped by flag": {resource.Known(resource.File{}), "dockremap", resource.Manual},
		"lines lost":       {resource.Known(resource.File{Content: []byte(`{"userns-remap":"default"}`)}), "", resource.Changing},
		"cannot tell":      {resource.Unknown[resource.File]("needs root"), "", resource.Manual},
	} {
		t.Run(name, func(t *testing.T) {
			s := remap("dockremap:400000:65536\n", "dockremap:300000:65536\n").snapshot()
			if name == "lines lost" {
				s = remap("", "").snapshot()
			}
			s.DaemonJSON = c.json
			if c.flag != "" {
				s.Flags = resource.Known([]resource.Flag{{Name: "userns-remap", Value: c.flag}})
			}
			got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
			if status(t, got, c.want); got.Service.DataRootMoves {
				t.Errorf("%+v", got.Service)
			}
		})
	}
}

func TestDiffWarnsOfPersonAndOddPlace(t *testing.T) {
	h := debian().with("/etc/subuid", "alice:100000:65536\n").with("/etc/subgid", "alice:100000:65536\n")
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap", Account: "alice"}, h.snapshot())
	status(t, got, resource.OK)
	if len(got.Impacts) != 1 || got.Impacts[0].Level != "warning" || !strings.Contains(got.Impacts[0].Text, "rootless") {
		t.Errorf("impacts %+v", got.Impacts)
	}
	s := live(h.snapshot(), "29.7.2", "100000.100000")
	if got = (subid.Kind{}).Diff(&subid.Want{Control: "userns-remap", Account: "alice"}, s); len(got.Impacts) > 0 {
		t.Errorf("warns again once it is in effect: %+v", got.Impacts)
	}
	h = debian().with("/etc/login.defs", "SUB_UID_MAX 150000\n")
	got = subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, h.snapshot())
	if status(t, got, resource.Changing); len(got.Impacts) != 1 || got.Impacts[0].Level != "note" {
		t.Errorf("impacts %+v", got.Impacts)
	}
}

func TestChangesForPeopleAndTransaction(t *testing.T) {
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, debian().with("/etc/subuid", "-").snapshot())
	var paths []string
	for _, c := range got.Changes {
		paths = append(paths, c.Path)
		secret := strings.HasSuffix(c.Path, "shadow")
		if c.Sensitive != secret || secret && c.Old != nil || len(c.Why) == 0 || c.Controls[0] != "userns-remap" {
			t.Errorf("%s: %+v", c.Path, c)
		}
		if c.Path == "/etc/subuid" && (c.Action != resource.Create || c.Mode != 0o644) {
			t.Errorf("creates %s with %s, %o", c.Path, c.Action, c.Mode)
		}
	}
	want := []string{"/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow", "/etc/subuid", "/etc/subgid"}
	if d := cmp.Diff(want, paths); d != "" {
		t.Error(d)
	}
}

func TestObserveKeepsSecretsOut(t *testing.T) {
	b, err := json.Marshal(debian().snapshot())
	if err != nil || strings.Contains(string(b), "secret") || strings.Contains(string(b), "JHkk") {
		t.Errorf("a hash in %s, %v", b, err)
	}
	s := debian().with("/etc/shadow", "denied").snapshot()
	a, _ := s.Accounts.Get()
	if a.ShadowNames != nil || a.Unread["/etc/shadow"] != "needs root" || len(a.GshadowNames) != 5 || a.Passwd.Content == nil {
		t.Errorf("%+v", a)
	}
	if a.Gshadow.Print.SHA256 == "" || a.Gshadow.Content != nil {
		t.Errorf("gshadow %+v", a.Gshadow)
	}
}

func TestObserveFindsVendorLoginDefs(t *testing.T) {
	s := debian().with("/etc/login.defs", "-").with("/usr/etc/login.defs", "SYS_UID_MAX 400\nSYS_GID_MAX 400\n").snapshot()
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
	if l := added(got.Changes); len(l) == 0 || l[0] != "/etc/group: dockremap:x:400:" {
		t.Errorf("%q", l)
	}
}
