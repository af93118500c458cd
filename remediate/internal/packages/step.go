// Package packages installs packages that a policy needs. It is a step of the
// transaction, and the one that is not taken back: to remove a package may
// remove what others began to use meanwhile.
package packages

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
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
	p, err := parse(payload)
	if err != nil {
		return nil, err
	}
	if s.Progress != nil {
		s.Progress("installing " + names(p))
	}
	if err := host.Install(ctx, p.Installer, p.Packages, s.Lock); err != nil {
		return nil, err
	}
	return json.RawMessage("{}"), nil
}

func parse(payload json.RawMessage) (p resource.Install, err error) {
	if err := json.Unmarshal(payload, &p); err != nil {
		return p, fmt.Errorf("cannot read the journal's packages step: %w", err)
	}
	return p, nil
}

func names(p resource.Install) string { return strings.Join(p.Packages, " and ") }

// Quiesce does nothing.
func (s *Step) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

// Restore removes nothing, and notes that.
func (s *Step) Restore(_ context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	if !info.Did {
		return nil
	}
	p, err := parse(payload)
	if err != nil {
		return err
	}
	how := "was installed and stays installed"
	if info.Done == nil {
		how = "may have been installed, and then stays installed"
	}
	s.Notes = append(s.Notes, names(p)+" "+how)
	return nil
}

var _ txn.Step = (*Step)(nil)
