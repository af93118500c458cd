package fsys

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Check returns the file name, or an *UnsafeError when it cannot be replaced
// or deleted without harm: anything but a regular file or nothing, a file with
// several links, one locked with chattr(1), a mount point. None of these is
// overcome by force: each is somebody's intention.
func (d *Dir) Check(name string) (resource.File, error) {
	f, err := d.File(name)
	if err != nil || !f.Print.Exists() {
		return f, err
	}
	why := unsafeFile(f.Print)
	if why == "" && d.mounted(name) {
		why = "a file is mounted over it, so that it cannot be renamed"
	}
	if why != "" {
		return f, &UnsafeError{Path: filepath.Join(d.path, name), Why: why}
	}
	return f, nil
}

func unsafeFile(p resource.Fingerprint) string {
	switch {
	case p.Type == resource.Symlink:
		return "it is a symbolic link; manage the file that it points to"
	case p.Type != resource.Regular:
		return fmt.Sprintf("it is not a regular file (%s)", p.Type)
	case p.Nlink > 1:
		return fmt.Sprintf("it has %d hard links, and the others would keep the old content", p.Nlink)
	case p.Flags&resource.FlagImmutable != 0:
		return "it is locked with chattr +i"
	case p.Flags&resource.FlagAppend != 0:
		return "it is locked with chattr +a"
	}
	return ""
}

// mounted reports a mount point. Kernels before 5.8 do not tell; there the
// rename fails with EBUSY and is rolled back.
func (d *Dir) mounted(name string) bool {
	var st unix.Statx_t
	err := unix.Statx(d.fd, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// locked says why path could not be replaced or created, as far as looking
// tells; what the caller may not look at is left for the change to find.
func (r *Root) locked(path string) string {
	d, err := r.OpenDir(filepath.Dir(path))
	if IsNotExist(err) && path != "/" {
		return r.locked(filepath.Dir(path)) // which is made first
	}
	if err != nil {
		return unsafeReason(err)
	}
	defer d.Close()
	if _, err := d.Check(filepath.Base(path)); err != nil {
		return strings.TrimPrefix(unsafeReason(err), path+": ")
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &fs); err == nil && fs.Flags&unix.ST_RDONLY != 0 {
		return "its file system is mounted read-only"
	}
	if inodeFlags(d.fd)&resource.FlagImmutable != 0 {
		return "its directory is locked with chattr +i"
	}
	return unsafeReason(d.appendOnly())
}

func unsafeReason(err error) string {
	var unsafe *UnsafeError
	if errors.As(err, &unsafe) {
		return unsafe.Path + ": " + unsafe.Why
	}
	return ""
}

// appendOnly: in such a directory files can be made, but neither renamed nor
// removed again.
func (d *Dir) appendOnly() error {
	if inodeFlags(d.fd)&resource.FlagAppend != 0 {
		return &UnsafeError{Path: d.path, Why: "the directory is locked with chattr +a"}
	}
	return nil
}
