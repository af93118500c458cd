package remediate

import (
	"fmt"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Errors that callers tell apart. Each has an exit code of its own.
type (
	// BusyError says that another run holds the lock, and who.
	BusyError = txn.BusyError
	// ConflictError says that a third party's edit is in the way.
	ConflictError = txn.ConflictError
	// DamagedError says that the journal cannot be read.
	DamagedError = txn.DamagedError
	// UnfinishedError says that an undo could not be completed.
	UnfinishedError = txn.UnfinishedError
	// AwaitingError says that a transaction waits to be confirmed.
	AwaitingError = txn.AwaitingError
	// NotWaitingError says that there is nothing to confirm.
	NotWaitingError = txn.NotWaitingError
	// LateError says that a confirmation came too late.
	LateError = txn.LateError
	// DriftError says that a file changed since it was observed.
	DriftError = txn.DriftError
)

// A StaleError refuses a plan that no longer describes the host.
type StaleError struct {
	What string
	// raced says that a file changed between the observation and the lock.
	raced bool
}

func (e *StaleError) Error() string { return "the plan is stale: " + e.What }

// An EditedError refuses a rollback because somebody edited a file since.
// Nothing was changed.
type EditedError struct{ Conflict *ConflictError }

func (e *EditedError) Error() string { return e.Conflict.Error() + "; nothing was changed" }

// A BlockedError says that nothing of the policy can be brought about.
type BlockedError struct{ Reasons, Remedies []string }

func (e *BlockedError) Error() string {
	return "cannot apply any control of the policy: " + strings.Join(e.Reasons, "; ")
}

// A HoldError refuses a plan that was rolled back before.
type HoldError struct{ Reason string }

func (e *HoldError) Error() string {
	return "this plan was applied before and rolled back: " + e.Reason
}

// An IrreversibleError refuses what cannot be undone without permission.
type IrreversibleError struct{ Impacts []resource.Impact }

func (e *IrreversibleError) Error() string {
	var texts []string
	for _, i := range e.Impacts {
		text := i.Text
		if len(i.Subjects) > 0 {
			text += " (" + strings.Join(i.Subjects, ", ") + ")"
		}
		texts = append(texts, text)
	}
	return fmt.Sprintf("the plan holds what cannot be undone: %s", strings.Join(texts, "; "))
}
