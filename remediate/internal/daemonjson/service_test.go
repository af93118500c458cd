package daemonjson_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func containers() []resource.Container {
	return []resource.Container{
		{Name: "web", State: "running", RestartPolicy: "always"},
		{Name: "job", State: "running", RestartPolicy: "no"},
		{Name: "tmp", State: "running", AutoRemove: true},
		{Name: "off", State: "exited", RestartPolicy: "always"},
		{Name: "bad", State: "exited", RestartPolicy: "on-failure"},
		{Name: "quiet", State: "exited", RestartPolicy: "unless-stopped"},
	}
}

func TestService(t *testing.T) {
	live := func(s *resource.Snapshot) { engine(s, func(e *resource.Engine) { e.LiveRestore = true }) }
	flag := func(name string) func(*resource.Snapshot) {
		return func(s *resource.Snapshot) { s.Flags.Value = []resource.Flag{{Name: name, Value: "x", Origin: "u"}} }
	}
	for _, tc := range []struct {
		name, file string
		host       func(*resource.Snapshot)
		want       []resource.DaemonKey
		service    resource.Service
	}{
		{"live key", `{}`, nil, []resource.DaemonKey{key("labels", `["a=b"]`)}, resource.Service{Action: resource.Reload}},
		{"live key removed", `{"live-restore": true}`, live, []resource.DaemonKey{key("live-restore", "")}, resource.Service{Action: resource.Restart}},
		{"live key removed, reset by reload", `{"max-concurrent-uploads": 2}`, nil, []resource.DaemonKey{key("max-concurrent-uploads", "")}, resource.Service{Action: resource.Reload}},
		{"start key", `{}`, nil, []resource.DaemonKey{key("no-new-privileges", "true")}, resource.Service{Action: resource.Restart}},
		{"feature of the start", `{}`, nil, []resource.DaemonKey{key("features", `{"cdi":true}`)}, resource.Service{Action: resource.Restart}},
		{"feature on the fly", `{"features":{"cdi":true}}`, nil, []resource.DaemonKey{key("features", `{"buildkit":true}`)}, resource.Service{Action: resource.Reload}},
		{"plugins in the file", `{"authorization-plugins":["x"]}`, nil, []resource.DaemonKey{key("debug", "true")}, resource.Service{Action: resource.Restart}},
		{"plugins by flag", `{}`, flag("authorization-plugin"), []resource.DaemonKey{key("debug", "true")}, resource.Service{Action: resource.Restart}},
		{"flag that a reload resets", `{}`, flag("max-concurrent-downloads"), []resource.DaemonKey{key("debug", "true")}, resource.Service{Action: resource.Restart}},
		{"userland-proxy trap", `{"userland-proxy":true}`, nil, []resource.DaemonKey{key("debug", "true")}, resource.Service{Action: resource.Restart}},
		{"live-restore alone", `{}`, nil, []resource.DaemonKey{key("live-restore", "true")}, resource.Service{Action: resource.Reload}},
		{
			"live-restore with a restart", `{}`, nil,
			[]resource.DaemonKey{key("live-restore", "true"), key("no-new-privileges", "true")},
			resource.Service{Action: resource.Restart, LiveRestoreFirst: true},
		},
		{
			"live-restore with a network key", `{}`, nil,
			[]resource.DaemonKey{key("live-restore", "true"), key("icc", "false")},
			resource.Service{Action: resource.Restart},
		},
		{
			"live-restore where a reload fails", `{"userland-proxy":true}`, nil,
			[]resource.DaemonKey{key("live-restore", "true"), key("no-new-privileges", "true")},
			resource.Service{Action: resource.Restart},
		},
		{"network key under live-restore", `{"live-restore":true}`, live, []resource.DaemonKey{key("icc", "false")}, resource.Service{Action: resource.Restart, StopContainers: true}},
		{
			"network key waits under live-restore although read", `{"live-restore":true,"icc":false}`, live,
			[]resource.DaemonKey{key("icc", "false")},
			resource.Service{Action: resource.Restart, StopContainers: true},
		},
		{
			"userns under live-restore", `{"live-restore":true}`, live,
			[]resource.DaemonKey{key("userns-remap", `"default"`)},
			resource.Service{Action: resource.Restart, StopContainers: true, DataRootMoves: true},
		},
		{"userns", `{}`, nil, []resource.DaemonKey{key("userns-remap", `"default"`)}, resource.Service{Action: resource.Restart, DataRootMoves: true}},
		{
			"userns and live-restore", `{}`, nil,
			[]resource.DaemonKey{key("userns-remap", `"default"`), key("live-restore", "true")},
			resource.Service{Action: resource.Restart, DataRootMoves: true},
		},
		{"nothing", `{"debug":false}`, nil, []resource.DaemonKey{key("debug", "false")}, resource.Service{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := snapshot(tc.file, v29)
			s.Containers.Value = containers()
			if tc.host != nil {
				tc.host(s)
			}
			r := daemonjson.Kind{}.Diff(tc.want, s)
			got := r.Service
			if (len(got.Reasons) == 0) != (got.Action == resource.NoAction) {
				t.Errorf("reasons %q", got.Reasons)
			}
			got.Reasons = nil
			if got.Action != tc.service.Action || got.StopContainers != tc.service.StopContainers ||
				got.DataRootMoves != tc.service.DataRootMoves || got.LiveRestoreFirst != tc.service.LiveRestoreFirst {
				t.Errorf("got %+v\nwant %+v\n%+v", got, tc.service, r.Controls)
			}
		})
	}
}

