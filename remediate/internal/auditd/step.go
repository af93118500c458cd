// Package auditd carries bulwark's own audit rules into the kernel and takes
// them back. It is a step of the transaction: recovery has only the journal
// and this package.
package auditd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Step swaps rules. It implements txn.Step; its payload is auditrules.Payload.
type Step struct {
	// Progress is told what happens now; it may be nil.
	Progress func(string)
	// Notes say after an undo what is not quite as it was before.
	Notes []string
}

// Done is what the step returns to the journal.
type Done struct {
	// Enabled says that the step made the kernel record events.
	Enabled bool `json:"enabled,omitempty"`
}

// ErrLocked: the kernel takes no rules until the next boot (auditctl -e 2).
var ErrLocked = errors.New("the kernel's audit rules are locked until the next boot (enabled 2)")

// Name is the step's name in the journal.
func (s *Step) Name() string { return "audit" }

func (s *Step) say(text string) {
	if s.Progress != nil {
		s.Progress(text)
	}
}

// Do swaps bulwark's rules, reads them back and lets the kernel record.
func (s *Step) Do(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	p, err := parse(payload)
	if err != nil {
		return nil, err
	}
	k, err := host.ReadAudit(ctx)
	if err != nil {
		return nil, err
	}
	if k.Enabled == resource.AuditLocked {
		return nil, fmt.Errorf("cannot load audit rules: %w", ErrLocked)
	}
	s.say("loading audit rules")
	sw := &swap{kernel: k.Rules, own: own(p), wanted: p.After}
	if err := sw.run(ctx); err != nil {
		return nil, err
	}
	enable := p.Enable && k.Enabled == resource.AuditOff
	if enable {
		if err := host.SetAuditEnabled(ctx, true); err != nil {
			return nil, err
		}
	}
	return json.Marshal(Done{Enabled: enable})
}

func parse(payload json.RawMessage) (p auditrules.Payload, err error) {
	if err := json.Unmarshal(payload, &p); err != nil {
		return p, fmt.Errorf("cannot read the journal's audit step: %w", err)
	}
	return p, nil
}

// own are all rules that are bulwark's before or after the step: those, and no
// others, may be deleted.
func own(p auditrules.Payload) []resource.AuditRule {
	return append(append([]resource.AuditRule{}, p.Before...), p.After...)
}

// Quiesce does nothing.
func (s *Step) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

// Restore brings bulwark's rules back to the payload's Before: what already is
// as before is not touched. After a boot the files have decided, and the kernel
// has forgotten.
//
// If somebody locked the rules meanwhile, that is an error and no note: rules
// that should be gone are in force. The next boot sets it right, and recovery
// then has nothing to do.
func (s *Step) Restore(ctx context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	if info.Boot || !info.SameBoot || !info.Did {
		return nil
	}
	p, err := parse(payload)
	if err != nil {
		return err
	}
	off, err := enabledByUs(p, info)
	if err != nil {
		return err
	}
	k, err := host.ReadAudit(ctx)
	if err != nil {
		return err
	}
	back := auditrules.Same(only(k.Rules, own(p)), auditrules.Sorted(p.Before))
	if k.Enabled == resource.AuditLocked {
		if back {
			return nil
		}
		return fmt.Errorf("cannot put the audit rules back: %w; the next boot loads those of before", ErrLocked)
	}
	if !back {
		if err := s.restore(ctx, k.Rules, p); err != nil {
			return err
		}
	}
	if off && k.Enabled == resource.AuditOn {
		return host.SetAuditEnabled(ctx, false)
	}
	return nil
}

func (s *Step) restore(ctx context.Context, kernel []resource.AuditRule, p auditrules.Payload) error {
	s.say("putting the audit rules back")
	sw := &swap{kernel: kernel, own: own(p), wanted: p.Before, forgiving: true}
	if err := sw.run(ctx); err != nil {
		return err
	}
	for _, r := range sw.gone {
		s.Notes = append(s.Notes, "the audit rule "+r.Text+" is not back: what it names is gone, with which the kernel drops it anyway")
	}
	if sw.moved() {
		s.Notes = append(s.Notes, "bulwark's audit rules stand behind those of others until the next boot: the kernel adds rules only at the end")
	}
	return nil
}

// enabledByUs reports whether Do made the kernel record. If Do was killed before
// it could say so, the plan's word counts that nothing was recorded before.
func enabledByUs(p auditrules.Payload, info txn.UndoInfo) (bool, error) {
	if info.Done == nil {
		return p.Enable, nil
	}
	var d Done
	if err := json.Unmarshal(info.Done, &d); err != nil {
		return false, fmt.Errorf("cannot read what the journal's audit step did: %w", err)
	}
	return d.Enabled, nil
}

var _ txn.Step = (*Step)(nil)
