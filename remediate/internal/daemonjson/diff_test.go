package daemonjson_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func engine(s *resource.Snapshot, f func(*resource.Engine)) {
	e := s.Engine.Value
	f(&e)
	s.Engine.Value = e
}

func TestDiffStatus(t *testing.T) {
	const file = "{\n  \"debug\": true\n}\n"
	for _, tc := range []struct {
		name   string
		file   string
		engine daemonjson.Version
		want   resource.DaemonKey
		host   func(*resource.Snapshot)
		status resource.Status
		reason string // part of it
		remedy string
		action resource.ServiceAction
		writes bool
	}{
		{name: "change", file: file, engine: v29, want: key("icc", "false"), status: resource.Changing, reason: "icc: absent → false", action: resource.Restart, writes: true},
		{name: "no file", engine: v29, want: key("icc", "false"), status: resource.Changing, action: resource.Restart, writes: true},
		{name: "ok by API", file: `{"icc": true}`, engine: v29, want: key("icc", "true"), status: resource.OK},
		{name: "default without a file", engine: v29, want: key("icc", ""), status: resource.OK},
		{name: "ok by time", file: `{"group": "x"}`, engine: v29, want: key("group", `"x"`), status: resource.OK},
		{
			name: "pending by API", file: `{"live-restore": true}`, engine: v29, want: key("live-restore", "true"),
			host:   func(s *resource.Snapshot) { s.DaemonJSON.Value.Print.CtimeNS = 300 * second },
			status: resource.Changing, reason: "dockerd runs with false", action: resource.Reload,
		},
		{
			name: "pending by time", file: `{"group": "x"}`, engine: v29, want: key("group", `"x"`),
			host:   func(s *resource.Snapshot) { s.DaemonJSON.Value.Print.CtimeNS = 300 * second },
			status: resource.Changing, reason: "the file was changed after dockerd read it", action: resource.Restart,
		},
		{
			name: "restored file looks old but is not", file: `{"group": "x"}`, engine: v29, want: key("group", `"x"`),
			host: func(s *resource.Snapshot) {
				s.DaemonJSON.Value.Print.CtimeNS = 0
			},
			status: resource.Unread, reason: "the API does not show this key", remedy: "restart",
		},
		{
			name: "a reload since proves nothing for a start key", file: `{"group": "x"}`, engine: v29, want: key("group", `"x"`),
			host: func(s *resource.Snapshot) {
				s.DaemonJSON.Value.Print.CtimeNS = 300 * second
				engine(s, func(e *resource.Engine) { e.ReloadedNS = 301 * second })
			},
			status: resource.Unread,
		},
		{
			name: "the journal remembers", file: `{"group": "x"}`, engine: v29, want: key("group", `"x"`),
			host: func(s *resource.Snapshot) {
				s.DaemonJSON.Value.Print.CtimeNS = 300 * second
				s.StartedWith = &resource.File{Content: []byte(`{"group":"x","debug":true}`)}
			},
			status: resource.OK,
		},
		{
			name: "reloaded since", file: `{"shutdown-timeout": 9}`, engine: v29, want: key("shutdown-timeout", "9"),
			host: func(s *resource.Snapshot) {
				s.DaemonJSON.Value.Print.CtimeNS = 300 * second
				engine(s, func(e *resource.Engine) { e.ReloadedNS = 301 * second })
			},
			status: resource.OK,
		},
		{
			name: "read and ignored", file: `{"no-new-privileges": true}`, engine: v29, want: key("no-new-privileges", "true"),
			status: resource.Manual, reason: "dockerd has read it, but dockerd runs with false",
		},
		{name: "too old", file: file, engine: v2010, want: key("default-network-opts", `{"bridge":{}}`), status: resource.Blocked, reason: `"default-network-opts" needs Engine 24.0, this is 20.10.24`, remedy: "upgrade"},
		{name: "removed", file: file, engine: v26, want: key("graph", `"/x"`), status: resource.Blocked, reason: "was removed in Engine 24.0"},
		{name: "unknown key", file: file, engine: v29, want: key("icx", `true`), status: resource.Blocked, reason: `unknown key "icx"`, remedy: `did you mean "icc"?`},
		{name: "flag name", file: file, engine: v29, want: key("label", `["a=b"]`), status: resource.Blocked, reason: "name of a flag", remedy: `use "labels"`},
		{name: "wrong type", file: file, engine: v29, want: key("icc", `"no"`), status: resource.Blocked, reason: "wrong type"},
		{name: "removal of an unknown key", file: `{"icx": 1}`, engine: v29, want: key("icx", ""), status: resource.Changing, action: resource.Restart, writes: true},
		{name: "repair of a refused key", file: `{"icc": "no"}`, engine: v29, want: key("icc", "false"), status: resource.Changing, action: resource.Restart, writes: true},
		{name: "another key is refused", file: `{"icx": 1}`, engine: v29, want: key("icc", "false"), status: resource.Blocked, reason: `/etc/docker/daemon.json:1:2: unknown key "icx"`, remedy: "did you mean"},
		{name: "brings a contradiction", file: `{"iptables": false}`, engine: v29, want: key("icc", "false"), status: resource.Blocked, reason: "needs iptables", remedy: `remove "iptables"`},
		{name: "options of the old log driver", file: `{"log-driver": "json-file", "log-opts": {"max-size": "1m"}}`, engine: v29, want: key("log-driver", `"journald"`), status: resource.Blocked, reason: "log-opts.max-size", remedy: "set max-size to null"},
		{
			name: "swarm", file: file, engine: v29, want: key("live-restore", "true"),
			host:   func(s *resource.Snapshot) { engine(s, func(e *resource.Engine) { e.Swarm = "active" }) },
			status: resource.Blocked, reason: "incompatible with swarm",
		},
		{name: "no SELinux", file: file, engine: v29, want: key("selinux-enabled", "true"), status: resource.Blocked, reason: "SELinux is not active"},
		{
			name: "flag agrees", file: file, engine: v29, want: key("icc", "true"),
			host: func(s *resource.Snapshot) {
				s.Flags.Value = []resource.Flag{{Name: "icc", Bare: true, Origin: "/etc/default/docker"}}
			},
			status: resource.OK, reason: "set by the flag --icc in /etc/default/docker",
		},
		{
			name: "flag agrees, daemon does not", file: file, engine: v29, want: key("icc", "false"),
			host: func(s *resource.Snapshot) {
				s.Flags.Value = []resource.Flag{{Name: "icc", Value: "false", Origin: "/etc/default/docker"}}
			},
			status: resource.Changing, reason: "pending restart", action: resource.Restart,
		},
		{
			name: "flag differs", file: file, engine: v29, want: key("log-driver", `"local"`),
			host: func(s *resource.Snapshot) {
				s.Flags.Value = []resource.Flag{{Name: "log-driver", Value: "journald", Origin: "/etc/sysconfig/docker"}}
			},
			status: resource.Blocked, reason: `"log-driver" is set to "journald" by the flag --log-driver in /etc/sysconfig/docker`, remedy: "remove --log-driver from /etc/sysconfig/docker",
		},
		{
			name: "flag of another key conflicts with the file", file: `{"hosts": ["fd://"]}`, engine: v29, want: key("icc", "false"),
			host: func(s *resource.Snapshot) {
				s.Flags.Value = []resource.Flag{{Name: "host", Value: "fd://", Origin: "/lib/systemd/system/docker.service"}}
			},
			status: resource.Blocked, reason: `"hosts" is also given by the flag --host in /lib/systemd/system/docker.service`, remedy: "drop-in",
		},
		{
			name: "unreadable", file: file, engine: v29, want: key("icc", "false"),
			host: func(s *resource.Snapshot) {
				s.DaemonJSON = resource.Unknown[resource.File]("permission denied")
			},
			status: resource.Unread, reason: "permission denied",
		},
		{
			name: "symbolic link", file: file, engine: v29, want: key("icc", "false"),
			host:   func(s *resource.Snapshot) { s.DaemonJSON.Value.Print.Type = resource.Symlink },
			status: resource.Blocked, reason: "symlink",
		},
		{
			name: "immutable", file: file, engine: v29, want: key("icc", "false"),
			host:   func(s *resource.Snapshot) { s.DaemonJSON.Value.Print.Flags = resource.FlagImmutable },
			status: resource.Blocked, remedy: "chattr",
		},
		{name: "engine unknown, key of all releases", file: file, want: key("icc", "false"), status: resource.Changing, action: resource.Restart, writes: true},
		{name: "engine unknown, newer key", file: file, want: key("default-network-opts", `{"bridge":{"a":"b"}}`), status: resource.Unread, reason: "version is unknown"},
		{
			name: "version of the program", file: file, want: key("default-network-opts", `{"bridge":{"a":"b"}}`),
			host: func(s *resource.Snapshot) {
				s.Binary = resource.Known(resource.Binary{Version: "28.5.2"})
			},
			status: resource.Changing, action: resource.Restart, writes: true,
		},
		{
			name: "program upgraded, daemon not restarted", file: file, engine: v23, want: key("graph", `"/x"`),
			host: func(s *resource.Snapshot) {
				s.Binary = resource.Known(resource.Binary{Version: "26.1.5"})
			},
			status: resource.Blocked, reason: "this is 26.1.5",
		},
		{
			name: "dockerd is stopped", file: `{"icc": false}`, want: key("icc", "false"),
			host: func(s *resource.Snapshot) {
				s.Process = resource.Unknown[resource.Process]("not running")
				s.Unit.Value.ActiveState = "inactive"
			},
			status: resource.OK, reason: "next start",
		},
		{
			name: "image", file: file, engine: v29, want: key("icc", "false"),
			host: func(s *resource.Snapshot) { s.Root = "/mnt" }, status: resource.Changing, writes: true,
		},
		{
			name: "userns on, read at the start", file: `{"userns-remap": "default"}`, engine: v29, want: key("userns-remap", `"default"`),
			host: func(s *resource.Snapshot) {
				engine(s, func(e *resource.Engine) { e.SecurityOptions = append(e.SecurityOptions, "name=userns") })
			},
			status: resource.OK,
		},
		{
			name: "userns on, file says off", file: file, engine: v29, want: key("userns-remap", ""),
			host: func(s *resource.Snapshot) {
				engine(s, func(e *resource.Engine) { e.SecurityOptions = append(e.SecurityOptions, "name=userns") })
			},
			status: resource.Changing, action: resource.Restart,
		},
		{name: "policy removes by null", file: file, engine: v29, want: key("debug", "null"), status: resource.Changing, action: resource.Restart, writes: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := snapshot(tc.file, tc.engine)
			if tc.host != nil {
				tc.host(s)
			}
			r := daemonjson.Kind{}.Diff([]resource.DaemonKey{tc.want}, s)
			if len(r.Controls) != 1 {
				t.Fatalf("%d results", len(r.Controls))
			}
			c := r.Controls[0]
			if c.Status != tc.status || !strings.Contains(c.Reason, tc.reason) || !strings.Contains(c.Remedy, tc.remedy) {
				t.Errorf("got %+v\nwant %s, %q, %q", c, tc.status, tc.reason, tc.remedy)
			}
			if c.Status != resource.OK && c.Reason == "" {
				t.Error("no reason")
			}
			if (len(r.Changes) == 1) != tc.writes || r.Service.Action != tc.action {
				t.Errorf("changes %v, action %s; want write %v, %s", r.Changes, r.Service.Action, tc.writes, tc.action)
			}
		})
	}
}

