package txn

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

// stage makes missing directories and writes every new file beside its target.
// All that can fail for want of space or rights fails here, while the targets
// are untouched.
func (t *tx) stage() error {
	for _, op := range t.in.Ops {
		if err := t.stageOp(op); err != nil {
			return err
		}
	}
	return t.wal.append(record{Kind: recStaged})
}

func (t *tx) stageOp(op Op) error {
	switch op.Kind {
	case Mkdir, Make, Swap:
	default:
		return nil
	}
	t.log("stage", op.Path)
	d, base, err := t.parent(op)
	if err != nil {
		return err
	}
	if d == nil {
		return &DriftError{Path: op.Path, What: "its directory is gone"}
	}
	defer d.Close()
	if op.Kind != Mkdir {
		return d.Stage(op.Temp, t.after[op.N], op.After, op.Mtime)
	}
	err = d.Mkdir(op.Temp, base, op.After)
	if errors.Is(err, fs.ErrExist) {
		t.foreign = append(t.foreign, op.N)
		return &DriftError{Path: op.Path, What: "was absent, now exists"}
	}
	return err
}

func (t *tx) staged() []Staged {
	var list []Staged
	for _, op := range t.in.Ops {
		if op.Kind == Make || op.Kind == Swap {
			temp := filepath.Join(filepath.Dir(op.Path), op.Temp)
			list = append(list, Staged{Path: op.Path, Temp: t.m.root.Abs(temp)})
		}
	}
	return list
}

// verifyStaged reads the staged files again: what was validated is what will
// be put in place.
func (t *tx) verifyStaged() error {
	for _, op := range t.in.Ops {
		if op.Kind != Make && op.Kind != Swap {
			continue
		}
		d, _, err := t.parent(op)
		if err != nil {
			return err
		}
		if d == nil {
			return &DriftError{Path: op.Path, What: "its directory is gone"}
		}
		p, err := d.Fingerprint(op.Temp)
		d.Close()
		if err != nil {
			return err
		}
		if what := fsys.Differs(op.After, p); what != "" {
			return fmt.Errorf("cannot use the file staged for %s: it does not read back as written (%s)", op.Path, what)
		}
	}
	return nil
}

// burst puts all files in place. It takes microseconds, which is as near as a
// set of files comes to changing at once.
func (t *tx) burst() error {
	t.log("files", "")
	for _, op := range t.in.Ops {
		if err := t.put(op); err != nil {
			return err
		}
	}
	// The displaced files go before the directories are synced, so that no
	// power cut brings them back.
	for _, op := range t.in.Ops {
		if err := t.dropDisplaced(op); err != nil {
			return err
		}
	}
	if err := t.syncDirs(); err != nil {
		return err
	}
	return t.wal.append(record{Kind: recFiles})
}

func (t *tx) put(op Op) error {
	if op.Kind == Mkdir || op.Kind == Rmdir {
		return nil
	}
	d, base, err := t.parent(op)
	if err != nil {
		return err
	}
	if d == nil {
		return t.drift(op, "its directory is gone")
	}
	defer d.Close()
	switch op.Kind {
	case Make:
		err = d.Place(op.Temp, base)
	case Swap:
		err = d.Swap(op.Temp, base, op.Before)
	case Delete:
		err = d.Take(base, op.Temp, op.Before)
	}
	var changed *fsys.ChangedError
	switch {
	case errors.As(err, &changed):
		return t.drift(op, changed.What)
	case op.Kind == Make && errors.Is(err, fs.ErrExist):
		return t.drift(op, "was absent, now exists")
	}
	return err
}

// drift notes that the target of op is somebody else's.
func (t *tx) drift(op Op, what string) error {
	t.foreign = append(t.foreign, op.N)
	return &DriftError{Path: op.Path, What: what}
}

func (t *tx) dropDisplaced(op Op) error {
	d, base, err := t.parent(op)
	if err != nil || d == nil {
		return err
	}
	defer d.Close()
	switch op.Kind {
	case Swap, Delete:
		return d.Remove(op.Temp)
	case Rmdir:
		return t.rmdir(d, base, op.Path)
	}
	return nil
}

// rmdir removes a directory of ours; one into which somebody put a file stays.
func (t *tx) rmdir(d *fsys.Dir, base, path string) error {
	err := d.Rmdir(base)
	if notEmpty(err) {
		t.notes = append(t.notes, fmt.Sprintf("kept %s: it is not empty", path))
		return nil
	}
	return err
}

// syncDirs makes every rename and removal durable, each directory once.
func (t *tx) syncDirs() error {
	var done []string
	for _, op := range t.in.Ops {
		path := filepath.Dir(op.Path)
		if slices.Contains(done, path) {
			continue
		}
		done = append(done, path)
		d, _, err := t.parent(op)
		if err != nil {
			return err
		}
		if d == nil {
			continue // made by us and removed again
		}
		err = d.Sync()
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
