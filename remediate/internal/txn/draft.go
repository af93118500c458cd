package txn

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A draft is a transaction being put together: the operations and, by their
// number, the bytes before and after.
type draft struct {
	root   *fsys.Root
	ops    []Op
	before [][]byte
	after  [][]byte
	paths  map[string]bool
}

// A restoration puts one path back to an older state.
type restoration struct {
	path    string
	expect  resource.Fingerprint // as the last transaction left it
	target  resource.Fingerprint
	content []byte
	like    Op // for its lock, controls and sensitivity
}

// newDraft computes the operations that lead to what spec asks for, from the
// files as they are now. Changes that are already made are left out.
func newDraft(root *fsys.Root, spec Spec) (*draft, error) {
	d := &draft{root: root, paths: map[string]bool{}}
	for _, c := range spec.Changes {
		if err := d.change(c); err != nil {
			return nil, err
		}
	}
	var conflicts []Conflict
	for _, r := range spec.restore {
		c, err := d.restore(r)
		if err != nil {
			return nil, err
		}
		if c != nil {
			conflicts = append(conflicts, *c)
		}
	}
	if conflicts != nil {
		return nil, &ConflictError{ID: spec.rollbackTo, Conflicts: conflicts}
	}
	d.order()
	return d, nil
}

// change adds the operation for c, if the file is not so already.
func (d *draft) change(c resource.Change) error {
	cur, err := d.current(c.Path)
	if err != nil {
		return err
	}
	if what := c.Before.Differs(cur.Print); what != "" {
		return &DriftError{Path: c.Path, What: what}
	}
	op := Op{Path: c.Path, Before: cur.Print, Lock: c.Lock, Controls: c.Controls, Sensitive: c.Sensitive}
	if c.Action == resource.Delete {
		op.After = resource.Fingerprint{Type: resource.Absent}
		return d.add(op, cur.Content, nil)
	}
	content, err := desired(c, cur.Content)
	if err != nil {
		return fmt.Errorf("cannot change %s: %w", c.Path, err)
	}
	op.After = afterPrint(c, cur.Print, content)
	return d.add(op, cur.Content, content)
}

func desired(c resource.Change, current []byte) ([]byte, error) {
	switch {
	case c.Lines != nil:
		return resource.ApplyLines(current, *c.Lines)
	case c.Content == nil:
		return nil, errors.New("the change has no content")
	}
	return c.Content, nil
}

// afterPrint keeps owner, mode and attributes of a file that exists.
func afterPrint(c resource.Change, cur resource.Fingerprint, content []byte) resource.Fingerprint {
	p := cur
	if !cur.Exists() {
		p = resource.Fingerprint{Type: resource.Regular, Mode: c.Mode, UID: c.UID, GID: c.GID}
		if p.Mode == 0 {
			p.Mode = 0o644
		}
	}
	p.SHA256, p.Size, p.MtimeNS, p.Nlink = resource.Sum(content), int64(len(content)), 0, 1
	return p
}

// restore adds the operation for r, or returns the edit that is in its way.
func (d *draft) restore(r restoration) (*Conflict, error) {
	cur, err := d.currentAny(r.path)
	var unsafe *fsys.UnsafeError
	if errors.As(err, &unsafe) {
		return &Conflict{Path: unsafe.Path, What: unsafe.Why}, nil
	}
	if err != nil {
		return nil, err
	}
	dirs := cur.Print.Type == resource.Dir && (r.expect.Type == resource.Dir || r.target.Type == resource.Dir)
	switch {
	case fsys.Differs(r.target, cur.Print) == "", dirs && r.target.Type == resource.Dir:
		return nil, nil
	case !dirs && fsys.Differs(r.expect, cur.Print) != "":
		return &Conflict{Path: r.path, What: fsys.Differs(r.expect, cur.Print)}, nil
	}
	op := Op{
		Path: r.path, Before: cur.Print, After: r.target, Mtime: r.target.Type == resource.Regular,
		Lock: r.like.Lock, Controls: r.like.Controls, Sensitive: r.like.Sensitive,
	}
	return nil, d.add(op, cur.Content, r.content)
}