func TestDiffIsStableAfterItself(t *testing.T) {
	want := []resource.DaemonKey{
		{Key: "icc", Value: json.RawMessage("false"), Control: "icc", Source: "p.yaml:3"},
		{Key: "log-driver", Value: json.RawMessage(`"json-file"`), Control: "logging", Source: "p.yaml:5"},
		{Key: "log-opts", Value: json.RawMessage(`{"max-size":"10m"}`), Control: "logging", Source: "p.yaml:6"},
		{Key: "default-network-opts", Value: json.RawMessage(`{"bridge":{"a":"b"}}`), Control: "bind"},
		{Key: "ip", Value: json.RawMessage(`"127.0.0.1"`), Control: "bind"},
	}
	s := snapshot("{\n\t\"debug\": true\n}\n", v2010)
	r := daemonjson.Kind{}.Diff(want, s)
	got := map[string]resource.Status{}
	for _, c := range r.Controls {
		got[c.ID] = c.Status
	}
	if d := cmp.Diff(map[string]resource.Status{"icc": resource.Changing, "logging": resource.Changing, "bind": resource.Blocked}, got); d != "" {
		t.Error(d)
	}
	c := r.Changes[0]
	wantFile := "{\n\t\"debug\": true,\n\t\"icc\": false,\n\t\"log-driver\": \"json-file\",\n\t\"log-opts\": {\n\t\t\"max-size\": \"10m\"\n\t}\n}\n"
	if string(c.Content) != wantFile || c.Action != resource.Update || !slices.Equal(c.Controls, []string{"icc", "logging"}) || len(c.Why) != 3 {
		t.Errorf("%+v\n%s", c, c.Content)
	}
	if c.Why[0] != "icc: absent → false (control icc, p.yaml:3)" {
		t.Error(c.Why[0])
	}
	after := snapshot(wantFile, v2010)
	engine(after, func(e *resource.Engine) { e.Bridge["com.docker.network.bridge.enable_icc"] = "false" })
	again := daemonjson.Kind{}.Diff(want[:3], after)
	for _, c := range again.Controls {
		if c.Status != resource.OK {
			t.Errorf("%+v", c)
		}
	}
	if len(again.Changes) != 0 || again.Service.Action != resource.NoAction || len(again.Impacts) != 0 {
		t.Errorf("%+v", again)
	}
}

func TestDiffHidesSecrets(t *testing.T) {
	s := snapshot(`{"log-opts": {"splunk-token": "hunter2"}, "proxies": {"http-proxy": "http://u:hunter2@h"}}`, v29)
	want := []resource.DaemonKey{
		key("log-opts", `{"splunk-token":"hunter3"}`), key("proxies", `{"http-proxy":"http://u:hunter3@h"}`),
		key("labels", `["token=hunter3"]`), key("runtimes", `{"x":{"path":"/x","options":{"password":"hunter3"}}}`),
	}
	r := daemonjson.Kind{}.Diff(want, s)
	r.Changes[0].Content, r.Changes[0].Old = nil, nil
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "hunter") {
		t.Errorf("%v %s", err, b)
	}
}
