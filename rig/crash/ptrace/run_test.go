//go:build linux && amd64

package ptrace_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// script writes a, renames it to b in a child, and removes b.
func script(dir string) []string {
	return []string{"/bin/sh", "-c", "cd " + dir + " && echo x > a && mv a b && rm b && echo y >/dev/null"}
}

func names(calls []ptrace.Call, dir string) string {
	var out []string
	for _, c := range calls {
		out = append(out, c.Name+" "+strings.TrimPrefix(c.Paths[0], dir+"/"))
	}
	return strings.Join(out, ", ")
}

func TestCallsOfChildrenCount(t *testing.T) {
	dir := t.TempDir()
	res, err := ptrace.Run(ptrace.Options{Argv: script(dir)})
	if err != nil || res.Exit() != 0 {
		t.Fatalf("exit %d, %v", res.Exit(), err)
	}
	got := names(res.Calls, dir)
	// mv and rm choose among calls of one family; which is theirs to say.
	for _, want := range []string{"openat a, write a, rename", "unlink"} {
		if !strings.Contains(got, want) {
			t.Errorf("saw %s, want %s", got, want)
		}
	}
	if strings.Contains(got, "null") {
		t.Errorf("a device counts: %s", got)
	}
}

// At each call the one before is done and this one is not; of a child that is
// seen at its exec the descriptors are those of the new program.
func TestEachCallAndExec(t *testing.T) {
	dir := t.TempDir()
	var files, execs []string
	res, err := ptrace.Run(ptrace.Options{
		Argv: script(dir),
		Each: func(ptrace.Call) {
			m, _ := filepath.Glob(dir + "/*")
			files = append(files, strings.ReplaceAll(strings.Join(m, " "), dir+"/", ""))
		},
		Exec: func(pid int) {
			exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
			execs = append(execs, filepath.Base(exe))
		},
	})
	if err != nil || res.Exit() != 0 {
		t.Fatalf("exit %d, %v", res.Exit(), err)
	}
	if got := strings.Join(slices.Compact(files), ","); got != ",a,b" {
		t.Errorf("files at the calls: %q", got)
	}
	if got := strings.Join(execs, " "); !strings.HasSuffix(got, "mv rm") {
		t.Errorf("programs: %q", got)
	}
}

// The call at which the program is killed is not carried out; those before are.
func TestKillAtEntry(t *testing.T) {
	for n, want := range map[int]string{1: "", 2: "a", 3: "a", 4: "b"} {
		dir := t.TempDir()
		res, err := ptrace.Run(ptrace.Options{Argv: script(dir), N: n})
		if err != nil || res.Signal() != syscall.SIGKILL || len(res.Calls) != n {
			t.Errorf("%d: exit %d, %v, %d calls", n, res.Exit(), err, len(res.Calls))
		}
		var got []string
		m, _ := filepath.Glob(dir + "/*")
		for _, p := range m {
			got = append(got, filepath.Base(p))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("killed at %d: %v, want %q", n, got, want)
		}
	}
}

func TestFail(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	res, err := ptrace.Run(ptrace.Options{
		Argv: []string{"/bin/mkdir", dir + "/d"}, Env: []string{"LC_ALL=C"}, Stderr: &out, N: 1,
		Act: func(s *ptrace.Stop) error { s.Fail(syscall.ENOSPC); return nil },
	})
	if err != nil || res.Exit() == 0 || !strings.Contains(out.String(), "No space left") {
		t.Errorf("exit %d, %v, %s", res.Exit(), err, out.String())
	}
	if _, err := os.Stat(dir + "/d"); err == nil {
		t.Error("the call was carried out")
	}
}

// With ParentOnly the child lives on after the parent is killed.
func TestParentOnly(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := ptrace.Run(ptrace.Options{
		Argv: []string{"/bin/sh", "-c", "cd " + dir + "; (read x < fifo; echo done > child) & echo > parent"},
		N:    1, ParentOnly: true,
	})
	if err != nil || res.Signal() != syscall.SIGKILL || filepath.Base(res.Calls[0].Paths[0]) != "parent" {
		t.Fatalf("exit %d, %v, %v", res.Exit(), err, res.Calls)
	}
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0) // returns when the child reads
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if b, _ := os.ReadFile(dir + "/child"); string(b) == "done\n" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the child did not go on")
		}
	}
}
