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
	"time"
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

// usermod and bulwark edit /etc/subuid and /etc/subgid at the same time, and
// no line of either is lost.
func TestNoLineLost(t *testing.T) {
	skipInVM(t, "the locks are those of files, the same everywhere")
	policy := writePolicy(t, "cycles")
	for range 3 {
		if err := resetHost(); err != nil {
			t.Fatal(err)
		}
		users := []string{"ann", "bob", "cid"}
		for _, u := range users {
			if err := run("useradd", u); err != nil {
				t.Fatal(err)
			}
		}
		added := whileAdding(users, 300000000, func() {
			// Refused when usermod was between plan and lock; then a caller tries again.
			var r ran
			for range 20 {
				if r = bulwark("apply", "--yes", "--policy", policy, "--settle", "0s"); r.code != 6 {
					break
				}
			}
			if r.code != 0 {
				t.Errorf("apply: exit code %d:\n%s", r.code, r.out)
			}
		})
		ours := keepsLines(t, added)
		if ours != 1 {
			t.Errorf("dockremap has %d lines after apply, want 1", ours)
		}
		var undone ran
		added = append(added, whileAdding(users, 400000000, func() {
			undone = bulwark("rollback", "--yes", "--settle", "0s")
		})...)
		// A file that somebody else has edited since is left alone.
		if ours = keepsLines(t, added); undone.code != 4 || ours != 1 {
			t.Errorf("rollback: exit code %d, dockremap has %d lines:\n%s", undone.code, ours, undone.out)
		}
		if len(added) < 3 {
			t.Errorf("usermod came through only %d times: this proves little", len(added))
		}
	}
}

// keepsLines fails unless both files have all lines; it returns how many are
// of bulwark's own account.
func keepsLines(t *testing.T, lines []string) (ours int) {
	t.Helper()
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		have := strings.Fields(string(data))
		for _, line := range lines {
			if !slices.Contains(have, line) {
				t.Errorf("%s lost %s", file, line)
			}
		}
		ours = strings.Count(string(data), "dockremap:")
	}
	return ours
}

// whileAdding adds ranges to the users in turn as long as f runs, and returns
// the lines of those that usermod accepted. Twice a second is more often than
// any host does, and leaves moments in which a plan does not go stale.
func whileAdding(users []string, first int, f func()) []string {
	ctx, stop := context.WithCancel(context.Background())
	var lines []string
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for n := first; ctx.Err() == nil; n += 10 {
			user, ids := users[n/10%len(users)], fmt.Sprintf("%d-%d", n, n+9)
			// It fails when it cannot have a lock; then there is no line to keep.
			if exec.Command("usermod", "--add-subuids", ids, "--add-subgids", ids, user).Run() == nil {
				lines = append(lines, fmt.Sprintf("%s:%d:10", user, n))
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
	f()
	stop()
	wg.Wait()
	return lines
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
