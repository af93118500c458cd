package audit_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/audit"
	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var files = &audit.Want{Groups: []string{"docker-files", "docker-socket"}}

// converged is a host as files wants it.
func converged(t testing.TB) *resource.Snapshot {
	t.Helper()
	s := snapshot(t, "bookworm")
	return applied(t, s, kind.Diff(files, s, nil))
}

func reason(t *testing.T, c resource.ControlResult, s resource.Status, parts ...string) {
	t.Helper()
	if c.Status != s {
		t.Errorf("%s is %s (%s), want %s", c.ID, c.Status, c.Reason, s)
	}
	for _, p := range parts {
		if !strings.Contains(c.Reason, p) {
			t.Errorf("%s: %q does not tell of %q", c.ID, c.Reason, p)
		}
	}
}

func TestNotManaged(t *testing.T) {
	if r := kind.Diff(nil, snapshot(t, "bookworm"), nil); len(r.Controls)+len(r.Changes)+len(r.Operations)+len(r.Impacts) > 0 {
		t.Errorf("%+v", r)
	}
}

// Each way in which a host may differ has words of its own.
func TestDrift(t *testing.T) {
	for name, c := range map[string]struct {
		drift   func(*resource.Audit)
		reason  string
		changes int
		ops     int
	}{
		"deleted in the kernel": {func(a *resource.Audit) { a.Kernel.Value.Rules = a.Kernel.Value.Rules[1:] }, "1 rule of /etc/audit/rules.d/60-bulwark.rules is not loaded", 0, 1},
		"flushed":               {func(a *resource.Audit) { a.Kernel.Value.Rules = nil }, "are not loaded", 0, 1},
		"not recorded":          {func(a *resource.Audit) { a.Kernel.Value.Enabled = 0 }, "records no events", 0, 1},
		"file deleted": {func(a *resource.Audit) {
			a.Files = a.Files[:len(a.Files)-1]
			a.Own = resource.File{Print: resource.Fingerprint{Type: resource.Absent}}
		}, "loaded at boot", 1, 0},
		"file edited": {func(a *resource.Audit) { a.Own.Content = append([]byte("# x\n"), a.Own.Content...) }, "loaded at boot", 1, 0},
		"one too many": {func(a *resource.Audit) {
			a.Kernel.Value.Rules = append(a.Kernel.Value.Rules, rule(t, "-w /etc/hosts -p wa -k bulwark-docker-files").Kernel())
		}, "1 rule of bulwark is loaded that the policy does not ask for", 0, 1},
		"another order":   {func(a *resource.Audit) { r := a.Kernel.Value.Rules; r[0], r[1] = r[1], r[0] }, "another order", 0, 1},
		"tmpfiles gone":   {func(a *resource.Audit) { a.Tmpfiles = resource.File{} }, "/etc/tmpfiles.d/bulwark-audit.conf is to change", 1, 0},
		"journald's gone": {func(a *resource.Audit) { a.Journald, a.Journal = resource.File{}, a.Journal[:1] }, "60-bulwark-audit.conf is to change", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := converged(t)
			c.drift(&s.Audit.Value)
			r := kind.Diff(files, s, nil)
			reason(t, status(t, r, "audit"), resource.Changing, c.reason)
			own := 0
			for _, ch := range r.Changes {
				if ch.Path != auditrules.CompiledFile {
					own++
				}
			}
			if own != c.changes || len(r.Operations) != c.ops {
				t.Errorf("%d changes, %d operations: %v", own, len(r.Operations), r.Changes)
			}
			after := kind.Diff(files, applied(t, s, r), nil)
			silent(t, after)
			wantAll(t, after, resource.OK)
		})
	}
}

