package txn

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

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
