package txn

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ending is result.json.
type ending struct {
	Outcome   Outcome    `json:"outcome"`
	Reason    string     `json:"reason,omitempty"`
	Finished  time.Time  `json:"finished"`
	Notes     []string   `json:"notes,omitempty"`
	Conflicts []Conflict `json:"conflicts,omitempty"` // edits that were let stand
}

// finish closes the transaction. It may be repeated.
func (t *tx) finish(out Outcome, reason string, conflicts []Conflict) error {
	t.log("tidy", "")
	end := ending{Outcome: out, Reason: reason, Finished: t.m.opt.Now().UTC(), Notes: t.notes, Conflicts: conflicts}
	j, err := json.MarshalIndent(end, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	if err := t.dir.Replace("result.json", append(j, '\n')); err != nil {
		return err
	}
	if err := t.updateState(out, reason); err != nil {
		return err
	}
	if err := t.m.state.Remove(activeName); err != nil {
		return err
	}
	if err := t.m.state.Sync(); err != nil {
		return err
	}
	if err := t.m.prune(); err != nil {
		t.notes = append(t.notes, err.Error())
	}
	return nil
}

func (t *tx) updateState(out Outcome, reason string) error {
	s, err := t.m.State()
	if err != nil {
		return err
	}
	if s.Lineage == "" { // the first transaction, or state.json is lost
		s.LastConfirmed = t.in.Parent
	}
	s.Lineage, s.Serial, s.LastTxn = t.in.Lineage, max(s.Serial, t.in.Serial), t.in.ID
	if out == Committed {
		s.LastConfirmed, s.Hold = t.in.ID, nil
	}
	if r, ok := t.wal.find(recAbort, 0); ok && r.Hold {
		s.Hold = &Hold{PlanSHA: t.in.PlanSHA, Reason: reason, When: t.m.opt.Now().UTC(), Txn: t.in.ID}
	}
	return t.m.saveState(s)
}

// dropTemps unlinks the temporary files, but for those of conflicts: one of
// them may be the only copy of somebody's edit.
func (t *tx) dropTemps(conflicts []Conflict) error {
	var errs []error
	for _, op := range t.in.Ops {
		if !slices.ContainsFunc(conflicts, func(c Conflict) bool { return c.N == op.N }) {
			errs = append(errs, t.dropTemp(op))
		}
	}
	return errors.Join(errs...)
}

func (t *tx) dropTemp(op Op) error {
	d, _, err := t.parent(op)
	if err != nil || d == nil {
		return err
	}
	defer d.Close()
	if op.Kind == Mkdir || op.Kind == Rmdir {
		return errors.Join(d.Rmdir(op.Temp), d.Rmdir(op.Undo))
	}
	return errors.Join(d.Remove(op.Temp), d.Remove(op.Undo))
}

// overwrite puts the old file back over somebody's edit, which is kept in the
// journal as conflict/N-DIGEST.
func (t *tx) overwrite(d *fsys.Dir, base string, k task) error {
	f, err := d.File(base)
	if err != nil {
		return err
	}
	if f.Print.Exists() && f.Print.Type != resource.Regular {
		return &fsys.ChangedError{Path: k.op.Path, What: fsys.Differs(k.op.After, f.Print), Now: f.Print}
	}
	if err := t.saveEdit(k.op, f); err != nil {
		return err
	}
	tmp, err := d.File(k.op.Temp) // another edit, displaced by a run that crashed
	if err == nil {
		err = t.saveEdit(k.op, tmp)
	}
	if err != nil {
		return err
	}
	if !f.Print.Exists() && !k.op.Before.Exists() {
		return nil
	}
	return t.putBack(d, base, k.op, f.Print)
}

func (t *tx) saveEdit(op Op, f resource.File) error {
	if f.Print.Type != resource.Regular || is(op.Before, f.Print) || is(op.After, f.Print) {
		return nil
	}
	name := fmt.Sprintf("%d-%s", op.N, f.Print.SHA256[:16])
	there, err := t.dir.Exists("conflict")
	if err == nil && !there {
		err = t.dir.MakePrivate("conflict")
	}
	if err != nil {
		return err
	}
	sub, err := t.dir.OpenDir("conflict")
	if err != nil {
		return err
	}
	defer sub.Close()
	t.notes = append(t.notes, "saved the edit that was in the way as "+filepath.Join(sub.Path(), name))
	return errors.Join(sub.Replace(name, f.Content), t.dir.Sync())
}
