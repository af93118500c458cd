package txn

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

// RecoverOptions say how to deal with an open transaction.
type RecoverOptions struct {
	// Boot says that services are not started yet.
	Boot bool
	// Force puts old files back over other people's edits, which are kept in
	// the journal first.
	Force bool
	// Keep lets other people's edits stand and closes the transaction.
	Keep bool
	// Due, if set, is the only transaction to be dealt with; one that waits
	// and has time left is then no error, and left alone.
	Due string
}

// A Report says what Recover did. The zero Report: nothing was open.
type Report struct {
	// ID is the transaction that was open, or "".
	ID string
	// Outcome is Committed when it had passed its commit point and was only
	// tidied, else RolledBack, NotApplied, Deferred, Conflicted or Unfinished.
	Outcome Outcome
	// Reason is why it had failed; "" for a crash.
	Reason string
	// Dropped are leftovers of a crash in the journal that were removed.
	Dropped []string
	Notes   []string
}

// Recover finishes the open transaction, if there is one: forward when COMMIT
// is in its log, else back. The error is a *ConflictError, a *DamagedError
// (nothing was touched) or an *UnfinishedError; in all three cases the
// transaction stays open. With nothing open it writes nothing, but for the
// removal of leftovers. A transaction that waits to be confirmed and has time
// left is an *AwaitingError, but at boot. One whose steps cannot all be taken back
// early in a boot is Deferred and stays open too, without an error.
func (m *Manager) Recover(ctx context.Context, o RecoverOptions) (*Report, error) {
	id, err := m.Active()
	if err != nil {
		return nil, err
	}
	if o.Due != "" && o.Due != id {
		return &Report{}, nil
	}
	if id == "" {
		dropped, err := m.sweep()
		return &Report{Dropped: dropped}, err
	}
	// What cannot be closed in the end is not begun.
	if _, err := m.State(); err != nil {
		return nil, err
	}
	t, err := m.openTx(id)
	if err != nil {
		return nil, asDamaged(err, m.file(filepath.Join(txnName, id)))
	}
	defer t.close()
	if w := t.waiting(); w != nil && w.Left > 0 && !o.Boot {
		if o.Due != "" {
			return &Report{}, nil
		}
		return nil, &AwaitingError{ID: id, Deadline: w.Deadline}
	}
	m.sign()
	rep := &Report{ID: id}
	ctx = context.WithoutCancel(ctx)
	if t.wal.has(recCommit) {
		rep.Outcome, err = Committed, t.complete()
	} else {
		rep.Outcome, err = t.undo(ctx, undoOptions{
			abort: t.abandon(), boot: o.Boot, force: o.Force, keep: o.Keep,
		})
	}
	rep.Reason, rep.Notes = t.reason(), t.notes
	return rep, err
}

// complete repeats what follows a commit.
func (t *tx) complete() error {
	err := errors.Join(t.dropTemps(nil), t.syncDirs())
	if err == nil {
		err = t.finish(Committed, "", nil)
	}
	return t.unfinished(err)
}

// asDamaged: an open transaction without its files is damage.
func asDamaged(err error, path string) error {
	if fsys.IsNotExist(err) {
		return &DamagedError{path, "it is missing, but " + activeName + " names it"}
	}
	return err
}

// sweep removes what crashes left in the journal while nothing was open:
// half-written and half-removed transactions, and those that never began.
func (m *Manager) sweep() ([]string, error) {
	var dropped []string
	for _, name := range []string{activeName + ".tmp", stateName + ".tmp"} {
		there, err := m.state.Exists(name)
		if err == nil && there {
			dropped = append(dropped, name)
			err = m.state.Remove(name)
		}
		if err != nil {
			return dropped, err
		}
	}
	all, err := m.dir(txnName)
	if err != nil || all == nil {
		return dropped, err
	}
	defer all.Close()
	names, err := all.Names()
	if err != nil {
		return dropped, err
	}
	for _, name := range names {
		if !m.orphan(name) {
			continue
		}
		dropped = append(dropped, filepath.Join(txnName, name))
		if err := all.RemoveAll(name); err != nil {
			return dropped, err
		}
	}
	if len(dropped) == 0 {
		return nil, nil
	}
	return dropped, errors.Join(all.Sync(), m.state.Sync())
}

// orphan reports a directory that no transaction owns. A transaction without a
// result whose log goes beyond BEGIN is kept: somebody may have removed ACTIVE
// by hand, and the copies in it are then the last.
func (m *Manager) orphan(name string) bool {
	if strings.HasPrefix(name, ".new-") || strings.HasPrefix(name, ".old-") {
		return true
	}
	if !idPattern.MatchString(name) {
		return false
	}
	dir := filepath.Join(txnName, name)
	if b, err := m.slurp(dir, "result.json"); err != nil || b != nil {
		return false
	}
	b, err := m.slurp(dir, "wal")
	if err != nil {
		return false
	}
	recs, good, err := parseWAL(b)
	return err == nil && good == len(b) && len(recs) == 1 && recs[0].Kind == recBegin
}
