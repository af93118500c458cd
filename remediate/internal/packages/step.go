// Package packages installs packages that a policy needs. It is a step of the
// transaction, and the one that is not taken back: to remove a package may
// remove what others began to use meanwhile.
package packages

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// A Step installs packages. It implements txn.Step; its payload is
// resource.Install.
type Step struct {
	// Lock is the transaction's lock, handed to the installer; it may be nil.
	Lock *os.File
	// Progress is told what happens now; it may be nil.
	Progress func(string)
	// Notes say after an undo what was installed and stays.
	Notes []string
}

// Name is the step's name in the journal.
func (s *Step) Name() string { return "packages" }

// Do installs the payload's packages.
func (s *Step) Do(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	return nil, errors.New("not written yet")
}

// Quiesce does nothing.
func (s *Step) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

// Restore removes nothing, and notes that.
func (s *Step) Restore(ctx context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	return errors.New("not written yet")
}

var _ txn.Step = (*Step)(nil)
