package txn

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

type undoOptions struct {
	abort record
	boot  bool
	force bool // overwrite other people's edits, after saving them
	keep  bool // let other people's edits stand, and finish
}

type stepFunc = func(s Step, ctx context.Context, payload json.RawMessage, info UndoInfo) error

// undo takes the transaction back. It may be killed anywhere and called again.
func (t *tx) undo(ctx context.Context, o undoOptions) (Outcome, error) {
	if r, ok := t.wal.find(recAborted, 0); ok {
		// Only the tidying was left; what others did since is their business.
		out := Outcome(r.Reason)
		return out, t.unfinished(t.finish(out, t.reason(), nil))
	}
	t.log("undo", "")
	out, conflicts, err := t.takeBack(ctx, o)
	if conflicts != nil && !o.keep {
		// The first to be told: what else failed may follow from it, as when
		// dockerd does not start with one file that is not put back.
		conflict := &ConflictError{ID: t.in.ID, Conflicts: conflicts}
		if err != nil {
			return Conflicted, errors.Join(conflict, t.openEnd(err))
		}
		return Conflicted, conflict
	}
	if err != nil {
		return Unfinished, t.openEnd(err)
	}
	if out == Deferred {
		return t.deferred()
	}
	if err := t.wal.append(record{Kind: recAborted, Reason: string(out)}); err != nil {
		return Unfinished, t.unfinished(err)
	}
	if err := t.finish(out, t.reason(), conflicts); err != nil {
		return Unfinished, t.unfinished(err)
	}
	return out, nil
}

// deferred leaves the rest to a later recovery. The record keeps that one from
// restarting services that have started with the old files by then, and from
// files that somebody edits in the meantime. In the boot of the transaction it
// would not be true: services have read the new files, whoever calls this a boot.
func (t *tx) deferred() (Outcome, error) {
	t.notes = append(t.notes, t.later...)
	if !t.wal.has(recBack) && t.in.BootID != t.m.opt.BootID {
		if err := t.wal.append(record{Kind: recBack}); err != nil {
			return Unfinished, t.unfinished(err)
		}
	}
	return Deferred, nil
}

// openEnd keeps a damaged journal apart from other causes.
func (t *tx) openEnd(err error) error {
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		return damaged
	}
	return t.unfinished(err)
}

func (t *tx) reason() string {
	r, _ := t.wal.find(recAbort, 0)
	return r.Reason
}

func (t *tx) takeBack(ctx context.Context, o undoOptions) (Outcome, []Conflict, error) {
	if t.wal.has(recBack) {
		conflicts, err := t.eachStep(ctx, o, Step.Restore)
		return t.undone(true), conflicts, errors.Join(err, t.walErr)
	}
	release, err := t.m.lockAccounts(ctx, t.in.Ops)
	if err != nil {
		return "", nil, err
	}
	defer release()
	todo, err := t.survey()
	if err != nil {
		return "", nil, err // before anything is touched
	}
	if !t.wal.has(recAbort) {
		t.record(o.abort)
	}
	touched := t.wasTouched(todo)
	var errs []error
	if touched {
		_, err := t.eachStep(ctx, o, Step.Quiesce)
		errs = append(errs, err)
	}
	conflicts, err := t.execute(todo, o)
	// A directory can go only when the temporary files in it are gone.
	errs = append(errs, err, t.dropTemps(conflicts), t.removeDirs(todo), t.syncDirs())
	release()
	if touched {
		// Also when files failed: a service that was stopped must come back.
		foreign, err := t.eachStep(ctx, o, Step.Restore)
		conflicts, errs = append(conflicts, foreign...), append(errs, err)
	}
	return t.undone(touched), conflicts, errors.Join(append(errs, t.walErr)...)
}

func (t *tx) undone(touched bool) Outcome {
	switch {
	case len(t.later) > 0:
		return Deferred
	case touched:
		return RolledBack
	}
	return NotApplied
}

// record appends r if it can. The undo goes on without: to have the host back
// matters more, and what follows can be judged by its state. The transaction
// then stays open.
func (t *tx) record(r record) {
	if err := t.wal.append(r); err != nil && t.walErr == nil {
		t.walErr = err
	}
}

type task struct {
	op   Op
	view view
	do   verdict
}

// survey judges all operations, last first, and reads every backup that is
// going to be needed: if one is damaged, nothing is touched.
func (t *tx) survey() ([]task, error) {
	var todo []task
	for _, op := range slices.Backward(t.in.Ops) {
		v, err := t.look(op)
		if err != nil {
			return nil, err
		}
		do := t.judge(op, v)
		if do == restore || do == conflict {
			if _, err := t.backup(op); err != nil {
				return nil, err
			}
		}
		todo = append(todo, task{op, v, do})
	}
	return todo, nil
}

// wasTouched reports whether services can have seen the new state.
func (t *tx) wasTouched(todo []task) bool {
	if t.wal.has(recFiles) || t.wal.has(recUndo) || t.wal.has(recDo) {
		return true
	}
	return slices.ContainsFunc(todo, func(k task) bool {
		return k.do != leave && (k.op.Kind == Swap || k.op.Kind == Make || k.op.Kind == Delete)
	})
}

// eachStep returns apart what steps left because somebody else changed it, and
// notes what they leave to a later recovery.
func (t *tx) eachStep(ctx context.Context, o undoOptions, f stepFunc) (conflicts []Conflict, err error) {
	var errs []error
	for n, spec := range slices.Backward(t.in.Steps) {
		s, err := t.m.step(spec.Name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		_, did := t.wal.find(recDo, n)
		done, _ := t.wal.find(recDone, n)
		err = f(s, ctx, spec.Payload, UndoInfo{
			Did: did, Done: done.Data, Boot: o.boot, SameBoot: t.in.BootID == t.m.opt.BootID,
			Fresh: t.wal.has(recBack), Force: o.force,
		})
		var later *LaterError
		if o.boot && errors.As(err, &later) {
			t.later = append(t.later, later.Why)
			continue
		}
		var foreign *ForeignError
		if errors.As(err, &foreign) {
			conflicts = append(conflicts, Conflict{N: len(t.in.Ops) + n, Path: foreign.Path, What: foreign.What})
			continue
		}
		errs = append(errs, err)
	}
	return conflicts, errors.Join(errs...)
}

func (t *tx) execute(todo []task, o undoOptions) ([]Conflict, error) {
	var conflicts []Conflict
	var errs []error
	for _, k := range todo {
		if k.do == leave || k.do == remove {
			continue
		}
		t.log("undo", k.op.Path)
		err := t.revert(k, o)
		var changed *fsys.ChangedError
		if errors.As(err, &changed) {
			conflicts = append(conflicts, Conflict{N: k.op.N, Path: k.op.Path, What: changed.What})
			t.recordConflict(k.op.N)
			continue
		}
		errs = append(errs, err)
	}
	return conflicts, errors.Join(errs...)
}

// removeDirs removes the directories that the transaction made.
func (t *tx) removeDirs(todo []task) error {
	var errs []error
	for _, k := range todo {
		if k.do != remove {
			continue
		}
		d, base, err := t.parent(k.op)
		if err == nil && d != nil {
			err = t.rmdir(d, base, k.op.Path)
			d.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (t *tx) recordConflict(n int) {
	if _, known := t.wal.find(recConflict, n); !known {
		t.record(record{Kind: recConflict, N: n})
	}
}