func TestImpacts(t *testing.T) {
	live := func(s *resource.Snapshot) { engine(s, func(e *resource.Engine) { e.LiveRestore = true }) }
	for _, tc := range []struct {
		name, file string
		host       func(*resource.Snapshot)
		want       resource.DaemonKey
		impacts    []string // "level names" of the impacts with subjects
	}{
		{
			"plain restart", `{}`, nil, key("no-new-privileges", "true"),
			[]string{"irreversible tmp", "warning web", "warning job", "warning off", "warning bad"},
		},
		{"reload", `{}`, nil, key("debug", "true"), nil},
		{"live-restore holds", `{"live-restore":true}`, live, key("no-new-privileges", "true"), nil},
		{
			"live-restore is lost", `{"live-restore":true}`, live, key("live-restore", ""),
			[]string{"irreversible tmp", "warning web", "warning job", "warning off", "warning bad"},
		},
		{
			"stopped on purpose", `{"live-restore":true}`, live, key("icc", "false"),
			[]string{"irreversible tmp", "warning job,web", "warning off", "warning bad"},
		},
		{"data root moves", `{}`, nil, key("userns-remap", `"default"`), []string{"irreversible tmp"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := snapshot(tc.file, v29)
			s.Containers.Value = containers()
			if tc.host != nil {
				tc.host(s)
			}
			var got []string
			for _, i := range (daemonjson.Kind{}).Diff([]resource.DaemonKey{tc.want}, s).Impacts {
				if len(i.Subjects) > 0 {
					got = append(got, i.Level+" "+strings.Join(i.Subjects, ","))
				}
			}
			if !slices.Equal(got, tc.impacts) {
				t.Errorf("got %q, want %q", got, tc.impacts)
			}
		})
	}
}

func TestImpactsOfTheFile(t *testing.T) {
	s := snapshot(`{"label": ["a=b"]}`, v29)
	s.Flags = resource.Unknown[[]resource.Flag]("no systemd")
	r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key("userland-proxy", "true")}, s)
	var got []string
	for _, i := range r.Impacts {
		got = append(got, i.Level+" "+i.Text)
	}
	for _, want := range []string{
		"note userland-proxy:", "note /etc/docker/daemon.json:1:2: \"label\" is the name of a flag",
		"warning /etc/docker/daemon.json:1:20: \"userland-proxy\" true", "warning dockerd's flags could not be read (no systemd)",
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}
