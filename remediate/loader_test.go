package remediate

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// TestLoadsRules: only a transaction that brings rules needs the loader.
func TestLoadsRules(t *testing.T) {
	for payload, want := range map[string]bool{
		`{"before": [], "after": [{"backend": "nftables"}]}`:   true,
		`{"before": [{"backend": "nftables"}], "after": []}`:   false,
		`{"before": [{"backend": "nftables"}], "after": null}`: false,
	} {
		spec := txn.Spec{Steps: []txn.StepSpec{{Name: dockerdStep, Payload: []byte("{}")}, {Name: egressStep, Payload: []byte(payload)}}}
		if got, err := loadsRules(spec); err != nil || got != want {
			t.Errorf("%s: %t, %v", payload, got, err)
		}
		spec.Steps = spec.Steps[:1]
		if got, err := loadsRules(spec); err != nil || got {
			t.Errorf("without the step: %t, %v", got, err)
		}
	}
	if _, err := loadsRules(txn.Spec{Steps: []txn.StepSpec{{Name: egressStep, Payload: []byte("[")}}}); err == nil {
		t.Error("a step that cannot be read brings no rules")
	}
}
