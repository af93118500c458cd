package auditd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ownKernel is for a test that needs a kernel's audit to itself. It starts with
// no rules and ends with none.
func ownKernel(t *testing.T) {
	t.Helper()
	skip := t.Skipf
	if os.Getenv("BULWARK_REQUIRE_AUDIT") != "" {
		skip = t.Fatalf
	}
	if _, err := os.Stat(mark); err != nil {
		skip("this host is not a test rig: %v", err)
	}
	k, err := host.ReadAudit(context.Background())
	if err != nil {
		skip("%v", err)
	}
	if k.Enabled == resource.AuditLocked {
		skip("the kernel's rules are locked")
	}
	clearRules(t)
	t.Cleanup(func() {
		if kernel(t).Enabled != resource.AuditLocked {
			clearRules(t)
		}
	})
}

func clearRules(t *testing.T) {
	t.Helper()
	quietly(t, func() {
		for _, r := range kernel(t).Rules {
			if err := host.DeleteAuditRule(context.Background(), r); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// quietly does not have the kernel record each change: that would wait for
// auditd's disk.
func quietly(t *testing.T, f func()) {
	t.Helper()
	if kernel(t).Enabled == resource.AuditOn {
		if err := host.SetAuditEnabled(context.Background(), false); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = host.SetAuditEnabled(context.Background(), true) }()
	}
	f()
}

func kernel(t *testing.T) resource.AuditKernel {
	t.Helper()
	k, err := host.ReadAudit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// texts are rules as one text, for messages.
func texts(rules []resource.AuditRule) string {
	var out strings.Builder
	for _, r := range rules {
		out.WriteString(r.Text + "\n")
	}
	return out.String()
}

// lines parses rules, looking at this machine.
func lines(t *testing.T, lines ...string) []resource.AuditRule {
	t.Helper()
	var rules []resource.AuditRule
	for _, l := range lines {
		r, err := auditrules.Parse(l, here)
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		rules = append(rules, r.Kernel())
	}
	return rules
}

func here(path string) (p resource.AuditPath, ok bool) {
	if strings.Contains(path, "/below/") {
		return p, false
	}
	p.Real, _ = filepath.EvalSymlinks(path)
	p.Type = resource.Absent
	if st, err := os.Stat(path); err == nil {
		p.Type = resource.Regular
		if st.IsDir() {
			p.Type = resource.Dir
		}
	}
	st, err := os.Stat(filepath.Dir(path))
	p.Parent = err == nil && st.IsDir()
	l, err := os.Lstat(path)
	p.Link = err == nil && l.Mode()&os.ModeSymlink != 0
	return p, true
}

func add(t *testing.T, rules []resource.AuditRule) {
	t.Helper()
	quietly(t, func() {
		for _, r := range rules {
			if err := host.AddAuditRule(context.Background(), r); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// foreign are n rules of somebody else's, no two alike.
func foreign(t *testing.T, from, n int) []resource.AuditRule {
	t.Helper()
	var out []string
	for i := from; i < from+n; i++ {
		switch i % 4 {
		case 0:
			out = append(out, fmt.Sprintf("-w /etc/somebody%d -p wa -k theirs", i))
		case 1:
			out = append(out, fmt.Sprintf("-a always,exit -F arch=b64 -S mount -F auid=%d -F key=theirs", i))
		case 2:
			out = append(out, fmt.Sprintf("-a never,exit -F arch=b32 -S all -F pid=%d", i))
		case 3:
			out = append(out, fmt.Sprintf("-a always,exclude -F msgtype=CWD -F uid=%d", i))
		}
	}
	return lines(t, out...)
}

func ours(t *testing.T, names ...string) []resource.AuditRule {
	t.Helper()
	var out []string
	for _, n := range names {
		out = append(out, "-a never,exit -F arch=b64 -S setns -F auid="+n, "-w /etc/ours"+n+" -p wa -k bulwark-"+n)
	}
	return lines(t, out...)
}

func encode(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func split(rules, some []resource.AuditRule) (in, out []resource.AuditRule) {
	for _, r := range rules {
		if auditrules.Has(some, r) {
			in = append(in, r)
		} else {
			out = append(out, r)
		}
	}
	return in, out
}
