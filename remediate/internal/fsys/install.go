package fsys

import (
	"bytes"
	"errors"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// installTemp is the one temporary name that Install uses for name, so that
// what a kill left behind is found again.
func installTemp(name string) string { return "." + name + ".install.new~" }

// Install puts a file of bulwark's own at name, owned by the caller, replacing
// it at once and durably. It writes nothing, and returns false, if bytes and
// mode are already so.
func (d *Dir) Install(name string, content []byte, mode uint32) (wrote bool, err error) {
	if same, err := d.has(name, content, mode); err != nil || same {
		return false, err
	}
	tmp := installTemp(name)
	if err := d.Remove(tmp); err != nil {
		return false, err
	}
	own := resource.Fingerprint{Mode: mode, UID: uint32(unix.Geteuid()), GID: uint32(unix.Getegid())}
	err = d.Stage(tmp, content, own, false)
	if err == nil {
		err = d.fail("rename", tmp, unix.Renameat(d.fd, tmp, d.fd, name))
	}
	if err != nil { // on a full disk, half a program would keep it full
		return false, errors.Join(err, d.Remove(tmp))
	}
	return true, d.Sync()
}

// CleanInstall removes what a kill inside Install left.
func (d *Dir) CleanInstall(name string) error { return d.Remove(installTemp(name)) }

func (d *Dir) has(name string, content []byte, mode uint32) (bool, error) {
	f, err := d.Open(name, unix.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.Size() != int64(len(content)) || uint32(fi.Mode().Perm()) != mode {
		return false, err
	}
	have, err := io.ReadAll(f)
	return bytes.Equal(have, content), err
}
