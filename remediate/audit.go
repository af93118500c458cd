package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/audit"
	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// validateAudit reads the staged rules file as auditctl will at boot: one line
// that it refuses would end the load there.
func validateAudit(s *resource.Snapshot, staged []txn.Staged) error {
	for _, f := range staged {
		if f.Path != auditrules.OwnFile {
			continue
		}
		content, err := os.ReadFile(f.Temp)
		if err != nil {
			return fmt.Errorf("cannot read the staged %s: %w", f.Path, err)
		}
		if err := audit.Check(content, s); err != nil {
			return fmt.Errorf("internal error: the new rules would be refused: %w", err)
		}
	}
	return nil
}

// validateKernel looks at the kernel once more: a lock, or rules that somebody
// loaded since, would fail the step when files are changed already.
func validateKernel(ctx context.Context, op resource.Operation) error {
	var p auditrules.Payload
	if err := json.Unmarshal(op.Payload, &p); err != nil {
		return fmt.Errorf("cannot read the plan's audit rules: %w", err)
	}
	k, err := host.ReadAudit(ctx)
	if err != nil {
		return err
	}
	if k.Enabled == resource.AuditLocked {
		return fmt.Errorf("cannot change the kernel's audit rules: somebody has locked them (-e 2) since the plan was made")
	}
	for _, r := range p.Before {
		if !auditrules.Has(k.Rules, r) {
			return fmt.Errorf("the kernel's audit rules were changed since the plan was made: %s is gone", r.Text)
		}
	}
	return nil
}

// undoAudit makes of the audit steps that are undone, oldest first, the one that
// brings back bulwark's rules from before them. Locked rules stay until the
// next boot, and stays says so: the files of then are in place by that.
func undoAudit(steps []txn.StepSpec, s *resource.Snapshot) (back []txn.StepSpec, stays []string, err error) {
	if len(steps) == 0 {
		return nil, nil, nil
	}
	own, kernel, err := audit.Own(s)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot bring back the audit rules: %w", err)
	}
	if kernel.Enabled == resource.AuditLocked {
		return nil, []string{"the kernel's audit rules are locked (-e 2): those of now stay until the next boot, which loads those of before"}, nil
	}
	var then auditrules.Payload
	if err := json.Unmarshal(steps[0].Payload, &then); err != nil {
		return nil, nil, fmt.Errorf("cannot read the journal's audit step: %w", err)
	}
	b, err := json.Marshal(auditrules.Payload{Before: own, After: then.Before})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot write the journal's audit step: %w", err)
	}
	return []txn.StepSpec{{Name: auditStep, Payload: b}}, nil, nil
}

// auditHolds reports whether the kernel has exactly the rules that plan loaded.
func auditHolds(plan *resource.Plan, s *resource.Snapshot) bool {
	own, _, err := audit.Own(s)
	for _, op := range plan.Operations {
		if op.Kind != auditStep {
			continue
		}
		var p auditrules.Payload
		if err != nil || json.Unmarshal(op.Payload, &p) != nil || !auditrules.Same(own, p.After) {
			return false
		}
	}
	return err == nil
}

// changesRules reports whether steps change rules in the kernel.
func changesRules(steps []txn.StepSpec) bool {
	return len(stepsOf(steps, egressStep))+len(stepsOf(steps, auditStep)) > 0
}

// scrubAudit judges the rules of others in their files, comments included: a
// secret has no business there, but people write anything anywhere.
func scrubAudit(a *resource.Audit) {
	a.Files = slices.Clone(a.Files)
	files := []*resource.File{&a.Own, &a.Compiled, &a.Tmpfiles, &a.Journald}
	for i := range a.Files {
		files = append(files, &a.Files[i])
	}
	for _, f := range files {
		f.Content = scrubText(f.Content)
	}
}

// scrubText replaces words line by line and leaves all else as it is.
func scrubText(content []byte) []byte {
	if content == nil {
		return nil
	}
	lines := strings.Split(string(content), "\n")
	for i, l := range lines {
		lines[i] = redactText(l)
	}
	return []byte(strings.Join(lines, "\n"))
}
