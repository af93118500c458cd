package fsys

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A Root is the directory that all paths are below: "/" or that of --root.
type Root struct {
	dir string
	fd  int // O_PATH
}

// OpenRoot opens dir, which must be a directory.
func OpenRoot(dir string) (*Root, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open root %s: %w", dir, err)
	}
	fd, err := openRetry(unix.AT_FDCWD, abs, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open root %s: %w", abs, err)
	}
	return &Root{dir: abs, fd: fd}, nil
}

// Path returns the directory itself.
func (r *Root) Path() string { return r.dir }

// Abs returns where path lies as the running system sees it.
func (r *Root) Abs(path string) string { return filepath.Join(r.dir, path) }

// Close releases the directory.
func (r *Root) Close() error { return unix.Close(r.fd) }

// relative turns an absolute clean path into one relative to the root.
func relative(path string) (string, error) {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("cannot use path %q: it must be absolute and without . or .. elements", path)
	}
	if path == "/" {
		return ".", nil
	}
	return path[1:], nil
}

// resolve opens rel as if the root were the root of the file system: links in
// parents, absolute ones too, stay inside (openat2(2), RESOLVE_IN_ROOT).
func (r *Root) resolve(rel string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags) | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(r.fd, rel, &how)
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN): // EAGAIN: a rename raced with the walk
			continue
		case r.dir == "/" && (errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM)):
			// Linux before 5.6, or a seccomp filter that does not know the
			// call; with the real root there is nothing to stay inside of.
			return openRetry(r.fd, rel, flags, 0)
		}
		return fd, err
	}
}

func openRetry(dirfd int, name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Openat(dirfd, name, flags|unix.O_CLOEXEC, mode)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// retry repeats f while a signal interrupts it.
func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
