package audit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/audit"
	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var kind = audit.Kind{DaemonJSON: "/etc/docker/daemon.json"}

var everything = []string{"identity", "container-escape", "docker-socket", "docker-files"}

// snapshot is what a host of Debian showed, as it was installed.
func snapshot(t testing.TB, name string) *resource.Snapshot {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var s resource.Snapshot
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// applied carries a result out on a copy of the snapshot, as the transaction
// and the next observation would.
func applied(t testing.TB, s *resource.Snapshot, r resource.Result) *resource.Snapshot {
	t.Helper()
	out := *s
	a := out.Audit.Value
	a.Files = slices.Clone(a.Files)
	for _, c := range r.Changes {
		f := resource.File{Path: c.Path, Content: c.Content, Print: resource.Fingerprint{Type: resource.Regular}}
		if c.Action == resource.Delete {
			f = resource.File{Path: c.Path, Print: resource.Fingerprint{Type: resource.Absent}}
		}
		switch c.Path {
		case auditrules.OwnFile:
			a.Own = f
			a.Files = slices.DeleteFunc(a.Files, func(o resource.File) bool { return o.Path == f.Path })
			if f.Print.Exists() {
				a.Files = append(a.Files, f)
			}
		case auditrules.CompiledFile:
			a.Compiled = f
		case auditrules.TmpfilesFile:
			a.Tmpfiles = f
		case auditrules.JournaldFile:
			a.Journald = f
			a.Journal = append(slices.Clone(a.Journal), resource.AuditSetting{Origin: f.Path + " line 3"})
		default:
			t.Fatalf("an unknown file %s", c.Path)
		}
	}
	for _, o := range r.Operations {
		if o.Kind == "packages" {
			a.Auditctl, a.Augenrules = "/usr/sbin/auditctl", "/usr/sbin/augenrules"
			continue
		}
		load(t, &a.Kernel.Value, o)
	}
	out.Audit = resource.Known(a)
	return &out
}

func load(t testing.TB, k *resource.AuditKernel, o resource.Operation) {
	t.Helper()
	var p auditrules.Payload
	if err := json.Unmarshal(o.Payload, &p); err != nil {
		t.Fatal(err)
	}
	del, add := auditrules.Swap(p.Before, p.After)
	k.Rules = slices.DeleteFunc(slices.Clone(k.Rules), func(r resource.AuditRule) bool { return auditrules.Has(del, r) })
	k.Rules = append(k.Rules, add...)
	if p.Enable {
		k.Enabled = resource.AuditOn
	}
}

func status(t testing.TB, r resource.Result, id string) resource.ControlResult {
	t.Helper()
	i := slices.IndexFunc(r.Controls, func(c resource.ControlResult) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("no control %s among %v", id, r.Controls)
	}
	if c := r.Controls[i]; c.Status != resource.OK && c.Reason == "" {
		t.Errorf("%s is %s without a reason", id, c.Status)
	}
	return r.Controls[i]
}

func wantAll(t testing.TB, r resource.Result, s resource.Status) {
	t.Helper()
	for _, c := range r.Controls {
		if status(t, r, c.ID).Status != s {
			t.Errorf("%s is %s (%s), want %s", c.ID, c.Status, c.Reason, s)
		}
	}
}

func silent(t testing.TB, r resource.Result) {
	t.Helper()
	if len(r.Changes)+len(r.Operations) > 0 {
		t.Errorf("there is something to do: %v %v", r.Changes, r.Operations)
	}
}

func hosts(t *testing.T, f func(t *testing.T, s *resource.Snapshot)) {
	t.Helper()
	found, err := filepath.Glob("testdata/*.json")
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, file := range found {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) { f(t, snapshot(t, name)) })
	}
}

