//go:build rig

package rig_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const dockerUnit = "docker.service"

// statfile FILE: remember all that a rollback has to bring back of FILE.
func cmdStatfile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: statfile FILE")
	}
	dump, err := dumpFile(ts.MkAbs(args[0]))
	ts.Check(err)
	save(ts, args[0]+".stat", dump)
}

// samestat FILE: FILE is what statfile saw; with !, it is not.
func cmdSamestat(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] samestat FILE")
	}
	before := saved(ts, args[0]+".stat")
	now, err := dumpFile(ts.MkAbs(args[0]))
	ts.Check(err)
	if same := now == before; same == neg {
		ts.Fatalf("%s: same is %t\n--- before\n%s+++ now\n%s", args[0], same, before, now)
	}
}

// saveinvocation [UNIT]: remember which start of UNIT (docker.service) is running.
func cmdSaveInvocation(ts *testscript.TestScript, neg bool, args []string) {
	unit := unitArg(ts, neg, args)
	save(ts, unit+".invocation", mustInvocation(ts, unit))
}

// sameinvocation [UNIT]: UNIT was not restarted since saveinvocation.
func cmdSameInvocation(ts *testscript.TestScript, neg bool, args []string) {
	unit := unitArg(ts, neg, args)
	if mustInvocation(ts, unit) != saved(ts, unit+".invocation") {
		ts.Fatalf("%s was restarted", unit)
	}
}

// newinvocation [UNIT]: UNIT runs and was restarted since saveinvocation; remembers the new start.
func cmdNewInvocation(ts *testscript.TestScript, neg bool, args []string) {
	unit := unitArg(ts, neg, args)
	now := mustInvocation(ts, unit)
	if now == saved(ts, unit+".invocation") {
		ts.Fatalf("%s was not restarted", unit)
	}
	save(ts, unit+".invocation", now)
}

// waitfor DURATION CMD...: run CMD until it succeeds (with !, fails), or fail after DURATION.
func cmdWaitfor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] waitfor DURATION CMD...")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	for start := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if (err != nil) == neg {
			return
		}
		if time.Since(start) > limit {
			ts.Fatalf("waited %s in vain (last result: %v)", limit, err)
		}
	}
}

// exitcode N CMD...: CMD exits with exactly N; stdout and stderr are kept as by exec.
func cmdExitcode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// resethost: what happens before each story, whose order is not fixed.
func cmdResethost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: resethost")
	}
	ts.Check(resetHost())
}

func unitArg(ts *testscript.TestScript, neg bool, args []string) string {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: (save|same|new)invocation [UNIT]")
	}
	if len(args) == 1 {
		return args[0]
	}
	return dockerUnit
}

// invocation returns the id of unit's present start, and nothing when it does not run.
func invocation(unit string) (string, error) {
	out, err := exec.Command("systemctl", "show", "--property=ActiveState,InvocationID", unit).Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask systemd about %s: %w", unit, err)
	}
	active, id := false, ""
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "ActiveState":
			active = value == "active"
		case "InvocationID":
			id = value
		}
	}
	if !active {
		return "", nil
	}
	return id, nil
}

func mustInvocation(ts *testscript.TestScript, unit string) string {
	id, err := invocation(unit)
	ts.Check(err)
	if id == "" {
		ts.Fatalf("%s is not running", unit)
	}
	return id
}

func save(ts *testscript.TestScript, name, text string) {
	ts.Check(os.WriteFile(savePath(ts, name), []byte(text), 0o600))
}

func saved(ts *testscript.TestScript, name string) string {
	data, err := os.ReadFile(savePath(ts, name))
	ts.Check(err)
	return string(data)
}

func savePath(ts *testscript.TestScript, name string) string {
	return ts.Getenv("WORK") + "/" + url.PathEscape(name)
}

// dumpFile writes down what makes two states of a file equal to its owner:
// content, type, mode, owner, mtime and extended attributes, but not inode or
// ctime, which no restore can bring back. Absence is a state too.
func dumpFile(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "absent\n", nil
	}
	if err != nil {
		return "", err
	}
	var b strings.Builder
	stat := info.Sys().(*syscall.Stat_t)
	fmt.Fprintf(&b, "mode %s\nowner %d:%d\nmtime %d\n", info.Mode(), stat.Uid, stat.Gid, info.ModTime().UnixNano())
	switch {
	case info.Mode()&fs.ModeSymlink != 0: // its attributes would be those of the target
		target, err := os.Readlink(path)
		fmt.Fprintf(&b, "link %s\n", target)
		return b.String(), err
	case info.Mode().IsRegular():
		data, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "sha256 %x\n", sha256.Sum256(data))
	}
	err = dumpXattrs(&b, path)
	return b.String(), err
}

func dumpXattrs(b *strings.Builder, path string) error {
	list := make([]byte, 64<<10) // the kernel's limit, for names and for a value
	n, err := syscall.Listxattr(path, list)
	if errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot list xattrs of %s: %w", path, err)
	}
	names := strings.FieldsFunc(string(list[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	value := make([]byte, 64<<10)
	for _, name := range names {
		n, err := syscall.Getxattr(path, name, value)
		if err != nil {
			return fmt.Errorf("cannot read xattr %s of %s: %w", name, path, err)
		}
		fmt.Fprintf(b, "xattr %s %x\n", name, value[:n])
	}
	return nil
}
