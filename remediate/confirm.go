package remediate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Waiting is a transaction that is applied and waits to be confirmed.
type Waiting struct {
	ID string
	// Until is when it is rolled back.
	Until time.Time
	// Over says that its time is over: the next command rolls it back, if the
	// timer does not come first.
	Over bool
}

// Waiting returns the transaction that waits to be confirmed, or nil. It takes
// no lock and changes nothing.
func (h *Host) Waiting() (*Waiting, error) {
	r, err := txn.OpenRead(h.root, StateDir)
	if err != nil {
		return nil, err
	}
	w, err := r.Waiting()
	if err != nil || w == nil {
		return nil, err
	}
	return &Waiting{ID: w.ID, Until: w.Deadline, Over: w.Left == 0}, nil
}

// ConfirmOptions say what to confirm.
type ConfirmOptions struct {
	// ID is the transaction; "" is whichever waits.
	ID string
	// SameSession allows to confirm over the ssh connection that applied. It
	// proves little: rules that cut off new connections let it live.
	SameSession bool
	LockTimeout time.Duration
	Progress    func(string)
}

// A ConfirmResult says what a confirmation kept.
type ConfirmResult struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
	// Outcome is "committed", or "rolled-back" when the confirmation came too
	// late; Cause then says so.
	Outcome string `json:"outcome"`
	Cause   string `json:"cause,omitempty"`
	// Files are those that the transaction changed.
	Files []RecordedFile `json:"files"`
	// Rules says that it changed rules in the kernel.
	Rules bool `json:"rules,omitempty"`
	// Limits are the containers whose limits it changed.
	Limits []string `json:"limits,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// A SameSessionError refuses a confirmation over the connection that applied.
type SameSessionError struct{ Connection string }

func (e *SameSessionError) Error() string {
	f := append(strings.Fields(e.Connection), "", "")
	return fmt.Sprintf("cannot confirm over the ssh connection that applied (from %s port %s): it shows nothing about new ones", f[0], f[1])
}

// Confirm keeps what waits to be confirmed. When it comes too late, it rolls
// back: the result says which. The error is *BusyError, *NotWaitingError,
// *SameSessionError, or one of recovery's.
func (h *Host) Confirm(ctx context.Context, o ConfirmOptions) (*ConfirmResult, error) {
	r, err := h.open(ctx, o.LockTimeout, o.Progress)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.sameSession(o); err != nil {
		return nil, err
	}
	rep, err := r.txn.Confirm(ctx, o.ID)
	var late *LateError
	res := &ConfirmResult{Format: 1}
	switch {
	case errors.As(err, &late):
		res.Cause = late.Error()
		if rep, err = r.txn.Recover(ctx, txn.RecoverOptions{}); err != nil {
			return nil, err
		}
	case rep == nil:
		return nil, h.whyNotWaiting(err)
	case err != nil: // it is confirmed, and the next run goes on with tidying
		res.Notes = append(res.Notes, err.Error())
	}
	h.disarm(ctx, rep.ID)
	res.ID, res.Outcome, res.Notes = rep.ID, string(rep.Outcome), slices.Concat(res.Notes, rep.Notes, r.left())
	return res, r.kept(res)
}

// kept fills in what the transaction changed.
func (r *run) kept(res *ConfirmResult) error {
	e, err := r.txn.Entry(res.ID)
	if err != nil {
		return err
	}
	res.Files, res.Rules, res.Limits = record(e).Files, changesRules(e.Steps), limited(e.Steps)
	return nil
}

func (r *run) sameSession(o ConfirmOptions) error {
	w, err := r.txn.Waiting()
	if err != nil || w == nil || w.Left == 0 || o.SameSession {
		return err
	}
	if now := host.SSHConnection(); sameClient(w.SSHConnection, now) {
		return &SameSessionError{Connection: now}
	}
	return nil
}

// sameClient compares address and port of the client.
func sameClient(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return len(x) >= 2 && len(y) >= 2 && x[0] == y[0] && x[1] == y[1]
}

// whyNotWaiting adds what became of the one that did wait.
func (h *Host) whyNotWaiting(err error) error {
	var idle *NotWaitingError
	if !errors.As(err, &idle) {
		return err
	}
	list, herr := h.History()
	if herr != nil || len(list) == 0 {
		return err
	}
	last := list[len(list)-1]
	if idle.ID != "" && idle.ID != last.ID || last.Reason == "" {
		return err
	}
	return fmt.Errorf("%w; transaction %s is %s: %s", err, last.ID, last.Outcome, last.Reason)
}

// takeBack rolls back the transaction that waits. The lock is taken only after
// the consent: a person at the prompt, whom the change may have cut off, must
// not keep the dead man waiting.
func (h *Host) takeBack(ctx context.Context, w *Waiting, o RollbackOptions) (*ApplyResult, error) {
	if o.To != "" && o.To != w.ID {
		return nil, &AwaitingError{ID: w.ID, Deadline: w.Until}
	}
	res := &ApplyResult{Format: 1, Outcome: Unchanged}
	if o.Approve != nil {
		rev, err := h.reversalOf(ctx, w.ID)
		if err != nil {
			return nil, err
		}
		if err := o.Approve(rev); err != nil {
			return res, err
		}
	}
	r, err := h.open(ctx, o.LockTimeout, o.Progress)
	if err != nil {
		return res, err
	}
	defer r.close()
	rep, err := r.txn.TakeBack(ctx, w.ID)
	if err != nil {
		return res, h.whyNotWaiting(err)
	}
	h.disarm(ctx, w.ID)
	res.ID, res.Outcome, res.Notes = rep.ID, TakenBack, slices.Concat(rep.Notes, r.left())
	return res, nil
}

func (h *Host) reversalOf(ctx context.Context, id string) (Reversal, error) {
	r, err := txn.OpenRead(h.root, StateDir)
	if err != nil {
		return Reversal{}, err
	}
	e, err := r.Entry(id)
	if err != nil {
		return Reversal{}, err
	}
	rev := Reversal{Of: []string{id}, Rules: changesRules(e.Steps), Limits: limited(e.Steps)}
	for _, op := range e.Ops {
		if op.Kind != txn.Mkdir && op.Kind != txn.Rmdir {
			rev.Paths = append(rev.Paths, op.Path)
		}
	}
	steps := stepsOf(e.Steps, dockerdStep)
	if len(steps) == 0 {
		return rev, nil
	}
	s := h.Observe(ctx, nil)
	undo, err := undoService(steps, true, s)
	if err != nil {
		return rev, err
	}
	if undoReloads(steps) {
		undo.svc.Action = resource.Reload
	}
	rev.Service, rev.Stops = undo.svc, stops(undo.svc, s)
	return rev, nil
}
