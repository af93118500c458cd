package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// prove observes the host again and demands that the plan came true.
func (h *Host) prove(ctx context.Context, policy *plans.Policy, res *ApplyResult) error {
	s := h.Observe(ctx, policy)
	now := NewPlan(policy, s)
	if dropLater(now, res.Plan) {
		res.Notes = append(res.Notes, "limits: containers came or changed meanwhile: run bulwark apply again")
	}
	if res.Plan.Service.Action != resource.Restart {
		return asWanted(now)
	}
	if rulesHold(res.Plan, s) && dropRules(now, egressStep) {
		res.Notes = append(res.Notes, "egress: the restart changed containers or networks, and rules that name them are out of date: run bulwark apply again")
	}
	if auditHolds(res.Plan, s) && dropRules(now, auditStep) {
		res.Notes = append(res.Notes, "audit: the restart made or removed files that rules watch: run bulwark apply again")
	}
	return asWanted(now)
}

// rulesHold reports whether the kernel has exactly the rules that plan loaded.
func rulesHold(plan *resource.Plan, s *resource.Snapshot) bool {
	now, ok := s.Firewall.Get()
	for _, op := range plan.Operations {
		if op.Kind != egressStep {
			continue
		}
		var p ruleset.Payload
		if !ok || json.Unmarshal(op.Payload, &p) != nil || !ruleset.Same(p.After, now.Own) {
			return false
		}
	}
	return ok
}

// dropRules takes rules of a kind out of a plan and reports whether there were
// any: a restart of dockerd gives containers new addresses and, with
// userns-remap, other networks, and an engine makes folders that were not there,
// so that rules which name them are due again at once.
func dropRules(p *resource.Plan, kind string) bool {
	n := len(p.Operations)
	p.Operations = slices.DeleteFunc(p.Operations, func(o resource.Operation) bool { return o.Kind == kind })
	n -= len(p.Operations)
	p.Changes = slices.DeleteFunc(p.Changes, func(c resource.Change) bool { return c.Kind == kind })
	return n > 0
}

// asWanted is the proof after a change: nothing is left to do.
func asWanted(p *resource.Plan) error {
	if !p.Pending() {
		return nil
	}
	for _, c := range p.Controls {
		if c.Status == resource.Changing {
			return fmt.Errorf("%s is not in effect: %s", c.ID, c.Reason)
		}
	}
	return errors.New("the host still differs from the policy")
}
