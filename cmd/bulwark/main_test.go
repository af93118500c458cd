package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bulwark": main})
}

// Stories run the real main over images of hosts and over snapshots: they
// state what a user sees and what is left on disk.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			return cond == "root" && os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"host":      cmdHost,
			"snapshot":  cmdSnapshot,
			"hold-lock": cmdHoldLock,
			"same-tree": cmdSameTree,
			"decoded":   cmdDecoded,
			"exits":     cmdExits,
		},
	})
}

// cmdHost makes DIR an image: host IMAGE DIR. Modes are set here, since
// neither git nor every umask keeps them.
func cmdHost(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(copyTree(filepath.Join("../../testdata/host", args[0]), ts.MkAbs(args[1])))
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			return os.Chmod(target, 0o755)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if name := d.Name(); name == "shadow" || name == "gshadow" {
			mode = 0o640
		}
		if err := os.WriteFile(target, b, mode); err != nil {
			return err
		}
		return os.Chmod(target, mode)
	})
}

// cmdSnapshot writes a made-up host as bulwark snapshot would: snapshot NAME
// FILE.
func cmdSnapshot(ts *testscript.TestScript, _ bool, args []string) {
	s := madeUp(args[0])
	if s == nil {
		ts.Fatalf("there is no snapshot %q", args[0])
	}
	b, err := remediate.EncodeSnapshot(s)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// cmdHoldLock plays another run: hold-lock ROOT.
func cmdHoldLock(ts *testscript.TestScript, _ bool, args []string) {
	dir := filepath.Join(ts.MkAbs(args[0]), remediate.StateDir)
	ts.Check(os.MkdirAll(dir, 0o700))
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	ts.Check(err)
	ts.Check(unix.Flock(int(f.Fd()), unix.LOCK_EX))
	ts.Defer(func() { f.Close() })
}

// cmdSameTree compares names, bytes, mode, owner and mtime below two
// directories: same-tree A B. Mtimes of directories do not count.
func cmdSameTree(ts *testscript.TestScript, neg bool, args []string) {
	a, b := printTree(ts, args[0]), printTree(ts, args[1])
	same := len(a) == len(b)
	for path, print := range a {
		if b[path] != print {
			same = false
			ts.Logf("%s: %q and %q", path, print, b[path])
		}
	}
	if same == neg {
		ts.Fatalf("%s and %s: same is %v", args[0], args[1], same)
	}
}

// cmdDecoded prints the files that a snapshot holds: decoded FILE.
func cmdDecoded(ts *testscript.TestScript, _ bool, args []string) {
	s, err := remediate.DecodeSnapshot([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	a := s.Accounts.Value
	if s.StartedWith != nil {
		ts.Check(writeAll(ts, s.StartedWith.Content))
	}
	for _, f := range []resource.File{
		s.DaemonJSON.Value, a.Passwd, a.Group, a.Subuid, a.Subgid, a.LoginDefs, a.NSSwitch, a.Shadow, a.Gshadow,
	} {
		ts.Check(writeAll(ts, f.Content))
	}
	for _, f := range s.Audit.Value.Files {
		ts.Check(writeAll(ts, f.Content))
	}
}

func writeAll(ts *testscript.TestScript, b []byte) error {
	_, err := ts.Stdout().Write(b)
	return err
}

// cmdExits is exec with the exit code that is wanted: exits CODE PROGRAM ARGS.
func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}