func rule(t testing.TB, text string) auditrules.Rule {
	t.Helper()
	r, err := auditrules.Parse(text, func(string) (resource.AuditPath, bool) {
		return resource.AuditPath{Real: "/x", Type: resource.Regular, Parent: true}, true
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Locked rules wait for a boot: the files are written, and that is all that a
// second run finds.
func TestLocked(t *testing.T) {
	s := snapshot(t, "bookworm")
	s.Audit.Value.Kernel.Value.Enabled = resource.AuditLocked
	first := kind.Diff(files, s, nil)
	if len(first.Operations) > 0 || len(first.Changes) == 0 {
		t.Fatalf("%v %v", first.Operations, first.Changes)
	}
	second := kind.Diff(files, applied(t, s, first), nil)
	silent(t, second)
	reason(t, status(t, second, "audit"), resource.Manual, "pending reboot", "locked")
	reason(t, status(t, second, "audit-docker-files"), resource.Manual, "pending reboot")
}

// The lock is a line of the file: the rules are loaded now, and locked by the
// next boot.
func TestImmutable(t *testing.T) {
	want := &audit.Want{Groups: []string{"docker-files"}, Immutable: true}
	s := snapshot(t, "bookworm")
	first := kind.Diff(want, s, nil)
	if len(first.Operations) != 1 {
		t.Fatal("the rules are not loaded")
	}
	reason(t, status(t, first, "audit-immutable"), resource.Changing)
	after := applied(t, s, first)
	second := kind.Diff(want, after, nil)
	silent(t, second)
	reason(t, status(t, second, "audit"), resource.OK)
	reason(t, status(t, second, "audit-immutable"), resource.Manual, "next boot")
	after.Audit.Value.Kernel.Value.Enabled = resource.AuditLocked
	wantAll(t, kind.Diff(want, after, nil), resource.OK)
}

func TestRefusals(t *testing.T) {
	own := func(text string) *audit.Want {
		return &audit.Want{Groups: []string{"docker-files"}, Rules: []audit.Rule{{Text: text, Source: "p.yaml:7", Key: "audit.rules[0]"}}}
	}
	for name, c := range map[string]struct {
		want   *audit.Want
		host   func(*resource.Snapshot)
		status resource.Status
		parts  []string
	}{
		"no auditd":    {files, func(s *resource.Snapshot) { s.Audit.Value.Auditctl = "" }, resource.Blocked, []string{"auditd is not installed"}},
		"no installer": {&audit.Want{Groups: everything, Install: true}, func(s *resource.Snapshot) { s.Audit.Value.Auditctl, s.Audit.Value.Installer = "", "" }, resource.Blocked, []string{"neither apt-get nor dnf"}},
		"not read":     {files, func(s *resource.Snapshot) { s.Audit = resource.Unknown[resource.Audit]("no such luck") }, resource.Unread, []string{"no such luck"}},
		"kernel not read": {files, func(s *resource.Snapshot) {
			s.Audit.Value.Kernel = resource.Unknown[resource.AuditKernel]("booted with audit=0")
		}, resource.Unread, []string{"audit=0"}},
		"bad rule":          {own("-a always,exit -F colour=red"), nil, resource.Blocked, []string{"p.yaml:7: audit.rules[0]: ", "colour"}},
		"missing directory": {own("-a always,exit -F dir=/no/such -F perm=wa"), func(s *resource.Snapshot) { s.Audit.Value.Paths["/no/such"] = resource.AuditPath{} }, resource.Blocked, []string{"p.yaml:7", "/no/such"}},
		"locked by chattr":  {files, func(s *resource.Snapshot) { s.Audit.Value.Compiled.Print.Flags = resource.FlagImmutable }, resource.Blocked, []string{"audit.rules", "chattr"}},
		"a directory": {files, func(s *resource.Snapshot) {
			s.Audit.Value.Own.Print.Type = resource.Dir
		}, resource.Blocked, []string{"60-bulwark.rules", "it is a dir"}},
		"read-only": {files, func(s *resource.Snapshot) { s.Audit.Value.Own.Locked = "the file system is read-only" }, resource.Blocked, []string{"read-only"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot(t, "bookworm")
			if c.host != nil {
				c.host(s)
			}
			r := kind.Diff(c.want, s, nil)
			silent(t, r)
			wantAll(t, r, c.status)
			reason(t, status(t, r, "audit"), c.status, c.parts...)
		})
	}
}

// Without auditd the package comes first, and stays after a rollback.
func TestInstall(t *testing.T) {
	s := snapshot(t, "bookworm")
	a := &s.Audit.Value
	a.Auditctl, a.Augenrules, a.Version = "", "", ""
	a.Files, a.Compiled = nil, resource.File{Print: resource.Fingerprint{Type: resource.Absent}}
	a.Unit.Value.LoadState, a.Unit.Value.ActiveState = "not-found", "inactive"
	r := kind.Diff(&audit.Want{Groups: []string{"docker-files"}, Install: true}, s, nil)
	if len(r.Operations) != 2 || r.Operations[0].Kind != "packages" || r.Operations[1].Kind != "audit" {
		t.Fatalf("%v", r.Operations)
	}
	if string(r.Operations[0].Payload) != `{"installer":"apt-get","packages":["auditd"]}` {
		t.Errorf("%s", r.Operations[0].Payload)
	}
	told(t, r, resource.WarningImpact, "stays installed after a rollback")
}

func told(t *testing.T, r resource.Result, level string, parts ...string) {
	t.Helper()
	for _, i := range r.Impacts {
		hits := 0
		for _, p := range parts {
			if strings.Contains(i.Text, p) {
				hits++
			}
		}
		if hits == len(parts) && i.Level == level {
			return
		}
	}
	t.Errorf("no %s tells of %q: %v", level, parts, r.Impacts)
}

func TestNotes(t *testing.T) {
	for name, c := range map[string]struct {
		host  func(*resource.Audit)
		level string
		parts []string
	}{
		"backlog":        {func(a *resource.Audit) { a.Kernel.Value.BacklogLimit = 64 }, resource.NoteImpact, []string{"keeps 64 events"}},
		"rate":           {func(a *resource.Audit) { a.Kernel.Value.RateLimit = 10 }, resource.NoteImpact, []string{"at most 10 events per second"}},
		"lost":           {func(a *resource.Audit) { a.Kernel.Value.Lost = 3 }, resource.NoteImpact, []string{"3 audit events were lost"}},
		"panic":          {func(a *resource.Audit) { a.Kernel.Value.Failure = 2 }, resource.WarningImpact, []string{"panics"}},
		"auditd stopped": {func(a *resource.Audit) { a.Unit.Value.ActiveState = "inactive" }, resource.WarningImpact, []string{"auditd.service is inactive"}},
		"by hand":        {func(a *resource.Audit) { a.Compiled.Content = []byte("-D\n") }, resource.NoteImpact, []string{"/etc/audit/audit.rules is not what augenrules makes"}},
		"no -D":          {func(a *resource.Audit) { a.Files[0].Content = []byte("-b 8192\n") }, resource.WarningImpact, []string{"no file", "-D"}},
		"no newline":     {func(a *resource.Audit) { a.Files[0].Content = []byte("-D\n-b 8192") }, resource.WarningImpact, []string{"rules.d/audit.rules lacks the newline"}},
		"journald wins": {func(a *resource.Audit) {
			a.Journal = append(a.Journal, resource.AuditSetting{Origin: auditrules.JournaldFile + " line 3"}, resource.AuditSetting{Value: "no", Origin: "/etc/systemd/journald.conf.d/99.conf line 2"})
		}, resource.WarningImpact, []string{"99.conf line 2", "after bulwark's file"}},
		"bad line":         {foreign("10-x.rules", "-D\n-w relative -p wa\n"), resource.WarningImpact, []string{"10-x.rules line 2", "no rule of bulwark is loaded"}},
		"bad line after":   {foreign("70-x.rules", "-a always,exit -S nonsense\n"), resource.WarningImpact, []string{"70-x.rules line 1", "not loaded"}},
		"twice":            {foreign("70-x.rules", "-w /etc/hosts -p wa -k a\n-w /etc/hosts -p wa -k a\n"), resource.WarningImpact, []string{"70-x.rules line 2: the rule is there already, from /etc/audit/rules.d/70-x.rules line 1"}},
		"switched off":     {foreign("99-x.rules", "-e 0\n"), resource.WarningImpact, []string{"99-x.rules line 1: -e 0"}},
		"locked by others": {foreign("99-x.rules", "-e 2\n"), resource.NoteImpact, []string{"99-x.rules line 1: -e 2"}},
		"hidden":           {foreign("10-x.rules", "-a never,exit -F dir=/etc\n"), resource.WarningImpact, []string{"dir=/etc", "takes events from"}},
		"recorded by them": {foreign("10-x.rules", "-w /etc/docker -p wa -k docker\n"), resource.NoteImpact, []string{"/etc/docker -p wa -k docker", "under their key"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot(t, "bookworm")
			c.host(&s.Audit.Value)
			r := kind.Diff(files, s, nil)
			told(t, r, c.level, c.parts...)
			status(t, r, "audit")
		})
	}
}

// Of a great many rules of others the plan tells how many they are.
func TestManyBefore(t *testing.T) {
	s := snapshot(t, "bookworm")
	var text strings.Builder
	for i := range 40 {
		text.WriteString("-w /etc/docker/" + strings.Repeat("x", i+1) + " -p wa -k theirs\n")
	}
	foreign("10-x.rules", text.String())(&s.Audit.Value)
	r := kind.Diff(files, s, nil)
	told(t, r, resource.NoteImpact, "35 rules more", "under their key")
	if len(r.Impacts) > 10 {
		t.Errorf("%d impacts", len(r.Impacts))
	}
}

// foreign adds a file of somebody else's, and what its rules name.
func foreign(name, content string) func(*resource.Audit) {
	return func(a *resource.Audit) {
		f := resource.File{Path: auditrules.RulesDir + "/" + name, Print: resource.Fingerprint{Type: resource.Regular}, Content: []byte(content)}
		a.Files = append(a.Files, f)
		for _, p := range auditrules.Paths([]resource.File{f}) {
			if _, ok := a.Paths[p]; !ok {
				a.Paths[p] = resource.AuditPath{Real: p, Type: resource.Regular, Parent: true}
			}
		}
	}
}

// A claim that does not outlive a boot is no ok.
func TestWhatABootUndoes(t *testing.T) {
	immutable := &audit.Want{Groups: []string{"docker-files"}, Immutable: true}
	for name, c := range map[string]struct {
		want    *audit.Want
		host    func(*resource.Audit)
		control string
		parts   []string
	}{
		"load ends before":  {files, foreign("10-x.rules", "-w relative\n"), "audit", []string{"10-x.rules line 1", "after a boot"}},
		"group ends before": {files, foreign("10-x.rules", "-w relative\n"), "audit-docker-files", []string{"10-x.rules line 1"}},
		"switched off":      {files, foreign("99-x.rules", "-e 0\n"), "audit", []string{"99-x.rules line 1: -e 0"}},
		"auditd stopped":    {files, func(a *resource.Audit) { a.Unit.Value.ActiveState = "failed" }, "audit", []string{"auditd.service is failed"}},
		"unlocked after":    {immutable, foreign("99-x.rules", "-e 1\n"), "audit-immutable", []string{"99-x.rules line 1: -e 1"}},
		"lock not reached":  {immutable, foreign("99-x.rules", "-w relative\n"), "audit-immutable", []string{"99-x.rules line 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := snapshot(t, "bookworm")
			c.host(&s.Audit.Value)
			after := applied(t, s, kind.Diff(c.want, s, nil))
			r := kind.Diff(c.want, after, nil)
			silent(t, r)
			reason(t, status(t, r, c.control), resource.Manual, c.parts...)
			if status(t, r, c.control).Remedy == "" {
				t.Error("no remedy")
			}
		})
	}
	// -c and -i let the load go on.
	s := snapshot(t, "bookworm")
	foreign("10-x.rules", "-c\n-w relative\n")(&s.Audit.Value)
	wantAll(t, kind.Diff(files, applied(t, s, kind.Diff(files, s, nil)), nil), resource.OK)
}

// What a file of somebody else states is left to it, and said.
func TestRulesOfOthers(t *testing.T) {
	s := snapshot(t, "bookworm")
	foreign("70-theirs.rules", "-w /srv/registry -p wa -k registry\n")(&s.Audit.Value)
	theirs := rule(t, "-w /srv/registry -p wa -k registry").Kernel()
	byHand := rule(t, "-w /etc/motd -p wa -k motd").Kernel()
	s.Audit.Value.Kernel.Value.Rules = []resource.AuditRule{byHand, theirs}
	want := &audit.Want{Groups: []string{"identity"}, Rules: []audit.Rule{
		{Text: "-w /srv/registry -p wa -k registry", Source: "p.yaml:7", Key: "audit.rules[0]"},
		{Text: "-w /etc/motd -p wa -k motd", Source: "p.yaml:8", Key: "audit.rules[1]"},
	}}
	s.Audit.Value.Paths["/etc/motd"] = resource.AuditPath{Real: "/etc/motd", Type: resource.Regular, Parent: true}
	r := kind.Diff(want, s, nil)
	told(t, r, resource.NoteImpact, "p.yaml:7: audit.rules[0]", "70-theirs.rules line 1 states this rule already")
	if strings.Contains(string(r.Changes[0].Content), "registry") || !strings.Contains(string(r.Changes[0].Content), "/etc/motd") {
		t.Errorf("%s", r.Changes[0].Content)
	}
	after := applied(t, s, r)
	second := kind.Diff(want, after, nil)
	silent(t, second)
	wantAll(t, second, resource.OK)
	// Out of the policy again: what was loaded by hand was taken over with its
	// line in the file; theirs stays.
	end := applied(t, after, kind.Diff(&audit.Want{}, after, nil))
	if left := end.Audit.Value.Kernel.Value.Rules; len(left) != 1 || !auditrules.Has(left, theirs) {
		t.Errorf("left are %v", left)
	}
}
