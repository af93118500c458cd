package fsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Dir is an open directory that only its owner can write, reached without
// symbolic links. Names are single path elements.
type Dir struct {
	path string // below the root
	fd   int
}

// OpenDir opens path for writing in it. Each component, from the root on, must
// be a directory (not a link) of root or of the caller, and not writable for
// group or others; anything else is an *UnsafeError. The walk takes one
// component at a time with O_NOFOLLOW, which is what RESOLVE_NO_SYMLINKS of
// openat2(2) does, and also works before Linux 5.6.
func (r *Root) OpenDir(path string) (*Dir, error) {
	rel, err := relative(path)
	if err != nil {
		return nil, err
	}
	fd, err := openRetry(r.fd, ".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", r.dir, err)
	}
	at := "/"
	for _, name := range strings.Split(rel, "/") {
		if err := safeDir(fd, at, r.Abs(at)); err != nil {
			unix.Close(fd)
			return nil, err
		}
		next, err := openRetry(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		at = filepath.Join(at, name)
		if err != nil {
			err = notDir(fd, name, at, err)
		}
		unix.Close(fd)
		if err != nil {
			return nil, err
		}
		fd = next
	}
	return readable(fd, at, r.Abs(at))
}

// readable reopens an O_PATH directory so that it can be listed and synced.
func readable(fd int, at, abs string) (*Dir, error) {
	defer unix.Close(fd)
	if err := safeDir(fd, at, abs); err != nil {
		return nil, err
	}
	rd, err := openRetry(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", at, err)
	}
	return &Dir{path: at, fd: rd}, nil
}

// notDir explains a failed step of the walk: O_DIRECTORY answers ENOTDIR for a
// symbolic link too.
func notDir(fd int, name, at string, err error) error {
	var st unix.Stat_t
	if errors.Is(err, unix.ENOTDIR) && unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			return &UnsafeError{Path: at, Why: "it is a symbolic link, and links in parents are not followed when writing"}
		}
		return &UnsafeError{Path: at, Why: "it is not a directory"}
	}
	return fmt.Errorf("cannot open %s: %w", at, err)
}

// safeDir refuses a directory that others can write; abs is where it lies as the
// running system sees it, "" if that is not known.
func safeDir(fd int, at, abs string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("cannot stat %s: %w", at, err)
	}
	// Nothing of ours lies in a directory that is meant to be shared.
	const sticky = false
	why, remedy := untrusted(abs, st, []uint32{0, uint32(os.Geteuid())}, sticky)
	switch {
	case why == "":
		return nil
	case abs == "":
		remedy = ""
	}
	return &UnsafeError{at, why, remedy}
}

// Path returns where the directory lies below the root.
func (d *Dir) Path() string { return d.path }

// Close releases the directory.
func (d *Dir) Close() error { return unix.Close(d.fd) }

func (d *Dir) fail(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	if pe, ok := err.(*fs.PathError); ok {
		err = pe.Err // the path is named here
	}
	return fmt.Errorf("cannot %s %s: %w", verb, filepath.Join(d.path, name), err)
}

// OpenDir opens the directory name in d.
func (d *Dir) OpenDir(name string) (*Dir, error) {
	at := filepath.Join(d.path, name)
	fd, err := openRetry(d.fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, notDir(d.fd, name, at, err)
	}
	return readable(fd, at, "")
}

// Open opens the file name; flags are those of open(2), O_NOFOLLOW is added.
func (d *Dir) Open(name string, flags int, mode uint32) (*os.File, error) {
	fd, err := openRetry(d.fd, name, flags|unix.O_NOFOLLOW, mode)
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	return os.NewFile(uintptr(fd), filepath.Join(d.path, name)), nil
}

// File returns the state of name and, for a regular file, its bytes.
func (d *Dir) File(name string) (resource.File, error) {
	f, err := look(func(flags int) (int, error) { return openRetry(d.fd, name, flags, 0) }, true)
	f.Path = filepath.Join(d.path, name)
	return f, d.fail("read", name, err)
}

// Fingerprint is File without the bytes.
func (d *Dir) Fingerprint(name string) (resource.Fingerprint, error) {
	f, err := d.File(name)
	return f.Print, err
}

// Exists reports whether anything is at name.
func (d *Dir) Exists(name string) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return err == nil, d.fail("stat", name, err)
}

// Names lists the directory, sorted.
func (d *Dir) Names() ([]string, error) {
	fd, err := openRetry(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, d.fail("list", ".", err)
	}
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, d.fail("list", ".", err)
}

// Stat returns owner and mode of the directory itself.
func (d *Dir) Stat() (resource.Fingerprint, error) {
	var st unix.Stat_t
	err := unix.Fstat(d.fd, &st)
	return statPrint(st), d.fail("stat", ".", err)
}

// Free returns the bytes that may still be written to the file system of the
// directory, and whether it has room for more files.
func (d *Dir) Free() (bytes uint64, inodes bool, err error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(d.fd, &st) }); err != nil {
		return 0, false, d.fail("ask for free space of", ".", err)
	}
	// Files is 0 where inodes are not counted (btrfs).
	return st.Bavail * uint64(st.Bsize), st.Files == 0 || st.Ffree > 16, nil
}

// Sync makes all earlier changes of names in the directory durable.
func (d *Dir) Sync() error {
	return d.fail("sync directory", ".", retry(func() error { return unix.Fsync(d.fd) }))
}

// IsNotExist reports whether err says that a path is not there.
func IsNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
