package seccomp_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
	filterdigest "github.com/bulwark-project/bulwark/remediate/internal/filter"
	"github.com/bulwark-project/bulwark/remediate/internal/seccomp"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const started = 1_000_000_000_000

// host is one with an engine and nothing of bulwark's.
func host(version string) *resource.Snapshot {
	return &resource.Snapshot{
		Root: "/", Binary: resource.Known(resource.Binary{Version: version}),
		Engine:     resource.Known(resource.Engine{Version: version, SecurityOptions: []string{"name=seccomp,profile=default"}}),
		Process:    resource.Known(resource.Process{PID: 7, StartedNS: started}),
		Containers: resource.Known([]resource.Container{}),
		Seccomp:    resource.Known(resource.Seccomp{Libseccomp: "2.5.4"}),
	}
}

func want() *seccomp.Want {
	return &seccomp.Want{Deny: []string{"ptrace", "mount"}, Origin: "site.yaml:3"}
}

// served returns a host on which the wanted profile is in effect.
func served(t *testing.T, version string, w *seccomp.Want) *resource.Snapshot {
	t.Helper()
	s := host(version)
	content, refused := seccomp.Kind{}.Profile(w, s)
	if refused != nil {
		t.Fatal(refused.Reason)
	}
	path, _ := seccomp.Kind{}.Key(w, s)
	s.Seccomp.Value.Profile = profile(path, content)
	s.Engine.Value.SecurityOptions = []string{"name=seccomp,profile=" + path}
	return s
}

func profile(path string, content []byte) resource.File {
	return resource.File{Path: path, Content: content, Print: resource.Fingerprint{
		Type: resource.Regular, SHA256: resource.Sum(content), Size: int64(len(content)), Mode: 0o644, CtimeNS: started - 10,
	}}
}

func control(t *testing.T, r resource.Result, id string) resource.ControlResult {
	t.Helper()
	i := slices.IndexFunc(r.Controls, func(c resource.ControlResult) bool { return c.ID == id })
	if i < 0 {
		return resource.ControlResult{}
	}
	return r.Controls[i]
}

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct {
		want   *seccomp.Want
		host   func(t *testing.T) *resource.Snapshot
		status resource.Status
		reason string // of the control seccomp
		change string // "create", "update" or ""
	}{
		"nothing there": {want(), func(*testing.T) *resource.Snapshot { return host("20.10.24") }, resource.Changing, "system calls that the policy denies", ""},
		"as wanted":     {want(), func(t *testing.T) *resource.Snapshot { return served(t, "28.5.2", want()) }, resource.OK, "", ""},
		"edited": {want(), func(t *testing.T) *resource.Snapshot {
			s := served(t, "28.5.2", want())
			s.Seccomp.Value.Profile.Content = []byte("{}")
			return s
		}, resource.Changing, "was edited", "update"},
		"touched after the start": {want(), func(t *testing.T) *resource.Snapshot {
			s := served(t, "28.5.2", want())
			s.Seccomp.Value.Profile.Print.CtimeNS = started + 10
			return s
		}, resource.Manual, "cannot be told", ""},
		"writable by others": {want(), func(t *testing.T) *resource.Snapshot {
			s := served(t, "28.5.2", want())
			s.Seccomp.Value.Profile.Print.Mode = 0o666
			return s
		}, resource.Blocked, "others than root may write it", ""},
		"a link": {want(), func(t *testing.T) *resource.Snapshot {
			s := served(t, "28.5.2", want())
			s.Seccomp.Value.Profile.Print.Type = resource.Symlink
			return s
		}, resource.Blocked, "it is a symlink", ""},
		"no room": {want(), func(t *testing.T) *resource.Snapshot {
			s := served(t, "28.5.2", want())
			s.Seccomp.Value.Profile = resource.File{Path: s.Seccomp.Value.Profile.Path, Locked: "read-only file system", Print: resource.Fingerprint{Type: resource.Absent}}
			return s
		}, resource.Blocked, "read-only file system", ""},
		"engine not known": {want(), func(*testing.T) *resource.Snapshot {
			s := host("")
			s.Binary, s.Engine = resource.Unknown[resource.Binary]("gone"), resource.Unknown[resource.Engine]("gone")
			return s
		}, resource.Unread, "cannot tell what the engine's own profile denies", ""},
		"engine without errnos": {want(), func(*testing.T) *resource.Snapshot { return host("20.10.9") }, resource.Blocked, "Engine 20.10.9 takes no errno", ""},
		"pinned needs no engine": {&seccomp.Want{Pinned: true}, func(*testing.T) *resource.Snapshot {
			s := host("")
			s.Binary, s.Engine = resource.Unknown[resource.Binary]("gone"), resource.Unknown[resource.Engine]("gone")
			return s
		}, resource.Changing, "", "create"},
		"unknown group": {&seccomp.Want{Deny: []string{"iouring"}, Origin: "site.yaml:3"}, func(*testing.T) *resource.Snapshot { return host("28.5.2") }, resource.Blocked, "neither a group nor a system call", ""},
		"engine's own":  {&seccomp.Want{}, func(*testing.T) *resource.Snapshot { return host("28.5.2") }, resource.OK, "", ""},
		"engine without seccomp": {want(), func(t *testing.T) *resource.Snapshot {
			s := served(t, "28.5.2", want())
			s.Engine.Value.SecurityOptions = []string{"name=apparmor"}
			return s
		}, resource.Blocked, "no profile has any effect", ""},
		"folder of others": {want(), func(t *testing.T) *resource.Snapshot {
			s := served(t, "28.5.2", want())
			s.Seccomp.Value.Dir = resource.Fingerprint{Type: resource.Dir, Mode: 0o777}
			return s
		}, resource.Blocked, "cannot use /etc/docker/seccomp: others than root may write it", ""},
		"not observed": {want(), func(*testing.T) *resource.Snapshot {
			s := host("28.5.2")
			s.Seccomp = resource.Unknown[resource.Seccomp]("permission denied")
			return s
		}, resource.Unread, "permission denied", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := seccomp.Kind{}.Diff(c.want, c.host(t))
			got := control(t, r, "seccomp")
			if got.Status != c.status || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("got %+v, want %s, %q", got, c.status, c.reason)
			}
			if c.status == resource.Changing && len(r.Changes) != 1 || c.status != resource.Changing && len(r.Changes) != 0 {
				t.Errorf("%d changes", len(r.Changes))
			}
			if c.change != "" && string(r.Changes[0].Action) != c.change {
				t.Errorf("the change is %s, want %s", r.Changes[0].Action, c.change)
			}
			if edited := c.change == "update"; edited != (r.Service.Action == resource.Restart) {
				t.Errorf("service %v", r.Service)
			}
		})
	}
}

