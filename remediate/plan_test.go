package remediate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func policy(t testing.TB, name string) *plans.Policy {
	t.Helper()
	p, err := plans.Load(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// each runs f for every policy and host.
func each(t *testing.T, f func(t *testing.T, p *plans.Policy, host func() *resource.Snapshot)) {
	t.Helper()
	for _, name := range []string{"baseline", "strict"} {
		for host, snapshot := range hosts() {
			t.Run(name+" "+host, func(t *testing.T) { f(t, policy(t, name), snapshot) })
		}
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The same policy and snapshot give the same plan, and neither is changed.
func TestPlanIsPure(t *testing.T) {
	each(t, func(t *testing.T, p *plans.Policy, host func() *resource.Snapshot) {
		s := host()
		first := encode(t, remediate.NewPlan(p, s))
		for range 5 { // order of maps
			if diff := cmp.Diff(first, encode(t, remediate.NewPlan(p, s))); diff != "" {
				t.Fatal(diff)
			}
		}
		if diff := cmp.Diff(host(), s); diff != "" {
			t.Errorf("the snapshot was changed:\n%s", diff)
		}
	})
}

// A snapshot without secrets that was written and read again gives the same
// plan, to the digest, and writing it does not change it.
func TestSnapshotRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, p *plans.Policy, host func() *resource.Snapshot) {
		s := host()
		b, err := remediate.EncodeSnapshot(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(host(), s); diff != "" {
			t.Errorf("writing changed the snapshot:\n%s", diff)
		}
		read, err := remediate.DecodeSnapshot(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(encode(t, remediate.NewPlan(p, s)), encode(t, remediate.NewPlan(p, read))); diff != "" {
			t.Errorf("the plan differs (-host +snapshot):\n%s", diff)
		}
	})
}

// With secrets, bytes and digests differ, but no verdict does.
func TestRedactionKeepsVerdicts(t *testing.T) {
	s := running()
	s.DaemonJSON = resource.Known(file("/etc/docker/daemon.json", `{"proxies": {"http-proxy": "http://u:secret@proxy.example"}, "log-driver": "splunk", "log-opts": {"splunk-token": "secret"}}`))
	s.Engine.Value.LoggingDriver = "splunk"
	b, err := remediate.EncodeSnapshot(s)
	if err != nil {
		t.Fatal(err)
	}
	read, err := remediate.DecodeSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	p := policy(t, "strict")
	if diff := cmp.Diff(remediate.NewPlan(p, s).Controls, remediate.NewPlan(p, read).Controls); diff != "" {
		t.Error(diff)
	}
}

// Every control is listed once, and everyone that is not ok says why.
func TestControlsAreWhole(t *testing.T) {
	each(t, func(t *testing.T, p *plans.Policy, host func() *resource.Snapshot) {
		var seen []string
		for _, c := range remediate.NewPlan(p, host()).Controls {
			if slices.Contains(seen, c.ID) {
				t.Errorf("%s is listed twice", c.ID)
			}
			seen = append(seen, c.ID)
			if c.Reason == "" && c.Status != resource.OK {
				t.Errorf("%s is %s for no reason", c.ID, c.Status)
			}
		}
		if len(seen) == 0 {
			t.Error("there are no controls")
		}
	})
}

// What is not known is never ok, and never changed.
func TestBlindPlan(t *testing.T) {
	p := remediate.NewPlan(policy(t, "strict"), blind())
	if p.Pending() {
		t.Errorf("a host that cannot be read is changed: %v %v", p.Changes, p.Service)
	}
	for _, c := range p.Controls {
		if c.Status == resource.OK || c.Status == resource.Changing {
			t.Errorf("%s is %s", c.ID, c.Status)
		}
	}
	if len(p.Unread) != 10 {
		t.Errorf("%d of 10 sections are listed as not read: %v", len(p.Unread), p.Unread)
	}
}

// A digest is that of what apply would do: words do not count, bytes do.
func TestDigest(t *testing.T) {
	p := policy(t, "strict")
	plan := remediate.NewPlan(p, running())
	digest := plan.Digest
	plan.Tool, plan.Root = "other", "/mnt"
	plan.Changes[0].Why, plan.Changes[0].Diff, plan.Controls = nil, "", nil
	if plan.ComputeDigest() != digest {
		t.Error("the words of a plan change its digest")
	}
	seen := map[string]string{digest: "as it was"}
	for name, change := range map[string]func(*resource.Snapshot){
		"content": func(s *resource.Snapshot) { s.DaemonJSON = resource.Known(file("/etc/docker/daemon.json", "{}\n")) },
		"absent": func(s *resource.Snapshot) {
			s.DaemonJSON = resource.Known(resource.File{Path: "/etc/docker/daemon.json", Print: resource.Fingerprint{Type: resource.Absent}})
		},
		"ranges":  func(s *resource.Snapshot) { s.Accounts.Value.Subuid = file("/etc/subuid", "root:131072:65536\n") },
		"stopped": func(s *resource.Snapshot) { *s = *stopped() },
	} {
		s := running()
		change(s)
		d := remediate.NewPlan(p, s).Digest
		if other, ok := seen[d]; ok {
			t.Errorf("%s: the same digest as %s", name, other)
		}
		seen[d] = name
	}
	if _, ok := seen[remediate.NewPlan(policy(t, "baseline"), running()).Digest]; ok {
		t.Error("another policy, the same digest")
	}
}

// drifts is one change of the host for each fact that a plan rests on.
func drifts() map[string]func(*resource.Snapshot) {
	return map[string]func(*resource.Snapshot){
		"host":                   func(s *resource.Snapshot) { s.Host.Value.ID = "other" },
		"engine version":         func(s *resource.Snapshot) { s.Engine.Value.Version = "28.4.0" },
		"live-restore in effect": func(s *resource.Snapshot) { s.Engine.Value.LiveRestore = true },
		"data root":              func(s *resource.Snapshot) { s.Engine.Value.RootDir = "/srv/docker" },
		"swarm":                  func(s *resource.Snapshot) { s.Engine.Value.Swarm = "active" },
		"docker.service":         func(s *resource.Snapshot) { s.Unit.Value.ActiveState = "activating" },
		"unit files":             func(s *resource.Snapshot) { s.Unit.Value.DropIns = nil },
		"dockerd flags":          func(s *resource.Snapshot) { s.Flags.Value[0].Value = "unix://" },
		"running containers":     func(s *resource.Snapshot) { s.Containers.Value[0].State = "exited" },
		"file /etc/docker/daemon.json": func(s *resource.Snapshot) {
			s.DaemonJSON.Value.Print.Mode = 0o600
		},
		"file /etc/passwd":  func(s *resource.Snapshot) { s.Accounts.Value.Passwd.Print.UID = 7 },
		"file /etc/group":   func(s *resource.Snapshot) { s.Accounts.Value.Group.Print.GID = 7 },
		"file /etc/shadow":  func(s *resource.Snapshot) { s.Accounts.Value.Shadow.Print.SHA256 = resource.Sum([]byte("new")) },
		"file /etc/gshadow": func(s *resource.Snapshot) { s.Accounts.Value.Gshadow.Print.Mode = 0 },
		"file /etc/subuid": func(s *resource.Snapshot) {
			s.Accounts.Value.Subuid.Print.Xattrs = map[string]string{"user.x": "00"}
		},
		"file /etc/subgid": func(s *resource.Snapshot) { s.Accounts.Value.Subgid.Print.SHA256 = resource.Sum([]byte("new")) },
	}
}

// Drift names the fact that has changed, whichever it is, and what it was.
func TestDriftNamesTheFact(t *testing.T) {
	p := policy(t, "strict")
	saved := remediate.NewPlan(p, running()).Facts
	all := drifts()
	for _, f := range saved {
		if path, ok := strings.CutPrefix(f.Name, "file /etc/docker/seccomp/"); ok { // its name is a digest
			path = "/etc/docker/seccomp/" + path
			all[f.Name] = func(s *resource.Snapshot) { s.Seccomp.Value.Profile = file(path, "{}") }
		}
		follows := f.Name == "need of dockerd" || strings.HasPrefix(f.Name, "change of ") // see TestDriftOfOutcome
		if all[f.Name] == nil && !follows {
			t.Errorf("the test does not change the fact %q", f.Name)
		}
	}
	for name, change := range all {
		s := running()
		change(s)
		what := remediate.Drift(saved, remediate.NewPlan(p, s).Facts)
		if !strings.HasPrefix(what, name+": was ") {
			t.Errorf("%s has changed, and drift says %q", name, what)
		}
	}
	if what := remediate.Drift(saved, remediate.NewPlan(p, running()).Facts); what != "" {
		t.Errorf("nothing has changed, and drift says %q", what)
	}
}

// What is not a fact by itself shows in what follows from it: a change that comes
// out different, another need of dockerd, or more that would be lost.
func TestDriftOfOutcome(t *testing.T) {
	userns, plain := policy(t, "strict"), policy(t, "baseline")
	for name, c := range map[string]struct {
		policy *plans.Policy
		change func(*resource.Snapshot)
		want   string
	}{
		"login.defs": {userns, func(s *resource.Snapshot) {
			s.Accounts.Value.LoginDefs = file("/etc/login.defs", "SYS_GID_MIN 300\nSYS_GID_MAX 400\n")
		}, "change of /etc/group: was "},
		"paused": {plain, func(s *resource.Snapshot) {
			s.Containers.Value = append(s.Containers.Value, resource.Container{ID: "p", Name: "p", State: "paused"})
		}, "running containers: was "},
		"--rm": {plain, func(s *resource.Snapshot) { s.Containers.Value[0].AutoRemove = true }, "running containers: was "},
	} {
		s := running()
		c.change(s)
		what := remediate.Drift(remediate.NewPlan(c.policy, running()).Facts, remediate.NewPlan(c.policy, s).Facts)
		if !strings.HasPrefix(what, c.want) {
			t.Errorf("%s: drift says %q, want %q", name, what, c.want)
		}
	}
}

// A fact that comes or goes is drift too, and what is unknown now is not equal
// to what was known.
func TestDriftOfUnknown(t *testing.T) {
	p := policy(t, "strict")
	known, lost := remediate.NewPlan(p, running()).Facts, remediate.NewPlan(p, blind()).Facts
	if what := remediate.Drift(known, lost); !strings.Contains(what, "now not there") {
		t.Errorf("known, then unknown: %q", what)
	}
	if what := remediate.Drift(lost, known); what == "" {
		t.Error("unknown, then known: no drift")
	}
}

// A file that the plan of now leaves alone is not called absent: the saved plan
// may have been applied already.
func TestDriftOfChange(t *testing.T) {
	saved := []resource.PlanFact{{Name: "file /etc/x", Value: "absent"}}
	want := "file /etc/x: the saved plan changes it, a plan made now would not"
	if what := remediate.Drift(saved, nil); what != want {
		t.Errorf("got %q", what)
	}
}

// A daemon that does not run is not restarted, and nothing is said of what a
// restart would do.
func TestStoppedDaemonIsNotRestarted(t *testing.T) {
	s := stopped()
	s.Unit = resource.Unknown[resource.Unit]("systemd is not running")
	for name, host := range map[string]*resource.Snapshot{"systemd": stopped(), "no systemd": s, "image": image()} {
		p := remediate.NewPlan(policy(t, "baseline"), host)
		if p.Service.Action != resource.NoAction || len(p.Changes) == 0 {
			t.Errorf("%s: action %s, %d changes", name, p.Service.Action, len(p.Changes))
		}
		for _, i := range p.Impacts {
			if strings.Contains(i.Text, "may stop") {
				t.Errorf("%s: %s", name, i.Text)
			}
		}
	}
}
