package subid_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

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

func TestDiffRefusesHardLink(t *testing.T) {
	s := debian().snapshot()
	s.Accounts.Value.Passwd.Print.Nlink = 2
	got := subid.Kind{}.Diff(&subid.Want{Control: "userns-remap"}, s)
	status(t, got, resource.Blocked)
	if !strings.Contains(got.Controls[0].Reason, "/etc/passwd: it has 2 hard links") || len(got.Changes) > 0 {
		t.Errorf("%+v", got)
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
