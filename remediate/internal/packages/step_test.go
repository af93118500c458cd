package packages_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/packages"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// TestStep: what cannot be installed is an error; what was stays, and is noted.
func TestStep(t *testing.T) {
	ctx := context.Background()
	payload := json.RawMessage(`{"installer": "no-such-manager", "packages": ["auditd"]}`)
	var said []string
	step := &packages.Step{Progress: func(s string) { said = append(said, s) }}
	if _, err := step.Do(ctx, payload); err == nil || err.Error() != "cannot install auditd: there is no no-such-manager" {
		t.Errorf("%v", err)
	}
	for _, info := range []txn.UndoInfo{{}, {Did: true, Done: json.RawMessage("{}")}, {Did: true, SameBoot: true}} {
		if err := step.Restore(ctx, payload, info); err != nil {
			t.Error(err)
		}
	}
	want := []string{"auditd was installed and stays installed", "auditd may have been installed, and then stays installed"}
	if !slices.Equal(step.Notes, want) || !slices.Equal(said, []string{"installing auditd"}) {
		t.Errorf("notes %q, said %q", step.Notes, said)
	}
	for _, err := range []error{
		step.Restore(ctx, json.RawMessage("5"), txn.UndoInfo{Did: true}),
		func() error { _, err := step.Do(ctx, json.RawMessage("5")); return err }(),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "cannot read the journal's packages step: ") {
			t.Errorf("%v", err)
		}
	}
}
