package daemonjson_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestRunningFlags: a flag that was written or removed after dockerd's start
// does not count for the running daemon, and a reload cannot change that.
func TestRunningFlags(t *testing.T) {
	for _, tc := range []struct {
		name, file    string
		running, next string
		key, value    string
		status        resource.Status
		service       resource.ServiceAction
		reason        string
	}{
		{"flag added", "{}", "", "--userland-proxy=false", "userland-proxy", "false", resource.Changing, resource.Restart, "started without --userland-proxy"},
		{"flag there", "{}", "--userland-proxy=false", "--userland-proxy=0", "userland-proxy", "false", resource.OK, resource.NoAction, ""},
		{"flag changed", "{}", "--default-ulimit nofile=1:1", "--default-ulimit nofile=2:2", "default-ulimits", `{"nofile":{"Name":"nofile","Soft":2,"Hard":2}}`, resource.Changing, resource.Restart, "another value"},
		{"live flag added", "{}", "", "--shutdown-timeout=20", "shutdown-timeout", "20", resource.Changing, resource.Restart, ""},
		{"flag gone, key absent", "{}", "--userland-proxy=false", "", "userland-proxy", "", resource.Changing, resource.Restart, "its next start does not have"},
		{"flag gone, key in the file", `{"shutdown-timeout": 20}`, "--shutdown-timeout=20", "", "shutdown-timeout", "20", resource.Changing, resource.Restart, ""},
		{"reload meets a flag", "{}", "--shutdown-timeout=20", "", "shutdown-timeout", "30", resource.Changing, resource.Restart, ""},
		{"another file", `{"userland-proxy": false}`, "--config-file=/srv/d.json", "", "userland-proxy", "false", resource.Changing, resource.Restart, ""},
		{"the same file", `{"userland-proxy": false}`, "--config-file /etc/docker/./daemon.json", "--config-file=/etc/docker/daemon.json", "userland-proxy", "false", resource.OK, resource.NoAction, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := snapshot(tc.file, v29)
			s.Process.Value.Argv = append([]string{"dockerd"}, strings.Fields(tc.running)...)
			s.Flags.Value = daemonjson.ParseFlags(strings.Fields(tc.next), nil)
			r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key(tc.key, tc.value)}, s)
			c := r.Controls[0]
			if c.Status != tc.status || r.Service.Action != tc.service || !strings.Contains(c.Reason, tc.reason) {
				t.Errorf("%+v, %s; want %s with %q, %s", c, r.Service.Action, tc.status, tc.reason, tc.service)
			}
		})
	}
}

// TestRunningFlagsUnread: no claim without the command line.
func TestRunningFlagsUnread(t *testing.T) {
	s := snapshot("{}", v29)
	s.Process = resource.Unknown[resource.Process]("hidepid")
	s.Flags.Value = daemonjson.ParseFlags([]string{"--userland-proxy=false"}, nil)
	r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key("userland-proxy", "false")}, s)
	if r.Controls[0].Status != resource.Unread {
		t.Errorf("%+v, want unknown", r.Controls[0])
	}
}

// TestHardLink: the transaction would refuse it, so the plan does.
func TestHardLink(t *testing.T) {
	s := snapshot("{}", v29)
	s.DaemonJSON.Value.Print.Nlink = 2
	r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key("userland-proxy", "false")}, s)
	if c := r.Controls[0]; c.Status != resource.Blocked || !strings.Contains(c.Reason, "hard links") || len(r.Changes) > 0 {
		t.Errorf("%+v, want blocked for hard links", c)
	}
}

// TestUnitPending: the flags of the next boot are not those that systemd
// would use now; what needs no change stays judged.
func TestUnitPending(t *testing.T) {
	s := snapshot(`{"userland-proxy": false}`, v29)
	s.Unit.Value.NeedDaemonReload = true
	want := []resource.DaemonKey{key("userland-proxy", "false"), key("no-new-privileges", "true")}
	r := daemonjson.Kind{}.Diff(want, s)
	if c := r.Controls[0]; c.Status != resource.OK {
		t.Errorf("%+v, want ok", c)
	}
	if c := r.Controls[1]; c.Status != resource.Blocked || c.Remedy != "systemctl daemon-reload" || len(r.Changes) > 0 || r.Service.Action != resource.NoAction {
		t.Errorf("%+v, want blocked and no change", c)
	}
}

