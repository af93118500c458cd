// Package auditd carries bulwark's own audit rules into the kernel and takes
// them back. It is a step of the transaction: recovery has only the journal
// and this package.
package auditd

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// A Step swaps rules. It implements txn.Step; its payload is auditrules.Payload.
type Step struct {
	// Progress is told what happens now; it may be nil.
	Progress func(string)
	// Notes say after an undo what is not quite as it was before.
	Notes []string
}

// Name is the step's name in the journal.
func (s *Step) Name() string { return "audit" }

// Do swaps bulwark's rules and reads them back.
func (s *Step) Do(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	return nil, errors.New("not written yet")
}

// Quiesce does nothing.
func (s *Step) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

// Restore brings bulwark's rules back to the payload's Before.
func (s *Step) Restore(ctx context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	return errors.New("not written yet")
}

var _ txn.Step = (*Step)(nil)
