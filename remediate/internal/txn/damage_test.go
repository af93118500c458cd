//go:build linux && amd64

package txn_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// killedMidBurst leaves a transaction open with some targets new, and returns
// the host as it then is.
func killedMidBurst(w *world, binary string) {
	w.t.Helper()
	renames := 0
	at := 0
	res, _ := w.traced(binary, "apply", 0, nil)
	w.reset()
	for _, c := range res.Calls {
		if c.Name == "renameat2" && strings.HasPrefix(c.Paths[0], w.at("/etc")) && !strings.HasSuffix(c.Paths[1], "system") && !strings.HasSuffix(c.Paths[1], "service.d") {
			if renames++; renames == 3 {
				at = c.N
			}
		}
	}
	if at == 0 {
		w.t.Fatalf("no third rename among %v", res.Calls)
	}
	w.traced(binary, "apply", at, nil)
}

func (w *world) openTxn() string {
	w.t.Helper()
	id := strings.TrimSpace(w.read(stateDir + "/ACTIVE"))
	return filepath.Join(stateDir, "txn", id)
}

// tornTwice appends half a record to the log, kills a recovery at its third
// record, and recovers.
func tornTwice(w *world, binary string) error {
	e := w.ends()
	killedMidBurst(w, binary)
	path := w.at(w.openTxn() + "/wal")
	b, err := os.ReadFile(path)
	w.must(err)
	b = append(b, b[:40]...)
	w.must(os.WriteFile(path, b, 0o600))
	syncs := 0
	_, _ = w.tracedUntil(binary, "recover", func(c ptrace.Call) bool {
		if c.Name == "pwrite64" && c.Paths[0] == path {
			syncs++
		}
		return syncs == 3
	})
	_, err = w.recovers(binary, e)
	return err
}

// tracedUntil kills at the first call for which stop is true.
func (w *world) tracedUntil(binary, verb string, stop func(ptrace.Call) bool) (ptrace.Result, error) {
	return ptrace.Run(ptrace.Options{
		Argv: []string{binary}, Env: w.environ(verb), N: 1,
		Match: func(c ptrace.Call) bool { return w.inside(c) && stop(c) },
	})
}

func TestTornLogIsCutOff(t *testing.T) {
	if err := tornTwice(newWorld(t, fast(t)), program(t)); err != nil {
		t.Error(err)
	}
}

// Every byte of the journal may be cut off or flipped: recovery succeeds, or
// refuses and leaves the host alone.
func TestDamageAtEveryByte(t *testing.T) {
	w := newWorld(t, fast(t))
	e := w.ends()
	killedMidBurst(w, program(t))
	dir := w.openTxn()
	keep := w.copyOf(fast(t))
	for _, name := range []string{stateDir + "/ACTIVE", dir + "/wal", dir + "/intent.json", dir + "/before/2", dir + "/before/3"} {
		whole := []byte(w.read(name))
		for _, i := range points(len(whole), 25) {
			for what, b := range map[string][]byte{"cut": whole[:i-1], "flip": flip(whole, i-1)} {
				w.restoreFrom(keep)
				w.must(os.WriteFile(w.at(name), b, 0o600))
				if err := recoverOrRefuse(w, e); err != nil {
					t.Errorf("%s of %s at byte %d: %v", what, name, i-1, err)
				}
			}
		}
	}
}

func flip(b []byte, i int) []byte {
	c := bytes.Clone(b)
	c[i] ^= 0x04
	return c
}

func recoverOrRefuse(w *world, e ends) error {
	torn := w.dump(true)
	m := w.open(txn.Options{})
	defer m.Close()
	os.Setenv("BULWARK_DEMO_ROOT", w.root)
	_, err := m.Recover(w.t.Context(), txn.RecoverOptions{})
	if err == nil {
		_, err := w.verify(e, false)
		return err
	}
	var damaged *txn.DamagedError
	if !errors.As(err, &damaged) {
		return fmt.Errorf("refused with another error: %w", err)
	}
	if w.dump(true) != torn {
		return fmt.Errorf("refused (%w), but touched the host", err)
	}
	return nil
}

// copyOf and restoreFrom keep owner, times and attributes.
func (w *world) copyOf(dir string) string {
	w.must(run("cp", "-a", w.root, dir))
	return filepath.Join(dir, filepath.Base(w.root))
}

func (w *world) restoreFrom(copy string) {
	w.must(os.RemoveAll(w.root))
	w.must(run("cp", "-a", copy, w.root))
}

// An edit that races with the rename survives.
func TestRacingEditSurvives(t *testing.T) {
	w := newWorld(t, fast(t))
	before := w.dump(false)
	edit := "{\"debug\": false}\n"
	res, err := ptrace.Run(ptrace.Options{
		Argv: []string{program(t)}, Env: w.environ("apply"), N: 1,
		Match: func(c ptrace.Call) bool {
			return c.Name == "renameat2" && len(c.Paths) == 2 && c.Paths[1] == w.at("/etc/docker/daemon.json")
		},
		Act: func(*ptrace.Stop) error {
			return os.WriteFile(w.at("/etc/docker/daemon.json"), []byte(edit), 0o640)
		},
	})
	if err != nil || res.Exit() == 0 || res.Exit() == int(128+syscall.SIGKILL) {
		t.Fatalf("exit %d, %v", res.Exit(), err)
	}
	if got := w.read("/etc/docker/daemon.json"); got != edit {
		t.Errorf("daemon.json is %q, want the edit", got)
	}
	w.write("/etc/docker/daemon.json", oldDaemon, 0o640)
	if got := w.dump(false); got != before {
		t.Errorf("host:\n%s\nwant:\n%s", got, before)
	}
}
