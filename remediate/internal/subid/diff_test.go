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