// add appends op, and before it a mkdir for each missing parent.
func (d *draft) add(op Op, before, after []byte) error {
	if d.paths[op.Path] {
		return fmt.Errorf("cannot change %s twice in one transaction", op.Path)
	}
	if fsys.Differs(op.Before, op.After) == "" {
		return nil
	}
	if op.After.Exists() {
		if err := d.parents(filepath.Dir(op.Path)); err != nil {
			return err
		}
	}
	op.Kind = kindOf(op)
	d.paths[op.Path] = true
	d.ops, d.before, d.after = append(d.ops, op), append(d.before, before), append(d.after, after)
	return nil
}

func kindOf(op Op) Kind {
	switch {
	case op.After.Type == resource.Dir:
		return Mkdir
	case op.Before.Type == resource.Dir:
		return Rmdir
	case !op.After.Exists():
		return Delete
	case !op.Before.Exists():
		return Make
	}
	return Swap
}

// parents adds a mkdir for dir, if it is missing, and for those above it.
func (d *draft) parents(dir string) error {
	if d.paths[dir] || dir == "/" {
		return nil
	}
	p, err := d.root.OpenDir(dir)
	if err == nil {
		return p.Close()
	}
	if !fsys.IsNotExist(err) {
		return err
	}
	// Missing parents belong to root, or to the caller in a root of their own.
	euid, egid := ids()
	return d.add(Op{
		Path: dir, Before: resource.Fingerprint{Type: resource.Absent},
		After: resource.Fingerprint{Type: resource.Dir, Mode: 0o755, UID: euid, GID: egid},
	}, nil, nil)
}

// current reads a file that may be written; one below a missing directory is
// absent.
func (d *draft) current(path string) (resource.File, error) {
	dir, err := d.root.OpenDir(filepath.Dir(path))
	if fsys.IsNotExist(err) {
		return resource.File{Path: path, Print: resource.Fingerprint{Type: resource.Absent}}, nil
	}
	if err != nil {
		return resource.File{}, err
	}
	defer dir.Close()
	return dir.Check(filepath.Base(path))
}

// currentAny is current, but a directory is allowed.
func (d *draft) currentAny(path string) (resource.File, error) {
	f, err := d.root.File(path)
	if err != nil || f.Print.Type == resource.Dir {
		return f, err
	}
	return d.current(path)
}

// order puts mkdirs first, parents before children, and rmdirs last, children
// before parents; then it gives numbers.
func (d *draft) order() {
	idx := make([]int, len(d.ops))
	for i := range idx {
		idx[i] = i
	}
	slices.SortStableFunc(idx, func(a, b int) int { return rank(d.ops[a]) - rank(d.ops[b]) })
	sorted := &draft{}
	for n, i := range idx {
		op := d.ops[i]
		op.N = n
		sorted.ops = append(sorted.ops, op)
		sorted.before, sorted.after = append(sorted.before, d.before[i]), append(sorted.after, d.after[i])
	}
	d.ops, d.before, d.after = sorted.ops, sorted.before, sorted.after
}

func rank(op Op) int {
	switch op.Kind {
	case Mkdir:
		return len(op.Path) - 1<<20
	case Rmdir:
		return 1<<20 - len(op.Path)
	}
	return 0
}

// name fixes the temporary names, which carry the id of the transaction. They
// are hidden and end in ~, so that daemons that read a directory whole skip
// them, and lie beside the target, so that the file system and the SELinux type
// of the directory are the same.
func (d *draft) name(id string) {
	for i := range d.ops {
		base := filepath.Base(d.ops[i].Path)
		d.ops[i].Temp = "." + base + "." + id + ".new~"
		d.ops[i].Undo = "." + base + "." + id + ".old~"
	}
}
