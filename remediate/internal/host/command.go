package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

// command builds a child that has nothing of the caller's but its rights: a
// fixed PATH, locale and directory, no input, and no descriptor that is not
// handed to it. argv[0] is an absolute path, or a name that is looked for in
// programDirs, never in the caller's PATH.
func command(ctx context.Context, argv []string) *exec.Cmd {
	path, err := runnable(argv[0])
	cmd := exec.CommandContext(ctx, path, argv[1:]...)
	if err != nil {
		cmd.Err = err // what Start returns
	}
	cmd.Args[0] = argv[0]
	cmd.Env = []string{"PATH=" + strings.Join(programDirs, ":"), "LC_ALL=C", "HOME=/root"}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	return cmd
}

// runnable is the file to run. Root runs none that others can write: it is
// theirs then, whatever its name.
func runnable(name string) (string, error) {
	path := name
	if !filepath.IsAbs(path) {
		if path = program(name); path == "" {
			return name, syscall.ENOENT
		}
	}
	if os.Geteuid() != 0 {
		return path, nil
	}
	err := fsys.CheckOwned(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = syscall.ENOENT // in a word, the name is told by the caller
	}
	return path, err
}
