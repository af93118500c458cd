package remediate

import (
	"context"
	"slices"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// RecoverOptions say how to recover.
type RecoverOptions struct {
	// Boot says that dockerd has not started yet: it is left alone.
	Boot bool
	// Force overwrites files that somebody edited since, and keeps their
	// edits in the journal; Keep leaves such files as they are.
	Force, Keep bool
	// Due is the transaction that is rolled back if it still is open and, in
	// case that it waits to be confirmed, its time is over; else nothing is
	// done. It is what the timer of ApplyOptions.ConfirmWithin asks for.
	Due string
	// After is how long to wait before, for hosts without timers.
	After       time.Duration
	LockTimeout time.Duration
	Progress    func(string)
}

// A RecoverResult says what a recovery found and did.
type RecoverResult struct {
	Format int `json:"format"`
	// ID is the transaction that was open, "" if there was none.
	ID string `json:"id,omitempty"`
	// Outcome is "" if nothing was open, else "committed" (it had passed its
	// commit point), "rolled-back" or "not-applied"; with Boot also "deferred":
	// the rest, in Notes, follows when dockerd runs.
	Outcome string   `json:"outcome,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// Recover finishes what a killed run or a power cut left open: forward if it
// had committed, else back. One that waits to be confirmed is an *AwaitingError,
// but at boot.
func (h *Host) Recover(ctx context.Context, o RecoverOptions) (*RecoverResult, error) {
	if err := sleep(ctx, host.Uptime(), o.After); err != nil {
		return nil, err
	}
	r, err := h.open(ctx, o.LockTimeout, o.Progress)
	if err != nil {
		return nil, err
	}
	defer r.close()
	rep, err := r.txn.Recover(ctx, txn.RecoverOptions{Boot: o.Boot, Force: o.Force, Keep: o.Keep, Due: o.Due})
	if err != nil {
		return nil, err
	}
	if rep.ID != "" && !o.Boot {
		h.disarm(ctx, rep.ID)
	}
	if err := h.cleanRecovery(); err != nil {
		return nil, err
	}
	return &RecoverResult{Format: 1, ID: rep.ID, Outcome: string(rep.Outcome), Notes: slices.Concat(rep.Notes, r.left())}, nil
}
