package control_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// now is the clock of rebuilt hosts.
var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// rebuilt is a host as Debian 12 makes it, whose dockerd was started before
// anybody changed its files; edit makes of it what a case is about.
func rebuilt(t *testing.T, argv []string, daemonJSON string, edit ...func(*resource.Snapshot)) *resource.Snapshot {
	t.Helper()
	start := now.Add(-time.Hour).UnixNano()
	config := resource.File{Path: "/etc/docker/daemon.json", Print: resource.Fingerprint{Type: resource.Absent}}
	if daemonJSON != "" {
		config.Content = []byte(daemonJSON)
		config.Print = resource.Fingerprint{Type: resource.Regular, CtimeNS: start - int64(time.Hour), Mode: 0o644}
	}
	flags := daemonjson.ParseFlags(argv, nil)
	s := &resource.Snapshot{
		Format: resource.SnapshotFormat, Taken: now, Root: "/",
		Host:       resource.Known(resource.Host{LSM: []string{"lockdown", "capability"}, CgroupVersion: 2}),
		Process:    resource.Known(resource.Process{PID: 7, Argv: append([]string{"/usr/sbin/dockerd"}, argv...), StartedNS: start}),
		Flags:      resource.Known(flags),
		DaemonJSON: resource.Known(config),
		Engine: resource.Known(resource.Engine{
			Version: "20.10.24+dfsg1", RootDir: "/var/lib/docker", Driver: "overlay2", LoggingDriver: "json-file", Swarm: "inactive",
			SecurityOptions: []string{"name=seccomp,profile=default"}, Bridge: map[string]string{"com.docker.network.bridge.enable_icc": "true"}, ReloadedNS: -1,
		}),
		Containers: resource.Known([]resource.Container{}),
		Accounts:   resource.Known(resource.Accounts{Group: resource.File{Content: []byte("root:x:0:\ndocker:x:112:\n")}}),
		Survey: resource.Known(resource.Survey{Packages: resource.Known(resource.Packages{Manager: "dpkg"}), Paths: map[string]resource.Fact[resource.Fingerprint]{
			"/etc/docker": resource.Known(resource.Fingerprint{Type: resource.Dir, Mode: 0o755, CtimeNS: start - int64(time.Hour)}),
		}}),
	}
	for _, e := range edit {
		e(s)
	}
	return s
}

func judge(t *testing.T, s *resource.Snapshot, p *plans.Policy, id string) resource.ControlReport {
	t.Helper()
	chosen, err := control.Select([]string{id}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return control.Judge(chosen, p, s)[0]
}

func engineOf(change func(*resource.Engine)) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) { change(&s.Engine.Value) }
}

// with adds a container; look at the fields that a case is about.
func with(name string, change func(*resource.Container)) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) {
		c := resource.Container{ID: name, Name: name, Image: "busybox:test", State: "running", PID: 100, NetworkMode: "default"}
		change(&c)
		s.Containers.Value = append(s.Containers.Value, c)
	}
}

func mount(source string, rw bool) func(*resource.Container) {
	return func(c *resource.Container) {
		c.Spec.Mounts = append(c.Spec.Mounts, resource.Mount{Type: "bind", Source: source, Target: "/mnt", RW: rw})
	}
}

func pathMode(path string, mode, uid, gid uint32) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) {
		s.Survey.Value.Paths[path] = resource.Known(resource.Fingerprint{Type: resource.Other, Mode: mode, UID: uid, GID: gid})
	}
}

// A rebuiltCase is one place where docker-bench-security answers wrongly, as measured
// on a real host, and what is true there.
type rebuiltCase struct {
	name    string
	argv    string
	file    string
	edit    []func(*resource.Snapshot)
	policy  *plans.Policy
	control string
	want    resource.Verdict
	says    string // part of what is observed, or of the reason
}

func (c rebuiltCase) run(t *testing.T) {
	r := judge(t, rebuilt(t, strings.Fields(c.argv), c.file, c.edit...), c.policy, c.control)
	if r.Verdict != c.want {
		got, _ := json.MarshalIndent(r, "", " ")
		t.Fatalf("%s is %s, want %s\n%s", c.control, r.Verdict, c.want, got)
	}
	said := []string{r.Reason}
	for _, f := range r.Findings {
		said = append(said, f.Object+": "+f.Observed)
	}
	if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, c.says) }) {
		t.Errorf("%s says %q, want %q", c.control, said, c.says)
	}
}
