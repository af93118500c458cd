package kinds

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/audit"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type auditKind struct{ audit.Kind }

// Observe reads the kernel's rules only for a policy that asks about them.
func (k auditKind) Observe(ctx context.Context, p *plans.Policy, r resource.Reader, s *resource.Snapshot) {
	var keys map[string]json.RawMessage
	var rules []audit.Rule
	if p != nil {
		if p.Audit == nil {
			s.Audit = resource.Unknown[resource.Audit](resource.NotAsked)
			return
		}
		keys, rules = p.Daemon, auditRules(p)
	}
	k.Kind.Observe(ctx, r, s, keys, rules)
}

func (k auditKind) Diff(p *plans.Policy, s *resource.Snapshot, _ []string) resource.Result {
	return k.diffAfter(p, s, nil)
}

func (k auditKind) diffAfter(p *plans.Policy, s *resource.Snapshot, made []resource.Change) resource.Result {
	if p.Audit == nil {
		return resource.Result{}
	}
	return k.Kind.Diff(&audit.Want{
		Groups: p.Audit.Groups, Rules: auditRules(p), Install: p.Audit.Install, Immutable: p.Audit.Immutable,
	}, s, made)
}

func auditRules(p *plans.Policy) []audit.Rule {
	var all []audit.Rule
	for i, text := range p.Audit.Rules {
		key := fmt.Sprintf("audit.rules[%d]", i)
		all = append(all, audit.Rule{Text: text, Source: p.Origin(key), Key: key})
	}
	return all
}

// A later kind rests on the files that those before it make in the same
// transaction.
type later interface {
	diffAfter(p *plans.Policy, s *resource.Snapshot, made []resource.Change) resource.Result
}

func diffAfter(k Kind, p *plans.Policy, s *resource.Snapshot, except []string, made []resource.Change) resource.Result {
	if l, ok := k.(later); ok {
		return l.diffAfter(p, s, made)
	}
	return k.Diff(p, s, except)
}