// An engine that was upgraded to one with a stricter default leaves the profile
// behind: that is a finding, and the former file goes after daemon.json.
func TestProfileBehindEngine(t *testing.T) {
	s := served(t, "20.10.24", want())
	old := s.Seccomp.Value.Profile
	s.Binary.Value.Version, s.Engine.Value.Version = "29.4.2", "29.4.2"
	s.Seccomp.Value.Profile, s.Seccomp.Value.Former = resource.File{}, &old
	r := seccomp.Kind{}.Diff(want(), s)
	if got := control(t, r, "seccomp"); got.Status != resource.Changing || !strings.Contains(got.Reason, "profile behind engine or policy: it lets through socketcall") {
		t.Errorf("got %+v", got)
	}
	gone := seccomp.Kind{}.Leftover(want(), s)
	if len(gone) != 1 || gone[0].Action != resource.Delete || gone[0].Path != old.Path {
		t.Errorf("got %+v, want the former profile deleted", gone)
	}
	s.Binary.Value.Version = "30.0.0"
	if got := control(t, seccomp.Kind{}.Diff(want(), s), "seccomp-base"); got.Status != resource.Manual || !strings.Contains(got.Reason, "profile behind engine") {
		t.Errorf("an engine newer than the table: got %+v", got)
	}
}

// No profile of the admin's own is ever deleted.
func TestLeftoverIsOurs(t *testing.T) {
	s := host("28.5.2")
	if got := (seccomp.Kind{}).Leftover(want(), s); got != nil {
		t.Errorf("got %+v of a host that never had one", got)
	}
	admins := resource.File{Path: "/etc/docker/seccomp/bulwark-site.json", Content: []byte(open), Print: resource.Fingerprint{Type: resource.Regular}}
	edited := served(t, "20.10.24", want()).Seccomp.Value.Profile
	edited.Content = append(edited.Content, ' ')
	for _, f := range []resource.File{admins, edited} {
		r := &files{profile: f, named: f.Path}
		seen := &resource.Snapshot{Containers: resource.Known([]resource.Container{}), Binary: resource.Known(resource.Binary{Version: "28.5.2"})}
		seccomp.Kind{DaemonJSON: "/etc/docker/daemon.json"}.Observe(t.Context(), want(), r, seen)
		if seen.Seccomp.Unknown != "" || seen.Seccomp.Value.Former != nil {
			t.Errorf("%s would be deleted: %+v", f.Path, seen.Seccomp)
		}
	}
	mine := served(t, "28.5.2", want()).Seccomp.Value.Profile
	s.Seccomp.Value.Former = &mine
	if got := (seccomp.Kind{}).Leftover(want(), s); got != nil {
		t.Errorf("the wanted profile would be deleted: %+v", got)
	}
	if got := (seccomp.Kind{}).Leftover(&seccomp.Want{}, s); len(got) != 1 {
		t.Errorf("without denials the profile stays: %+v", got)
	}
}

