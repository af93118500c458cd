package fsys

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds a walk through symbolic links, as the kernel does.
const maxLinks = 40

// CheckOwned returns an *UntrustedError unless only root and the given users can
// write the file at path or put another one in its place: it, each directory on
// the way and each link are theirs, and no group and nobody else may write them.
// A directory with the sticky bit may be written by all, for nobody can rename
// in it what is not his. A pipe without a name is its opener's own.
func CheckOwned(path string, users ...uint32) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", path, err)
	}
	w := &ownedWalk{at: "/", rest: elements(abs), users: append(users, 0)}
	var st unix.Stat_t
	if err := unix.Lstat(w.at, &st); err != nil {
		return fmt.Errorf("cannot look at %s: %w", w.at, err)
	}
	if err := w.judge(w.at, st); err != nil {
		return err
	}
	for len(w.rest) > 0 {
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

type ownedWalk struct {
	at    string
	rest  []string
	links int
	users []uint32
}

func elements(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" || s == "." })
}

func (w *ownedWalk) step() error {
	next := filepath.Join(w.at, w.rest[0]) // ".." too: w.at has no links
	w.rest = w.rest[1:]
	var st unix.Stat_t
	if err := unix.Lstat(next, &st); err != nil {
		return fmt.Errorf("cannot look at %s: %w", next, err)
	}
	if err := w.judge(next, st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return w.follow(next)
	}
	w.at = next
	return nil
}

func (w *ownedWalk) judge(path string, st unix.Stat_t) error {
	sticky := st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0
	if why, remedy := untrusted(path, st, w.users, sticky); why != "" {
		return &UntrustedError{path, why, remedy}
	}
	return nil
}

func (w *ownedWalk) follow(link string) error {
	if w.links++; w.links > maxLinks {
		return fmt.Errorf("cannot look at %s: %w", link, unix.ELOOP)
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(link, buf)
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", link, err)
	}
	target := string(buf[:n])
	switch {
	case filepath.IsAbs(target):
		w.at = "/"
	case procfs(w.at) && strings.Contains(target, ":["): // /proc/self/fd/63 is pipe:[4711]
		w.at, w.rest = link, nil
		return nil
	}
	w.rest = append(elements(target), w.rest...)
	return nil
}

func procfs(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// An UntrustedError says who but root can replace a file that root is to obey.
type UntrustedError struct {
	Path string // of the file, or of what leads to it
	Why  string
	// Remedy is a command.
	Remedy string
}

func (e *UntrustedError) Error() string { return fmt.Sprintf("cannot trust %s: %s", e.Path, e.Why) }

// untrusted judges owner and mode; it says nothing if they are well. sticky is
// of a directory in which all may make files.
func untrusted(path string, st unix.Stat_t, users []uint32, sticky bool) (why, remedy string) {
	kind := st.Mode & unix.S_IFMT
	switch {
	case !slices.Contains(users, st.Uid) && kind == unix.S_IFLNK:
		return fmt.Sprintf("the link belongs to uid %d, not to root", st.Uid), "chown -h root " + path
	case !slices.Contains(users, st.Uid):
		return fmt.Sprintf("%s belongs to uid %d, not to root", noun(kind), st.Uid), "chown root " + path
	case kind == unix.S_IFLNK || kind == unix.S_IFCHR || sticky: // what is written to a terminal is not read from it
		return "", ""
	case st.Mode&0o022 != 0:
		why = fmt.Sprintf("%s has mode %04o: group or others can write ", noun(kind), st.Mode&0o7777)
		if kind == unix.S_IFDIR {
			why += "in "
		}
		return why + "it", "chmod go-w " + path
	}
	return "", ""
}

func noun(kind uint32) string {
	if kind == unix.S_IFDIR {
		return "the directory"
	}
	return "the file"
}
