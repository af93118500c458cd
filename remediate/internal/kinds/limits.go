package kinds

import (
	"context"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type limitsKind struct{ limits.Kind }

// Observe asks what containers use only for a policy that weighs it: it is one
// question for each of them.
func (k limitsKind) Observe(ctx context.Context, p *plans.Policy, r resource.Reader, s *resource.Snapshot) {
	if p != nil && (p.Limits == nil || !limitsWant(p).Weighs()) {
		s.Usage = resource.Unknown[map[string]resource.Usage](resource.NotAsked)
		return
	}
	k.Kind.Observe(ctx, r, s)
}

// Diff serves what it can of a control that is blocked for some containers:
// the others are none of its business.
func (k limitsKind) Diff(p *plans.Policy, s *resource.Snapshot, _ []string) resource.Result {
	return k.Kind.Diff(limitsWant(p), s)
}

// limitsWant translates the policy's section; nil means not managed.
func limitsWant(p *plans.Policy) *limits.Want {
	if p.Limits == nil {
		return nil
	}
	w := &limits.Want{Apply: p.Limits.Apply}
	for _, r := range p.Limits.Rules {
		rule := limits.Rule{Memory: r.Memory, MemorySwap: r.MemorySwap, Pids: r.Pids, CPUs: r.CPUs, Restart: r.Restart}
		if m := r.Match; m != nil {
			rule.Container, rule.Image, rule.Label = m.Container, m.Image, m.Label
		}
		w.Rules = append(w.Rules, rule)
	}
	return w
}
