package txn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// await is the data of AWAIT.
type await struct {
	// Deadline is CLOCK_BOOTTIME in nanoseconds: setting the wall clock does
	// not move it, and it goes on while the machine is suspended. It means
	// something in the boot of BootID only.
	Deadline int64         `json:"deadline_boottime_ns"`
	BootID   string        `json:"boot_id"`
	Window   time.Duration `json:"window_ns"`
	Until    time.Time     `json:"until"` // for people
	// SSHConnection is how the one who applied was connected (ssh(1)).
	SSHConnection string `json:"ssh_connection,omitempty"`
}

// Waiting is a transaction that is carried out and waits to be confirmed.
type Waiting struct {
	ID string
	// Left is how long it still waits; 0 if it is to be rolled back.
	Left time.Duration
	// Deadline is when, by the wall clock as it is set now.
	Deadline time.Time
	// SSHConnection is that of the run that applied, or "".
	SSHConnection string
}

// A clock tells how long an AWAIT has to go.
type clock struct {
	now    func() time.Time
	uptime func() time.Duration
	bootID string
}

// uptime is the time since boot, suspension included (clock_gettime(2)); the
// call has no error for a clock that every supported kernel has.
func uptime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Duration(ts.Nano())
}

func systemClock() (clock, error) {
	id, err := bootID()
	return clock{time.Now, uptime, id}, err
}

func (m *Manager) clock() clock { return clock{m.opt.Now, m.opt.Uptime, m.opt.BootID} }

// waiting reads the log; nil if the transaction does not wait, or no longer. An
// AWAIT that cannot be understood, of another boot, or further away than its
// whole window (a clock that is not the one it was written by) has no time left:
// to roll back is what it was written for.
func waiting(id string, log []record, c clock) *Waiting {
	has := func(kind string) bool {
		return slices.ContainsFunc(log, func(r record) bool { return r.Kind == kind })
	}
	i := slices.IndexFunc(log, func(r record) bool { return r.Kind == recAwait })
	if i < 0 || has(recCommit) || has(recAbort) {
		return nil
	}
	var a await
	err := json.Unmarshal(log[i].Data, &a)
	w := &Waiting{ID: id, Deadline: a.Until, SSHConnection: a.SSHConnection}
	left := time.Duration(a.Deadline) - c.uptime()
	if err == nil && a.BootID == c.bootID && left > 0 && left <= a.Window {
		w.Left, w.Deadline = left, c.now().Add(left)
	}
	return w
}

func (t *tx) waiting() *Waiting { return waiting(t.in.ID, t.wal.recs, t.m.clock()) }

// Waiting returns the open transaction if it waits to be confirmed, else nil.
func (r *Reader) Waiting() (*Waiting, error) {
	c, err := systemClock()
	if err != nil {
		return nil, err
	}
	id, err := r.Active()
	if err != nil || id == "" {
		return nil, err
	}
	_, log, err := r.load(id)
	if err != nil {
		return nil, asDamaged(err, r.file(filepath.Join(txnName, id)))
	}
	return waiting(id, log.list, c), nil
}

// Waiting tells whether the transaction waits to be confirmed, else it is nil.
func (e *Entry) Waiting() *Waiting {
	c, err := systemClock()
	if err != nil || e.Outcome != "" {
		return nil
	}
	return waiting(e.ID, e.log, c)
}

func (s *Spec) checkAwait() error {
	switch {
	case s.AwaitConfirm < 0:
		return errors.New("cannot wait for a confirmation: the time is negative")
	case s.AwaitConfirm > 0 && s.Arm == nil:
		return errors.New("cannot wait for a confirmation: nothing would take the change back")
	}
	return nil
}

func (t *tx) arm(ctx context.Context, spec Spec) error {
	if spec.AwaitConfirm == 0 {
		return nil
	}
	t.log("arm", "")
	return spec.Arm(ctx, t.in.ID)
}

// await begins to wait. The time counts from before the dead man is armed: he
// would otherwise find that the deadline is still to come, and go away.
func (t *tx) await(ctx context.Context, spec Spec) error {
	c := t.m.clock()
	a := await{
		Deadline: int64(c.uptime() + spec.AwaitConfirm), BootID: c.bootID, Window: spec.AwaitConfirm,
		Until: c.now().Add(spec.AwaitConfirm).UTC(), SSHConnection: t.in.Actor.SSHConnection,
	}
	if err := t.arm(ctx, spec); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	j, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("cannot append %s to the log: %w", recAwait, err)
	}
	return t.wal.append(record{Kind: recAwait, Data: j})
}

// Confirm commits the transaction that waits; id may be "" for whichever it is.
// The error is a *NotWaitingError, a *LateError, or says why the log could not
// be written. With Committed and an *UnfinishedError only tidying failed.
func (m *Manager) Confirm(ctx context.Context, id string) (*Report, error) {
	t, err := m.openWaiting(id)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if w := t.waiting(); w.Left == 0 {
		return nil, &LateError{ID: w.ID, Deadline: w.Deadline}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	m.sign()
	t.log("commit", "")
	if err := t.wal.append(record{Kind: recCommit}); err != nil {
		return nil, t.undecided("cannot confirm", err)
	}
	err = t.complete()
	return &Report{ID: t.in.ID, Outcome: Committed, Notes: t.notes}, err
}

// TakeBack rolls back the waiting transaction id before its time. It is as
// Recover, but for the *NotWaitingError.
func (m *Manager) TakeBack(ctx context.Context, id string) (*Report, error) {
	t, err := m.openWaiting(id)
	if err != nil {
		return nil, err
	}
	defer t.close()
	m.sign()
	// Undone without an ABORT, it could still be confirmed.
	abort := t.unconfirmed("taken back before it was confirmed")
	if err := t.wal.append(abort); err != nil {
		return nil, t.undecided("cannot take back", err)
	}
	rep := &Report{ID: t.in.ID}
	rep.Outcome, err = t.undo(context.WithoutCancel(ctx), undoOptions{abort: abort})
	rep.Reason, rep.Notes = t.reason(), t.notes
	return rep, err
}

func (m *Manager) openWaiting(id string) (*tx, error) {
	open, err := m.Active()
	if err != nil {
		return nil, err
	}
	if open == "" || id != "" && id != open {
		return nil, &NotWaitingError{ID: id, Open: open}
	}
	if _, err := m.State(); err != nil {
		return nil, err
	}
	t, err := m.openTx(open)
	if err != nil {
		return nil, asDamaged(err, m.file(filepath.Join(txnName, open)))
	}
	if t.waiting() == nil {
		t.close()
		return nil, &NotWaitingError{ID: id, Open: open}
	}
	return t, nil
}

// undecided: the transaction waits on, unless the disk holds the record all the
// same; then the next run reads it there.
func (t *tx) undecided(what string, err error) error {
	if errors.Is(err, errDoubt) {
		return t.unfinished(err)
	}
	return fmt.Errorf("%s transaction %s: %w", what, t.in.ID, err)
}
