//go:build rig

package rig_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// proofCommands are those with which stories look closer at a run of bulwark.
func proofCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"stattree": cmdStattree, "sametree": cmdSametree, "setxattr": cmdSetxattr,
		"readonly": cmdReadonly, "signalat": cmdSignalat,
	}
}

// lockFile names the last holder: the one file that a run without changes may write.
const lockFile = "/var/lib/bulwark/lock"

// stattree NAME PATH...: remember, as NAME, all files below the paths with
// bytes, mode, owner, mtime and xattrs.
func cmdStattree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: stattree NAME PATH...")
	}
	save(ts, args[0]+".tree", dumpTrees(ts, args[1:]))
	save(ts, args[0]+".paths", strings.Join(args[1:], "\n"))
}

// sametree NAME: nothing below the paths was created, removed or written
// since stattree NAME, the lock file apart.
func cmdSametree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sametree NAME")
	}
	before := strings.SplitAfter(saved(ts, args[0]+".tree"), "\n\n")
	now := strings.SplitAfter(dumpTrees(ts, strings.Split(saved(ts, args[0]+".paths"), "\n")), "\n\n")
	var diff strings.Builder
	only(&diff, "--- before", before, now)
	only(&diff, "+++ now", now, before)
	if diff.Len() > 0 {
		ts.Fatalf("%s is not the same:\n%s", args[0], diff.String())
	}
}

func only(w *strings.Builder, title string, a, b []string) {
	have := map[string]bool{}
	for _, s := range b {
		have[s] = true
	}
	for _, s := range a {
		if !have[s] {
			fmt.Fprintf(w, "%s\n%s", title, s)
		}
	}
}

func dumpTrees(ts *testscript.TestScript, paths []string) string {
	var b strings.Builder
	for _, p := range paths {
		ts.Check(filepath.WalkDir(p, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || path == lockFile {
				return err
			}
			dump, err := dumpFile(path)
			fmt.Fprintf(&b, "%s\n%s\n", path, dump)
			return err
		}))
	}
	return b.String()
}

// setxattr FILE NAME HEX: there is no setfacl on a minimal host.
func cmdSetxattr(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: setxattr FILE NAME HEX")
	}
	value, err := hex.DecodeString(args[2])
	ts.Check(err)
	ts.Check(unix.Setxattr(ts.MkAbs(args[0]), args[1], value, 0))
}

// readonly CMD...: CMD exits with 0 and makes no system call that changes
// anything on disk, its children included; with !, it makes one.
func cmdReadonly(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: [!] readonly CMD...")
	}
	res := traced(ts, ptrace.Options{Argv: args})
	if res.Exit() != 0 {
		ts.Fatalf("exit code %d", res.Exit())
	}
	if (len(res.Calls) > 0) != neg {
		ts.Fatalf("%d mutating system calls: %v", len(res.Calls), res.Calls)
	}
}

// signalat N SIGNAL REGEXP CMD...: send SIGNAL to CMD when it is about to make
// the first mutating system call that matches REGEXP ("renameat2 PATH PATH");
// it then exits with N (137: killed by SIGKILL).
func cmdSignalat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: signalat EXITCODE SIGNAL REGEXP CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	sig := unix.SignalNum("SIG" + args[1])
	re, err := regexp.Compile(args[2])
	ts.Check(err)
	sent := false
	res := traced(ts, ptrace.Options{
		Argv: args[3:], N: 1, ParentOnly: true,
		Match: func(c ptrace.Call) bool { return re.MatchString(c.Name + " " + strings.Join(c.Paths, " ")) },
		Act:   func(s *ptrace.Stop) error { sent = true; return s.Kill(sig) },
	})
	switch {
	case !sent:
		ts.Fatalf("no system call matched %s", re)
	case res.Exit() != want:
		ts.Fatalf("exit code %d, want %d", res.Exit(), want)
	}
}

// traced runs a command under ptrace; its output is kept as by exec.
func traced(ts *testscript.TestScript, o ptrace.Options) ptrace.Result {
	path, err := exec.LookPath(o.Argv[0])
	ts.Check(err)
	o.Argv[0] = path
	o.Stdout, o.Stderr = ts.Stdout(), ts.Stderr()
	res, err := ptrace.Run(o)
	// The driver reaps the program itself, so Wait has nothing left to wait for.
	if err != nil && !errors.Is(err, syscall.ECHILD) {
		ts.Fatalf("%v", err)
	}
	return res
}
