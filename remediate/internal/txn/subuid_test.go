package txn_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// usermod adds a line as shadow-utils does: under lckpwdf(3), through a rename.
// It must be a process of its own: the locks of fcntl(2) do not exclude threads,
// and closing any descriptor of the file drops them.
func usermod(etc, line string) error {
	f, err := os.OpenFile(etc+"/.pwd.lock", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	lk := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &lk); err != nil {
		return err
	}
	b, err := os.ReadFile(etc + "/subuid")
	if err != nil {
		return err
	}
	if err := os.WriteFile(etc+"/subuid+", append(b, line+"\n"...), 0o644); err != nil {
		return err
	}
	return os.Rename(etc+"/subuid+", etc+"/subuid")
}

// The lock is held from before the bytes are computed until the files are in
// place, and is free again before services are dealt with.
func TestAccountLockSpan(t *testing.T) {
	w := newWorld(t, fast(t))
	held := map[string]bool{}
	m := w.open(txn.Options{Log: func(e txn.Event) {
		rc, _ := w.demo("trylock")
		held[e.Phase] = rc == 5
	}})
	w.addLine(m, "mine:1:1")
	for _, phase := range []string{"journal", "stage", "validate", "files", "health", "commit", "tidy"} {
		got, seen := held[phase]
		if want := strings.Contains("journal stage validate files", phase); !seen || got != want {
			t.Errorf("%s: seen %v, held %v, want %v", phase, seen, got, want)
		}
	}
}

// tryLock reports whether the lock of the account files is held.
func tryLock(etc string) error {
	f, err := os.OpenFile(etc+"/.pwd.lock", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	lk := syscall.Flock_t{Type: syscall.F_WRLCK}
	if syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lk) != nil {
		return &txn.BusyError{Lock: f.Name()}
	}
	return nil
}

// While others add lines, none is lost on either side: each of our runs has
// somebody start in its middle, who must wait for the lock.
func TestNoLineIsLost(t *testing.T) {
	const rounds = 25
	w := newWorld(t, fast(t))
	var others []*exec.Cmd
	m := w.open(txn.Options{LockTimeout: time.Minute, Log: func(e txn.Event) {
		if e.Phase == "validate" {
			cmd := exec.Command(program(t))
			cmd.Env = append(w.environ("usermod"), fmt.Sprintf("BULWARK_DEMO_LINE=other%d:1:1", len(others)))
			w.must(cmd.Start())
			others = append(others, cmd)
		}
	}})
	drifts := 0
	for i := range rounds {
		drifts += w.addLine(m, fmt.Sprintf("mine%d:1:1", i))
	}
	for _, cmd := range others {
		w.must(cmd.Wait())
	}
	got := w.read("/etc/subuid")
	for i := range rounds {
		for _, who := range []string{"mine", "other"} {
			if line := fmt.Sprintf("%s%d:1:1\n", who, i); strings.Count(got, line) != 1 {
				t.Errorf("%q is there %d times", line, strings.Count(got, line))
			}
		}
	}
	t.Logf("%d times somebody was faster", drifts)
}

// addLine tries until nobody was faster, and returns how often somebody was.
func (w *world) addLine(m *txn.Manager, line string) int {
	w.t.Helper()
	root, err := fsys.OpenRoot(w.root)
	w.must(err)
	defer root.Close()
	for drifts := 0; ; drifts++ {
		before, err := root.Fingerprint("/etc/subuid")
		w.must(err)
		res, err := m.Run(w.t.Context(), txn.Spec{Changes: []resource.Change{{
			Path: "/etc/subuid", Before: before, Lines: &resource.LineEdit{Add: []string{line}}, Lock: resource.LockAccounts,
		}}})
		var drift *txn.DriftError
		if errors.As(err, &drift) {
			continue
		}
		if err != nil || res.Outcome != txn.Committed {
			w.t.Fatalf("%+v, %v", res, err)
		}
		return drifts
	}
}
