package txn

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

func ids() (uid, gid uint32) { return uint32(os.Geteuid()), uint32(os.Getegid()) }

// checkSpace asks for room for three copies and a mebibyte, in the journal and
// beside each target, so that neither the change nor its undo runs out of it.
func (m *Manager) checkSpace(d *draft) error {
	need := uint64(1 << 20)
	for i := range d.ops {
		need += 3 * uint64(len(d.before[i])+len(d.after[i]))
	}
	if err := hasRoom(m.state, need); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, op := range d.ops {
		path := filepath.Dir(op.Path)
		if seen[path] {
			continue
		}
		seen[path] = true
		dir, err := m.root.OpenDir(path)
		if fsys.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		err = hasRoom(dir, need)
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func hasRoom(d *fsys.Dir, need uint64) error {
	free, inodes, err := d.Free()
	switch {
	case err != nil:
		return err
	case free < need:
		return fmt.Errorf("cannot start: the file system of %s has %d bytes free, %d are needed", d.Path(), free, need)
	case !inodes:
		return fmt.Errorf("cannot start: the file system of %s has no inodes left", d.Path())
	}
	return nil
}