// Applied once, there is nothing left; taken out of the policy, nothing of it
// stays.
func TestThereAndBack(t *testing.T) {
	hosts(t, func(t *testing.T, s *resource.Snapshot) {
		want := &audit.Want{Groups: everything, Rules: []audit.Rule{{Text: "-w /srv -p wa -k registry", Source: "p.yaml:7", Key: "audit.rules[0]"}}}
		s.Audit.Value.Paths["/srv"] = resource.AuditPath{Real: "/srv", Type: resource.Dir, Parent: true}
		first := kind.Diff(want, s, nil)
		wantAll(t, first, resource.Changing)
		if len(first.Controls) != 6 || len(first.Operations) != 1 || first.Operations[0].Action != resource.Create {
			t.Fatalf("%v %v", first.Controls, first.Operations)
		}
		after := applied(t, s, first)
		second := kind.Diff(want, after, nil)
		silent(t, second)
		wantAll(t, second, resource.OK)
		off := kind.Diff(&audit.Want{}, after, nil)
		end := applied(t, after, off)
		if diff := cmp.Diff(s.Audit.Value.Kernel, end.Audit.Value.Kernel, cmp.Transformer("none", func(r []resource.AuditRule) int { return len(r) })); diff != "" {
			t.Error(diff)
		}
		for _, f := range []resource.File{end.Audit.Value.Own, end.Audit.Value.Tmpfiles, end.Audit.Value.Journald} {
			if f.Print.Exists() {
				t.Errorf("%s stays", f.Path)
			}
		}
		if !bytes.Equal(end.Audit.Value.Compiled.Content, s.Audit.Value.Compiled.Content) {
			t.Errorf("audit.rules is\n%s", end.Audit.Value.Compiled.Content)
		}
	})
}

// The rules file: what augenrules, and a file before and after it, may do to it.
func TestRulesFile(t *testing.T) {
	hosts(t, func(t *testing.T, s *resource.Snapshot) {
		r := kind.Diff(&audit.Want{Groups: everything, Immutable: true}, s, nil)
		own := string(r.Changes[0].Content)
		if r.Changes[0].Path != auditrules.OwnFile || r.Changes[0].Mode != 0o640 {
			t.Fatalf("%s %o", r.Changes[0].Path, r.Changes[0].Mode)
		}
		if !strings.HasPrefix(own, "\n#") || !strings.HasSuffix(own, "\n-e 2\n") {
			t.Errorf("it begins %q and ends %q", own[:10], own[len(own)-10:])
		}
		keys := map[string]bool{}
		for _, l := range auditrules.ParseFile(resource.File{Path: auditrules.OwnFile, Content: []byte(own)}, nil) {
			switch l.Kind {
			case auditrules.RuleLine:
				if len(l.Rule.Keys) != 1 || l.Err != nil {
					t.Errorf("%s: keys %v, %v", l.Text, l.Rule.Keys, l.Err)
				}
				keys[l.Rule.Keys[0]] = true
			case auditrules.Control:
				if l.Flag != "-e" {
					t.Errorf("%s holds for the files of others", l.Text)
				}
			case auditrules.BadLine:
				t.Error(l.Err)
			}
		}
		if len(keys) != 4 {
			t.Errorf("keys %v", keys)
		}
	})
}

