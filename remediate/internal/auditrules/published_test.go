package auditrules_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestPublished reads rules that others have published. What bulwark does not
// know it must say so; what it refuses fails the test, to be compared with
// auditctl (TestAuditctl in ../auditd does). BULWARK_AUDIT_RULES is a folder of
// *.rules; rig/deps fetches the samples of Debian's package auditd.
func TestPublished(t *testing.T) {
	dir := os.Getenv("BULWARK_AUDIT_RULES")
	if dir == "" {
		t.Skip("no published rules: set BULWARK_AUDIT_RULES")
	}
	files, err := filepath.Glob(dir + "/*.rules")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules in %s: %v", dir, err)
	}
	rules, refused, unsupported := 0, 0, 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range auditrules.ParseFile(resource.File{Path: filepath.Base(f), Content: b}, everything) {
			var u *auditrules.UnsupportedError
			switch {
			case l.Kind == auditrules.RuleLine && l.Err == nil:
				rules++
			case errors.As(l.Err, &u):
				unsupported++
				t.Logf("not known: %v: %s", l.Err, l.Text)
			case l.Err != nil:
				refused++
				t.Errorf("refused: %v: %s", l.Err, l.Text)
			}
		}
	}
	if rules == 0 {
		t.Error("there was no rule in them")
	}
	t.Logf("%d files: %d rules read, %d not known, %d refused", len(files), rules, unsupported, refused)
}

// everything exists on this host, and no path is a directory.
func everything(path string) (resource.AuditPath, bool) {
	return resource.AuditPath{Real: path, Type: resource.Regular, Parent: true}, true
}
