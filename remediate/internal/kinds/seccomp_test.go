package kinds_test

import (
	"slices"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/kinds"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// inEffect is a host on which a policy's profile is written and named.
func inEffect(t *testing.T, p *plans.Policy) (*resource.Snapshot, string) {
	t.Helper()
	s := emptyHost()
	s.Seccomp = resource.Known(resource.Seccomp{})
	s.Engine.Value.SecurityOptions = []string{"name=seccomp,profile=builtin"}
	content, refused := kinds.SeccompProfile(p, s)
	if refused != nil {
		t.Fatal(refused.Reason)
	}
	path := "/etc/docker/seccomp/bulwark-" + resource.Sum(content)[:12] + ".json"
	config := []byte(`{"seccomp-profile": "` + path + `"}`)
	s.DaemonJSON = resource.Known(resource.File{Path: "/etc/docker/daemon.json", Content: config, Print: resource.Fingerprint{Type: resource.Regular, SHA256: resource.Sum(config)}})
	s.Engine.Value.SecurityOptions = []string{"name=seccomp,profile=" + path}
	file := resource.File{Path: path, Content: content, Print: resource.Fingerprint{Type: resource.Regular, SHA256: resource.Sum(content), Mode: 0o644}}
	s.Seccomp.Value.Profile, s.Seccomp.Value.Former = file, &file
	return s, path
}

func denyPtrace() *plans.Policy {
	return &plans.Policy{Seccomp: &plans.Seccomp{Deny: []string{"ptrace"}}}
}

func deletes(r resource.Result, path string) bool {
	return slices.ContainsFunc(r.Changes, func(c resource.Change) bool { return c.Path == path && c.Action == resource.Delete })
}

// The profile that daemon.json names is never deleted while it will still be
// named, whatever the policy wants: dockerd would not start again.
func TestNamedProfileStays(t *testing.T) {
	s, path := inEffect(t, denyPtrace())
	refused := &plans.Policy{Daemon: plans.Daemon{"seccomp-profile": []byte(`"/etc/docker/site.json"`), "debug": []byte("true")}}
	fact := resource.Known(resource.File{Path: "/etc/docker/site.json", Content: []byte("{}"), Print: resource.Fingerprint{Type: resource.Regular, Mode: 0o644}})
	s.Seccomp.Value.Source = &fact
	if r := kinds.Diff(refused, s, "/etc/docker/daemon.json"); deletes(r, path) || len(r.Changes) == 0 {
		t.Errorf("the key is blocked, and the changes are %+v", r.Changes)
	}
	// moved on, it goes
	if r := kinds.Diff(&plans.Policy{Seccomp: &plans.Seccomp{}}, s, "/etc/docker/daemon.json"); !deletes(r, path) {
		t.Errorf("daemon.json no longer names it, and it stays: %+v", r.Changes)
	}
}

// A profile that daemon.json names and that is gone comes back, also while
// dockerd, which cannot start without it, cannot be asked.
func TestMissingProfileComesBack(t *testing.T) {
	s, path := inEffect(t, denyPtrace())
	s.Seccomp.Value.Profile, s.Seccomp.Value.Former = resource.File{Path: path, Print: resource.Fingerprint{Type: resource.Absent}}, nil
	s.Engine = resource.Unknown[resource.Engine]("docker.service is activating")
	r := kinds.Diff(denyPtrace(), s, "/etc/docker/daemon.json")
	if !slices.ContainsFunc(r.Changes, func(c resource.Change) bool { return c.Path == path && c.Action == resource.Create }) {
		t.Errorf("got %+v, want the profile created", r)
	}
}