// No rule looks at images, containers and volumes, and none at links only.
func TestPathsOfRules(t *testing.T) {
	s := snapshot(t, "bookworm")
	r := kind.Diff(&audit.Want{Groups: everything}, s, nil)
	text := string(r.Changes[0].Content)
	for _, line := range []string{
		"-a always,exit -F path=/usr/sbin/dockerd -F perm=wa -F key=bulwark-docker-files",
		"-a always,exit -F path=/usr/sbin/runc -F perm=x -F auid!=unset -F key=bulwark-docker-files",
		"-a always,exit -F path=/usr/bin/runc -F perm=wa -F key=bulwark-docker-files", // the link
		"-a always,exit -F path=/usr/lib/systemd/system/docker.service -F perm=wa -F key=bulwark-docker-files",
		"-a always,exit -F path=/etc/systemd/system/docker.service -F perm=wa -F key=bulwark-docker-files", // not there
		"-a always,exit -F path=/etc/docker/daemon.json -F perm=wa -F key=bulwark-docker-files",            // not there
		"-a always,exit -F path=/var/lib/docker -F perm=wa -F key=bulwark-docker-files",
		"-a always,exit -F path=/run/containerd -F perm=wa -F key=bulwark-docker-files",
		"-a always,exit -F arch=b64 -S connect -F path=/run/docker.sock -F key=bulwark-docker-socket",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	for _, dir := range []string{"/etc/docker", "/var/lib/bulwark"} { // the second is made by the transaction
		for _, arch := range []string{"b64", "b32"} {
			rule := regexp.MustCompile(`(?m)^-a always,exit -F perm=wa -F arch=` + arch + ` -S \S*,unlinkat,\S+ -F dir=` + dir + ` -F key=bulwark-docker-files$`)
			if !rule.MatchString(text) {
				t.Errorf("missing: %s", rule)
			}
		}
	}
	// A rule for a directory that is not for certain calls is looked at after each
	// call of each process on the host.
	for line := range strings.Lines(text) {
		if strings.Contains(line, "dir=") && !strings.HasPrefix(line, "#") && !strings.Contains(line, " -S ") {
			t.Errorf("costs each call: %s", line)
		}
	}
	for _, never := range []string{"dir=/var/lib/docker ", "/overlay2", "/volumes", "path=/lib/", "/etc/sysconfig", "perm=x -F key"} {
		if strings.Contains(text, never) {
			t.Errorf("there is a rule with %q", never)
		}
	}
}

// What the same transaction makes is there when rules are loaded: what was
// planned holds afterwards.
func TestFilesOfTheSameTransaction(t *testing.T) {
	s := snapshot(t, "bookworm")
	s.Audit.Value.Paths["/etc/docker"] = resource.AuditPath{Type: resource.Absent, Parent: true}
	s.Audit.Value.Paths["/etc/docker/daemon.json"] = resource.AuditPath{Type: resource.Absent}
	s.Audit.Value.Paths["/srv/key.pem"] = resource.AuditPath{Real: "/srv/key.pem", Type: resource.Regular, Parent: true}
	want := &audit.Want{Groups: []string{"docker-files"}}
	alone := string(kind.Diff(want, s, nil).Changes[0].Content)
	if !strings.Contains(alone, " path=/etc/docker ") || strings.Contains(alone, "daemon.json") {
		t.Errorf("without /etc/docker:\n%s", alone)
	}
	made := []resource.Change{{Path: "/etc/docker/daemon.json", Action: resource.Create, Content: []byte(`{"tlskey": "/srv/key.pem"}`)}}
	with := string(kind.Diff(want, s, made).Changes[0].Content)
	for _, part := range []string{" dir=/etc/docker ", " path=/etc/docker/daemon.json ", " path=/srv/key.pem "} {
		if !strings.Contains(with, part) {
			t.Errorf("no rule with %q:\n%s", part, with)
		}
	}
}

func TestSocketsAndDataRootOfTheConfiguration(t *testing.T) {
	s := snapshot(t, "bookworm")
	s.DaemonJSON.Value.Content = []byte(`{"data-root": "/data/docker", "hosts": ["unix:///var/run/other.sock", "tcp://1.2.3.4:2376", "unix:///run/a/b.sock"]}`)
	s.Audit.Value.Paths["/data/docker"] = resource.AuditPath{Real: "/mnt/disk/docker", Type: resource.Dir, Link: true, Parent: true}
	s.Audit.Value.Paths["/data"] = resource.AuditPath{Real: "/data", Type: resource.Dir, Parent: true}
	s.Audit.Value.Paths["/run/other.sock"] = resource.AuditPath{Real: "/run/other.sock", Type: resource.Other, Parent: true}
	s.Audit.Value.Paths["/run/a/b.sock"] = resource.AuditPath{Real: "/run/a/b.sock", Type: resource.Other, Parent: true}
	s.DaemonJSON.Value.Content = append(s.DaemonJSON.Value.Content[:len(s.DaemonJSON.Value.Content)-1], `, "tlskey": "/etc/a b.pem"}`...)
	s.Audit.Value.Paths["/etc/a b.pem"] = resource.AuditPath{Real: "/etc/a b.pem", Type: resource.Regular, Parent: true}
	r := kind.Diff(&audit.Want{Groups: everything}, s, nil)
	told(t, r, resource.WarningImpact, "/run/a/b.sock is not watched", "after auditd has loaded")
	told(t, r, resource.WarningImpact, "/etc/a b.pem is not watched", "blanks")
	text := string(r.Changes[0].Content)
	for part, there := range map[string]bool{
		" path=/mnt/disk/docker ": true, " path=/data/docker ": true, "/var/lib/docker": false,
		"-S connect -F path=/run/other.sock": true, "-S connect -F path=/run/docker.sock": true, "/run/a/b.sock": false,
	} {
		if strings.Contains(text, part) != there {
			t.Errorf("%q: want %t\n%s", part, there, text)
		}
	}
}

// A rule for what is below /run needs its directory before containerd makes it.
func TestTmpfilesOnlyWhereNeeded(t *testing.T) {
	s := snapshot(t, "bookworm")
	has := func(r resource.Result, path string) bool {
		return slices.ContainsFunc(r.Changes, func(c resource.Change) bool { return c.Path == path })
	}
	if r := kind.Diff(&audit.Want{Groups: []string{"docker-socket"}}, s, nil); !has(r, auditrules.TmpfilesFile) {
		t.Error("docker-socket needs the directory of containerd's socket")
	}
	if r := kind.Diff(&audit.Want{Groups: []string{"identity"}}, s, nil); has(r, auditrules.TmpfilesFile) {
		t.Error("identity needs no directory")
	}
}
