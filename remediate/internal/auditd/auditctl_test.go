package auditd_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// rulesOfAll are lines that auditctl loads and bulwark reads alike, or that both
// refuse.
var rulesOfAll = []string{
	"-w /etc/docker -p wa -k a",
	"-w /etc/docker/// -p wa",
	"-w /etc -p AW -k c",
	"-w /etc/passwd",
	"-w/etc/passwd -px -kd",
	"-w / -p x",
	"-w /etc/nothing -p rwxa -k none",
	`-w /etc/with\ blank -p r -k a\\b`,
	`-w /etc/passwd -k "quoted"`,
	`-w /etc/passwd -k a\b`,
	"-w /etc/passwd -F auid!=unset -p wa -k x",
	"-w /etc/mtab -p wa -k link",
	"-a always,exit -F dir=/etc/docker/ -F perm=wa -F key=x",
	"-a exit,never -F dir=/etc -F perm=wa",
	"-a always,exit -F path=/etc/passwd -p x -k x",
	"-a always,exit -F arch=b64 -S mount -S umount2,setns -F auid=4294967295 -k x",
	"-a always,exit -F arch=b32 -S mount,umount2 -F loginuid>=1000 -k x",
	"-a always,exit -F arch=b64 -S all -k x",
	"-a always,exit -F arch=b64 -S 467 -k x",
	"-a always,exit -S mount -k noarch",
	"-a always,exit -F arch=b64 -S ,connect, -F path=/run/docker.sock -k x",
	"-a always,exit -F arch=b64 -S clone -F a0&0x7C020000 -F a1=-1 -F exit=-EPERM -F success=0 -k x",
	"-a always,exit -F arch=b64 -S openat -F a2&=0100 -F exit=-13 -F a3!=5 -k x",
	"-a never,exit -F arch=b64 -S mount -F exe=/usr/bin/docker",
	"-a never,exit -F arch=b64 -S mount -F exe!=/usr/bin/docker",
	"-a always,exit -S all -C uid!=euid -C auid=obj_uid -F filetype=character -k x",
	"-a always,exit -F arch=b64 -S connect -F saddr_fam=10 -k x",
	"-a always,exit -S all -F inode=5 -F devmajor=8 -F devminor&1 -F gid=0 -F obj_gid!=5 -F ppid>1 -F pers=0 -k x",
	"-a always,exit -F perm=wa -F arch=b64 -S openat -F dir=/etc -k x",
	"-a never,task",
	"-a always,task -F uid>=1000",
	"-a always,exclude -F msgtype=CWD",
	"-a never,exclude -F msgtype>=1300 -F msgtype<=1305 -F uid=5",
	"-a always,user -F uid=0 -F pid!=1",
	"-a always,exit -F path=/var/* -F perm=r",
	// Refused by both.
	"-w etc/passwd",
	"-w /nowhere/below/it -p wa",
	"-a always,exit -F dir=/etc/nothing -F perm=wa",
	"-a always,exit -F path=/nowhere/x -F perm=wa",
	"-a always,exit -F arch=b64 -S mount -F exe=/nowhere/x",
	"-a always,exit -F arch=b64 -S nosuch",
	"-a always,exit -F containerid=1",
	"-a always,exit -S mount -F arch=b64",
	"-a always,exit -F path=/etc/ -F perm=r",
	"-a always,exit -F path!=/etc/passwd -F perm=r",
	"-a always,exit -F exe=/etc/passwd -F exe=/etc/group -S all",
	"-a always,exit -F dir=/etc -F path=/etc/passwd",
	"-a always,exit -F auid=0 -k x",
	"-a always,exit -S all -F uid=unset",
	"-a always,exit -S all -F uid&1",
	"-a always,exit -S all -F auid>unset",
	"-a always,exit -S all -F pid=-1",
	"-a always,exit -S all -F filetype=symlink",
	"-a always,exit -S 5000",
	"-a always,task -S mount",
	"-a always,user -C uid!=euid",
	"-w /etc/passwd # why",
	"-w /etc/passwd\t-p wa",
	"-w /etc/passwd -p rwxaa",
	"-p wa -w /etc/passwd",
	"-a always,entry -S mount",
}

// TestAuditctl: auditctl loads of each line what bulwark reads in it, byte by
// byte, and refuses what bulwark says it refuses. BULWARK_AUDIT_RULES is a
// folder of more rules.
func TestAuditctl(t *testing.T) {
	ownKernel(t)
	for _, dir := range []string{"/etc/docker", "/etc/with blank"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	version := auditctlVersion(t)
	lines := append(slices.Clone(rulesOfAll), moreRules(t)...)
	outcomes := map[string]int{}
	quietly(t, func() {
		for _, line := range lines {
			outcomes[compare(t, line, version)]++
		}
	})
	t.Logf("compared %d lines with auditctl %s: %v", len(lines), version, outcomes)
}

func moreRules(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(os.Getenv("BULWARK_AUDIT_RULES") + "/*.rules")
	if err != nil || os.Getenv("BULWARK_AUDIT_RULES") == "" {
		return nil
	}
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range auditrules.ParseFile(resource.File{Path: f, Content: b}, here) {
			if l.Kind == auditrules.RuleLine && !slices.Contains(out, l.Text) {
				out = append(out, l.Text)
			}
		}
	}
	return out
}

func auditctlVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("auditctl", "-v").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(string(out), "auditctl version "))
}

// compare returns how bulwark reads the line.
func compare(t *testing.T, line, version string) string {
	t.Helper()
	r, parseErr := auditrules.Parse(line, here)
	file := filepath.Join(t.TempDir(), "a.rules")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	loadErr := exec.Command("auditctl", "-R", file).Run()
	got := kernel(t).Rules
	for _, r := range got {
		if err := host.DeleteAuditRule(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	var unsupported *auditrules.UnsupportedError
	switch {
	case errors.As(parseErr, &unsupported):
		return "not known"
	case parseErr != nil:
		if loadErr == nil && len(got) > 0 {
			t.Errorf("%s\nauditctl loads it: %s\nand bulwark: %v", line, texts(got), parseErr)
		}
		return "refused"
	case loadErr != nil || len(got) != 1:
		t.Errorf("%s\nauditctl: %v, %d rules\nand bulwark reads %s", line, loadErr, len(got), r.Kernel().Text)
	case byVersion(r) && !strings.HasPrefix(version, "3.0."):
		if bytes.Equal(got[0].Wire, r.Wire) {
			t.Errorf("%s\nauditctl %s loads it like an older one", line, version)
		}
		return "other by version"
	case !bytes.Equal(got[0].Wire, r.Wire):
		t.Errorf("%s\nauditctl loads %s\nbulwark reads  %s", line, got[0].Text, r.Kernel().Text)
	}
	return "same bytes"
}

func byVersion(r auditrules.Rule) bool {
	return slices.ContainsFunc(r.Warnings, func(w auditrules.Warning) bool { return w.Kind == auditrules.ByVersion })
}

// TestAugenrules: what bulwark reads of the host, and what it compiles of it, is
// what augenrules makes.
func TestAugenrules(t *testing.T) {
	ownKernel(t)
	keep := t.TempDir()
	shell(t, "cp -a /etc/audit/. "+keep)
	t.Cleanup(func() { shell(t, "rm -rf /etc/audit/rules.d; cp -a "+keep+"/. /etc/audit/") })
	shell(t, `cd /etc/audit/rules.d
		printf -- '-w /etc/hosts -p wa -k 10\n-e 1\n' >10-a.rules
		printf -- '-b 100\n' >9.rules
		printf -- '-w /etc/hosts -k glued' >11.rules
		printf -- '# c\n \n  -b 7\n-w /etc/passwd -p wa\r\n-f 2\n' >60-bulwark.rules
		printf -- '-w /etc/hostname\n' >/tmp/elsewhere
		ln -sf /tmp/elsewhere 12-link.rules
		printf -- '-w /etc/no\n' >x.rules.old
		augenrules`)
	root, err := fsys.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	a, err := host.NewReader("/", root, "").Audit(context.Background(), []string{"/etc/mtab", "/no/thing"})
	if err != nil {
		t.Fatal(err)
	}
	got := auditrules.Compile(a.Files, auditrules.ScriptFor(a.Version, a.Awk))
	if !bytes.Equal(got, a.Compiled.Content) {
		t.Errorf("augenrules made\n%q\nand bulwark\n%q", a.Compiled.Content, got)
	}
	if len(a.Files) < 5 || !bytes.Equal(a.Own.Content, a.Files[len(a.Files)-2].Content) {
		t.Errorf("the files are %v", a.Files)
	}
	for path, want := range map[string]resource.AuditPath{
		"/etc/hosts": {Real: "/etc/hosts", Type: resource.Regular, Parent: true},
		"/etc/mtab":  {Real: a.Paths["/etc/mtab"].Real, Type: resource.Regular, Link: true, Parent: true},
		"/no/thing":  {Type: resource.Absent},
	} {
		if a.Paths[path] != want {
			t.Errorf("%s: %+v", path, a.Paths[path])
		}
	}
	k, ok := a.Kernel.Get()
	u, running := a.Unit.Get()
	if !ok || !running || k.PID == 0 || u.ActiveState != "active" || a.Augenrules == "" || a.Auditctl == "" || a.Installer != "apt-get" || a.Version == "" || a.Awk != "mawk" {
		t.Errorf("kernel %q, pid %d, unit %q %s, %q, %q, %q, version %q, awk %q", a.Kernel.Unknown, k.PID, a.Unit.Unknown, u.ActiveState, a.Augenrules, a.Auditctl, a.Installer, a.Version, a.Awk)
	}
}

func shell(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}