// TestRootPending: a restart for our key must not take along somebody else's
// move of the data root; a reload may go on.
func TestRootPending(t *testing.T) {
	for _, tc := range []struct {
		file, flags, key string
		engine           func(*resource.Engine)
		blocked          bool
	}{
		{`{"data-root": "/srv/d"}`, "", "no-new-privileges", nil, true},
		{`{}`, "--data-root=/srv/d", "no-new-privileges", nil, true},
		{`{}`, "--data-root=/var/lib/docker/", "no-new-privileges", nil, false},
		{`{"data-root": "/srv/d"}`, "", "no-new-privileges", func(e *resource.Engine) { e.RootDir = "/srv/d" }, false},
		{`{}`, "", "no-new-privileges", func(e *resource.Engine) { e.RootDir = "/srv/d" }, true},
		{`{"userns-remap": "x"}`, "", "no-new-privileges", nil, true},
		{`{}`, "", "no-new-privileges", func(e *resource.Engine) { e.SecurityOptions = []string{"name=userns"} }, true},
		{`{"userns-remap": "x"}`, "", "no-new-privileges", func(e *resource.Engine) { e.SecurityOptions = []string{"name=userns"} }, false},
		{`{"data-root": "/srv/d"}`, "", "live-restore", nil, false},
		{`{"userns-remap": ""}`, "", "no-new-privileges", nil, false},
	} {
		s := snapshot(tc.file, v29)
		s.Flags.Value = daemonjson.ParseFlags(strings.Fields(tc.flags), nil)
		if tc.engine != nil {
			engine(s, tc.engine)
		}
		r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key(tc.key, "true")}, s)
		c := r.Controls[0]
		if (c.Status == resource.Blocked) != tc.blocked || tc.blocked && (len(r.Changes) > 0 || r.Service.Action != resource.NoAction) {
			t.Errorf("%s %s: %+v, %s", tc.file, tc.flags, c, r.Service.Action)
		}
	}
}

// TestTakenUp: what others changed since the start takes effect with our
// restart, and the plan says so.
func TestTakenUp(t *testing.T) {
	s := snapshot(`{"log-driver": "journald"}`, v29)
	s.Process.Value.Argv = strings.Fields("dockerd -H fd:// --mtu 1400")
	s.Flags.Value = daemonjson.ParseFlags(strings.Fields("-H fd:// --ipv6"), nil)
	r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key("no-new-privileges", "true")}, s)
	const want = "the restart also takes up what was changed after dockerd's start: log-driver, --mtu, --ipv6"
	for _, i := range r.Impacts {
		if i.Text == want {
			return
		}
	}
	t.Errorf("%+v, want %q", r.Impacts, want)
}

// TestMasked: a daemon that runs under a masked unit must not be stopped; one
// that is down already loses nothing.
func TestMasked(t *testing.T) {
	for name, mask := range map[string]func(*resource.Snapshot){
		"docker.service": func(s *resource.Snapshot) { s.Unit.Value.LoadState = "masked" },
		"docker.socket":  func(s *resource.Snapshot) { s.Socket.Value.LoadState = "masked" },
	} {
		s := snapshot("{}", v29)
		mask(s)
		want := []resource.DaemonKey{key("no-new-privileges", "true")}
		c := daemonjson.Kind{}.Diff(want, s).Controls[0]
		if c.Status != resource.Blocked || c.Remedy != "systemctl unmask "+name {
			t.Errorf("%s: %+v, want blocked", name, c)
		}
		s.Unit.Value.ActiveState = "inactive"
		s.Engine, s.Process = resource.Unknown[resource.Engine]("down"), resource.Unknown[resource.Process]("down")
		s.Binary = resource.Known(resource.Binary{Version: "29.0.0"})
		if c := (daemonjson.Kind{}).Diff(want, s).Controls[0]; c.Status != resource.Changing {
			t.Errorf("%s, stopped: %+v, want change", name, c)
		}
	}
}

// TestPaused: dockerd stops a paused container too, and it does not come back
// paused.
func TestPaused(t *testing.T) {
	s := snapshot("{}", v29)
	s.Containers = resource.Known([]resource.Container{{Name: "pp", State: "paused"}})
	r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key("no-new-privileges", "true")}, s)
	if len(r.Impacts) == 0 || !strings.Contains(r.Impacts[0].Text, "paused containers are stopped; they run again, no longer paused") {
		t.Errorf("%+v", r.Impacts)
	}
}
