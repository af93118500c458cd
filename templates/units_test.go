package templates_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/bulwark-project/bulwark/templates"
)

// systemd has nothing to say against the units, taken together: an unknown
// key, or an order that goes in a circle, would be a word of it.
func TestUnitsVerify(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("BULWARK_REQUIRE_ROOT") != "" {
			t.Fatal("systemd-analyze is required and is not there")
		}
		t.Skip("needs systemd-analyze")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for name, content := range map[string][]byte{
		"bulwark-recover.service": templates.RecoverUnit(), "bulwark-egress.service": templates.EgressUnit(),
		"bulwark-recover-limits.service": templates.RecoverLimitsUnit(),
	} {
		file := filepath.Join(dir, name)
		// The program is not on this machine; that it is missing is not what is asked.
		content = regexp.MustCompile(`=/var/lib/bulwark/bin/bulwark`).ReplaceAll(content, []byte("=/bin/true"))
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
