//go:build rig

package rig_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// restartPolicy asks for what only a restart of dockerd brings.
const restartPolicy = "version: 1\nname: %s\n" +
	"daemon: {no-new-privileges: true}\nuserns: {remap: dockremap, size: 65536, start: auto}\n"

type ran struct {
	code int
	out  string
}

func bulwark(args ...string) ran {
	var out bytes.Buffer
	cmd := exec.Command("bulwark", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return ran{exit.ExitCode(), out.String()}
	case err != nil:
		return ran{-1, err.Error()}
	}
	return ran{0, out.String()}
}

func writePolicy(t *testing.T, name string) string {
	t.Helper()
	path := t.TempDir() + "/" + name + ".yaml"
	if err := os.WriteFile(path, fmt.Appendf(nil, restartPolicy, name), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Of twenty applies at once one changes the host. Another finds the lock held
// (exit 5), or comes when all is done and has nothing to do.
func TestAppliesAtOnce(t *testing.T) {
	skipInVM(t, "twenty processes at once on an emulated CPU take minutes")
	if err := resetHost(); err != nil {
		t.Fatal(err)
	}
	policy := writePolicy(t, "many")
	results := make([]ran, 20)
	var wg sync.WaitGroup
	for i := range results {
		wait := "0s"
		if i%4 == 0 {
			wait = "60s" // these queue up and come one after another
		}
		wg.Go(func() {
			results[i] = bulwark("apply", "--yes", "--policy", policy, "--settle", "0s", "--lock-timeout", wait)
		})
	}
	wg.Wait()
	changed := 0
	for _, r := range results {
		switch {
		case r.code == 0 && strings.Contains(r.out, "done: transaction"):
			changed++
		case r.code == 0 && strings.Contains(r.out, "no changes"):
		case r.code == 5 && strings.Contains(r.out, "hint: wait for it with --lock-timeout"):
		default:
			t.Errorf("exit code %d:\n%s", r.code, r.out)
		}
	}
	if changed != 1 {
		t.Errorf("%d runs changed the host, want 1", changed)
	}
	if h := bulwark("history"); strings.Count(h.out, "\n") != 1 || !strings.Contains(h.out, "committed") {
		t.Errorf("history:\n%s", h.out)
	}
}

// usermod and bulwark edit /etc/subuid and /etc/subgid again and again, and
// no line of either is lost.
func TestNoLineLost(t *testing.T) {
	skipInVM(t, "the locks are those of files, the same everywhere")
	if err := resetHost(); err != nil {
		t.Fatal(err)
	}
	users := []string{"ann", "bob", "cid"}
	for _, u := range users {
		if err := run("useradd", u); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	var mu sync.Mutex
	var want []string
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() {
			for n := 300000000 + i*10000000; ctx.Err() == nil; n += 10 {
				// usermod fails when it cannot have a lock; then there is no line to keep.
				ids := fmt.Sprintf("%d-%d", n, n+9)
				if exec.Command("usermod", "--add-subuids", ids, "--add-subgids", ids, u).Run() == nil {
					mu.Lock()
					want = append(want, fmt.Sprintf("%s:%d:10", u, n))
					mu.Unlock()
				}
			}
		})
	}
	cycles(t, 3)
	stop()
	wg.Wait()
	if len(want) < 10 {
		t.Errorf("usermod came through only %d times: this proves little", len(want))
	}
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		have := strings.Fields(string(data))
		for _, line := range want {
			if !slices.Contains(have, line) {
				t.Errorf("%s lost %s", file, line)
			}
		}
		if strings.Contains(string(data), "dockremap") {
			t.Errorf("%s has a line of ours after the last rollback", file)
		}
	}
	t.Logf("%d lines added meanwhile", len(want))
}

// cycles applies and rolls back n times. A run that meets somebody's edit may
// refuse (busy, stale); then it is repeated, as its caller would.
func cycles(t *testing.T, n int) {
	t.Helper()
	policy := writePolicy(t, "cycles")
	for range n {
		for _, args := range [][]string{
			{"apply", "--yes", "--policy", policy, "--settle", "0s", "--lock-timeout", "60s"},
			{"rollback", "--yes", "--settle", "0s", "--lock-timeout", "60s"},
		} {
			var r ran
			for range 20 {
				if r = bulwark(args...); r.code != 5 && r.code != 6 {
					break
				}
			}
			if r.code != 0 {
				t.Fatalf("%v: exit code %d:\n%s", args, r.code, r.out)
			}
		}
	}
}

// skipInVM leaves a Go test to the container rig.
func skipInVM(t *testing.T, why string) {
	t.Helper()
	vm, err := inVM()
	if err != nil {
		t.Fatal(err)
	}
	if vm {
		t.Skip("container rig only: " + why)
	}
}
