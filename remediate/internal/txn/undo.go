package txn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
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
	if err := t.wal.append(record{Kind: recAborted, Reason: string(out)}); err != nil {
		return Unfinished, t.unfinished(err)
	}
	if err := t.finish(out, t.reason(), conflicts); err != nil {
		return Unfinished, t.unfinished(err)
	}
	return out, nil
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
	out := NotApplied
	if touched {
		out = RolledBack
	}
	return out, conflicts, errors.Join(append(errs, t.walErr)...)
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

// eachStep returns apart what steps left because somebody else changed it.
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
			Did: did, Done: done.Data, Boot: o.boot, SameBoot: t.in.BootID == t.m.opt.BootID, Force: o.force,
		})
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

// revert carries out one verdict. A *fsys.ChangedError is a conflict.
func (t *tx) revert(k task, o undoOptions) error {
	d, base, err := t.parent(k.op)
	if err != nil {
		return err
	}
	if d == nil {
		if k.op.Kind == Make {
			return nil
		}
		return fmt.Errorf("cannot put back %s: its directory is gone", k.op.Path)
	}
	defer d.Close()
	switch k.do {
	case remake:
		return errors.Join(d.Rmdir(k.op.Undo), d.Mkdir(k.op.Undo, base, k.op.Before))
	case unswap:
		return d.Unswap(k.op.Temp, base)
	case untake:
		return d.Place(k.op.Temp, base)
	case unswapRb, untakeRb:
		return t.giveBack(d, base, k)
	case conflict:
		if !o.force {
			return &fsys.ChangedError{Path: k.op.Path, What: fsys.Differs(k.op.After, k.view.cur), Now: k.view.cur}
		}
		return t.overwrite(d, base, k)
	}
	return t.putBack(d, base, k.op, k.op.After)
}

// giveBack returns the edit that an interrupted undo had displaced; it is a
// conflict now.
func (t *tx) giveBack(d *fsys.Dir, base string, k task) error {
	var err error
	if k.do == unswapRb {
		err = d.Unswap(k.op.Undo, base)
	} else {
		err = d.Place(k.op.Undo, base)
	}
	if err != nil {
		return err
	}
	return &fsys.ChangedError{Path: k.op.Path, What: fsys.Differs(k.op.After, k.view.rb), Now: k.view.rb}
}

// putBack replaces what is expected at base by the state before.
func (t *tx) putBack(d *fsys.Dir, base string, op Op, expected resource.Fingerprint) error {
	if err := d.Remove(op.Undo); err != nil {
		return err
	}
	if op.Before.Exists() {
		if err := t.stageBackup(d, op); err != nil {
			return err
		}
	}
	if _, known := t.wal.find(recUndo, op.N); !known {
		t.record(record{Kind: recUndo, N: op.N})
	}
	switch {
	case !op.Before.Exists():
		return d.Take(base, op.Undo, expected)
	case expected.Exists():
		return d.Swap(op.Undo, base, expected)
	}
	err := d.Place(op.Undo, base)
	if errors.Is(err, fs.ErrExist) {
		return &fsys.ChangedError{Path: op.Path, What: "was absent, now exists"}
	}
	return err
}

func (t *tx) stageBackup(d *fsys.Dir, op Op) error {
	b, err := t.backup(op)
	if err != nil {
		return err
	}
	if err := d.Stage(op.Undo, b, op.Before, true); err != nil {
		return err
	}
	p, err := d.Fingerprint(op.Undo)
	if err != nil {
		return err
	}
	if what := fsys.Differs(op.Before, p); what != "" {
		return fmt.Errorf("cannot put back %s: the copy does not read back as written (%s)", op.Path, what)
	}
	return nil
}