// files is a host with one profile, which daemon.json names.
type files struct {
	resource.Reader
	profile resource.File
	named   string
}

func (f *files) File(path string) (resource.File, error) {
	switch path {
	case f.profile.Path:
		return f.profile, nil
	case "/etc/docker/daemon.json":
		return resource.File{Path: path, Content: []byte(`{"seccomp-profile": "` + f.named + `"}`), Print: resource.Fingerprint{Type: resource.Regular}}, nil
	}
	return resource.File{Path: path, Print: resource.Fingerprint{Type: resource.Absent}}, nil
}

func (f *files) Fingerprint(string) (resource.Fingerprint, error) {
	return resource.Fingerprint{Type: resource.Dir, Mode: 0o755}, nil
}

func (f *files) Query(context.Context, ...string) ([]byte, error) { return nil, errors.New("no runc") }

func (f *files) Usage(context.Context, []resource.Container) map[string]resource.Usage {
	return nil
}

func (f *files) Filters(context.Context, []resource.Container) map[string]resource.SeccompFilter {
	return nil
}

func TestContainers(t *testing.T) {
	none, filter := resource.SeccompModeNone, resource.SeccompModeFilter
	s := served(t, "28.5.2", want())
	s.Containers = resource.Known([]resource.Container{
		{Name: "good", State: "running", Seccomp: &filter, StartedNS: started + 1},
		{Name: "kept", State: "running", Seccomp: &filter, StartedNS: started - 100},
		{Name: "open", State: "running", SecurityOpt: []string{"seccomp=unconfined"}, StartedNS: started + 1},
		{Name: "privileged", State: "running", Privileged: true, Seccomp: &none, StartedNS: started + 1},
		{Name: "bare", State: "running", Seccomp: &none, StartedNS: started + 1},
		{Name: "nested", State: "running", Privileged: true, Seccomp: &filter, StartedNS: started + 1},
		{Name: "nested2", State: "running", SecurityOpt: []string{"seccomp=unconfined"}, Seccomp: &filter, StartedNS: started + 1},
		{Name: "own", State: "running", Seccomp: &filter, SecurityOpt: []string{`seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`}, StartedNS: started + 1},
		{Name: "stopped", State: "exited", SecurityOpt: []string{"seccomp=unconfined"}},
	})
	got := control(t, seccomp.Kind{}.Diff(want(), s), "seccomp-containers")
	for _, part := range []string{"without any filter (privileged, or seccomp=unconfined): open, privileged, bare, nested, nested2", "of their own (--security-opt): own", "(started before dockerd took it up): kept"} {
		if got.Status != resource.Manual || !strings.Contains(got.Reason, part) {
			t.Errorf("got %+v, want %q", got, part)
		}
	}
	// containerd's record of a container counts more than when it started
	own := s.Seccomp.Value.Profile.Content
	s.Seccomp.Value.Filters = map[string]resource.SeccompFilter{
		"a": {Digest: given(t, own, "CAP_CHOWN"), Caps: []string{"CAP_CHOWN"}},
		"b": {Digest: given(t, own, "CAP_SYS_ADMIN"), Caps: []string{"CAP_CHOWN"}},
		"c": {Digest: given(t, seccomp.Encode(seccomp.Derive(seccomp.Recipe{}))), Caps: nil},
	}
	s.Containers = resource.Known([]resource.Container{
		{ID: "a", Name: "same", State: "running", Seccomp: &filter, StartedNS: started - 100},
		{ID: "b", Name: "caps", State: "running", Seccomp: &filter, StartedNS: started + 100},
		{ID: "c", Name: "other", State: "running", Seccomp: &filter, StartedNS: started + 100},
	})
	if got := control(t, seccomp.Kind{}.Diff(want(), s), "seccomp-containers"); got.Status != resource.Manual || !strings.HasSuffix(got.Reason, ": caps, other") {
		t.Errorf("got %+v, want caps and other", got)
	}
	// and with the engine's own profile wanted, a container from before may have anything
	if got := control(t, seccomp.Kind{}.Diff(&seccomp.Want{}, s), "seccomp-containers"); got.Status != resource.Manual || !strings.HasSuffix(got.Reason, ": same") {
		t.Errorf("got %+v, want same", got)
	}
	if strings.Contains(got.Reason, "good") || strings.Contains(got.Reason, "stopped") {
		t.Errorf("got %+v", got)
	}
	s.Containers = resource.Known([]resource.Container{{Name: "good", State: "running", Seccomp: &filter, StartedNS: started + 1}})
	if got := control(t, seccomp.Kind{}.Diff(want(), s), "seccomp-containers"); got.Status != resource.OK {
		t.Errorf("got %+v", got)
	}
}

