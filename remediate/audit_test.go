package remediate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func auditRule(t *testing.T, text string) resource.AuditRule {
	t.Helper()
	r, err := auditrules.Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Kernel()
}

func auditSteps(t *testing.T, payloads ...auditrules.Payload) []txn.StepSpec {
	t.Helper()
	var steps []txn.StepSpec
	for _, p := range payloads {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, txn.StepSpec{Name: auditStep, Payload: b})
	}
	return steps
}

// Several applies are undone as one: what the kernel has of bulwark's becomes
// what it had before the first. Rules of others are in neither.
func TestUndoAudit(t *testing.T) {
	a := auditRule(t, "-a always,exit -F path=/a -F perm=wa -F key=bulwark-x")
	b := auditRule(t, "-a always,exit -F path=/b -F perm=wa -F key=bulwark-x")
	theirs := auditRule(t, "-a always,exit -F path=/c -F perm=wa -F key=theirs")
	s := &resource.Snapshot{Audit: resource.Known(resource.Audit{
		Kernel: resource.Known(resource.AuditKernel{Enabled: resource.AuditOn, Rules: []resource.AuditRule{theirs, a, b}}),
	})}
	steps := auditSteps(t,
		auditrules.Payload{After: []resource.AuditRule{a}},
		auditrules.Payload{Before: []resource.AuditRule{a}, After: []resource.AuditRule{a, b}})
	back, stays, err := undoAudit(steps, s)
	if err != nil || len(back) != 1 || stays != nil {
		t.Fatal(back, stays, err)
	}
	var p auditrules.Payload
	if err := json.Unmarshal(back[0].Payload, &p); err != nil {
		t.Fatal(err)
	}
	if !auditrules.Same(p.Before, []resource.AuditRule{a, b}) || len(p.After) > 0 || p.Enable {
		t.Errorf("%+v", p)
	}
	plan := &resource.Plan{Operations: []resource.Operation{{Kind: auditStep, Payload: steps[1].Payload}}}
	if !auditHolds(plan, s) {
		t.Error("the rules of the plan are there and do not hold")
	}
	if auditHolds(&resource.Plan{Operations: []resource.Operation{{Kind: auditStep, Payload: steps[0].Payload}}}, s) {
		t.Error("other rules hold")
	}
	if !dropRules(plan, auditStep) || dropRules(plan, egressStep) {
		t.Error("rules were not dropped once")
	}
	s.Audit.Value.Kernel.Value.Enabled = resource.AuditLocked
	if back, stays, err = undoAudit(steps, s); err != nil || back != nil || len(stays) != 1 || !strings.Contains(stays[0], "until the next boot") {
		t.Error(back, stays, err)
	}
	s.Audit.Value.Kernel = resource.Unknown[resource.AuditKernel]("needs root")
	if _, _, err = undoAudit(steps, s); err == nil || !strings.Contains(err.Error(), "needs root") {
		t.Error(err)
	}
	if back, stays, err = undoAudit(nil, s); back != nil || stays != nil || err != nil {
		t.Error(back, stays, err)
	}
}
