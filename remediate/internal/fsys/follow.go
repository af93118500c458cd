package fsys

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Names lists a directory, sorted; links are followed inside the root. A
// directory that does not exist has no names.
func (r *Root) Names(path string) ([]string, error) {
	rel, err := relative(path)
	if err != nil {
		return nil, err
	}
	fd, err := r.resolve(rel, unix.O_RDONLY|unix.O_DIRECTORY)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cannot list %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", path, err)
	}
	slices.Sort(names)
	return names, nil
}

// Follow returns where path leads with all links followed inside the root, and
// what is there: "" and Absent if nothing is.
func (r *Root) Follow(path string) (real string, what resource.FileType, err error) {
	real, print, err := r.Stat(path)
	return real, print.Type, err
}

// Stat is Follow with owner, mode and times of what is there. It opens nothing
// for reading: whoever may not read a file may still see whose it is.
func (r *Root) Stat(path string) (real string, print resource.Fingerprint, err error) {
	absent := resource.Fingerprint{Type: resource.Absent}
	rel, err := relative(path)
	if err != nil {
		return "", absent, err
	}
	fd, err := r.resolve(rel, unix.O_PATH)
	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP):
		return "", absent, nil
	case err != nil:
		return "", absent, fmt.Errorf("cannot follow %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", absent, fmt.Errorf("cannot stat %s: %w", path, err)
	}
	real, err = r.below(fd)
	if err != nil {
		return "", absent, fmt.Errorf("cannot follow %s: %w", path, err)
	}
	print = statPrint(st)
	if print.Type == resource.Regular {
		print.Size = st.Size
	}
	return real, print, nil
}

// IsLink reports whether path itself is a symbolic link, whatever it leads to.
func (r *Root) IsLink(path string) bool {
	rel, err := relative(path)
	if err != nil {
		return false
	}
	fd, err := r.resolve(rel, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && statPrint(st).Type == resource.Symlink
}

// below is the path of an open file as seen from the root.
func (r *Root) below(fd int) (string, error) {
	at, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return "", err
	}
	root, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(r.fd))
	if err != nil {
		return "", err
	}
	return "/" + strings.TrimPrefix(strings.TrimPrefix(at, strings.TrimSuffix(root, "/")), "/"), nil
}