// given is the digest of what dockerd's own code makes of a profile.
func given(t *testing.T, content []byte, caps ...string) string {
	t.Helper()
	out, err := profiles.LoadProfile(string(content), &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}})
	if err != nil {
		t.Fatal(err)
	}
	return filterdigest.Digest(out)
}

const open = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ERRNO"}]}`

func TestOwnProfile(t *testing.T) {
	w := &seccomp.Want{File: "/etc/bulwark/own.json", Origin: "site.yaml:3"}
	s := host("28.5.2")
	for name, c := range map[string]struct {
		source       *resource.Fact[resource.File]
		defaultAllow bool
		status       resource.Status
		reason       string
	}{
		"not in the snapshot": {nil, false, resource.Unread, "the snapshot does not hold it"},
		"absent":              {known(resource.File{Print: resource.Fingerprint{Type: resource.Absent}}), false, resource.Blocked, "it is not there"},
		"not readable":        {unknown("permission denied"), false, resource.Unread, "permission denied"},
		"of a user":           {known(resource.File{Content: []byte(open), Print: resource.Fingerprint{Type: resource.Regular, UID: 1000, Mode: 0o644}}), true, resource.Blocked, "others than root may write it"},
		"empty object":        {known(rooted("{}")), false, resource.Blocked, "no seccomp at all"},
		"allows by default":   {known(rooted(open)), false, resource.Blocked, "line 1: defaultAction: SCMP_ACT_ALLOW lets through every call"},
		"said so":             {known(rooted(open)), true, resource.Changing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s.Seccomp.Value.Source, w.DefaultAllow = c.source, c.defaultAllow
			r := seccomp.Kind{}.Diff(w, s)
			got := control(t, r, "seccomp")
			if got.Status != c.status || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("got %+v, want %s %q", got, c.status, c.reason)
			}
			if c.status == resource.Changing {
				if string(r.Changes[0].Content) != open {
					t.Error("the profile is not written as it is")
				}
				if !slices.ContainsFunc(r.Impacts, func(i resource.Impact) bool { return i.Level == resource.WarningImpact && len(i.Subjects) > 0 }) {
					t.Errorf("no warning of what it gives away: %+v", r.Impacts)
				}
			}
		})
	}
}

// A profile that the policy names by dockerd's own key is judged, not written.
func TestNamedProfile(t *testing.T) {
	w := &seccomp.Want{Named: "/etc/docker/site.json", Origin: "site.yaml:3"}
	s := host("28.5.2")
	s.Seccomp.Value.Source = known(rooted("{}"))
	r := seccomp.Kind{}.Diff(w, s)
	if got := control(t, r, "seccomp-profile"); got.Status != resource.Blocked || !strings.Contains(got.Reason, "no seccomp at all") || len(r.Changes) != 0 {
		t.Errorf("got %+v", r)
	}
	s.Seccomp.Value.Source = known(rooted(open))
	r = seccomp.Kind{}.Diff(w, s)
	if got := control(t, r, "seccomp-profile"); got.ID != "" || len(r.Changes) != 0 || len(r.Impacts) == 0 {
		t.Errorf("got %+v", r)
	}
	if key, ok := (seccomp.Kind{}).Key(w, s); key != w.Named || !ok {
		t.Errorf("daemon.json would name %q", key)
	}
}

func rooted(content string) resource.File {
	return resource.File{Content: []byte(content), Print: resource.Fingerprint{Type: resource.Regular, Mode: 0o644}}
}

func known(f resource.File) *resource.Fact[resource.File] {
	fact := resource.Known(f)
	return &fact
}

func unknown(why string) *resource.Fact[resource.File] {
	fact := resource.Unknown[resource.File](why)
	return &fact
}

// A converged host costs a plan this much.
func BenchmarkDiff(b *testing.B) {
	s := host("28.5.2")
	w := &seccomp.Want{Deny: seccomp.Groups()}
	content, _ := seccomp.Kind{}.Profile(w, s)
	path, _ := seccomp.Kind{}.Key(w, s)
	s.Seccomp.Value.Profile = profile(path, content)
	for b.Loop() {
		seccomp.Kind{}.Diff(w, s)
	}
}

// The profile is the same bytes on each run: its name is made of them, and
// another name would restart dockerd.
func TestProfileIsStable(t *testing.T) {
	e, err := engine.ParseVersion("28.5.2")
	if err != nil {
		t.Fatal(err)
	}
	r := seccomp.Recipe{Engine: e, Deny: seccomp.Groups()}
	first := seccomp.Encode(seccomp.Derive(r))
	for range 20 {
		if string(seccomp.Encode(seccomp.Derive(r))) != string(first) {
			t.Fatal("another profile")
		}
	}
	if !json.Valid(first) {
		t.Error("not JSON")
	}
}
