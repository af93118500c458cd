//go:build linux && amd64

package txn_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// An edit between crash and recovery is left alone byte for byte, all else is
// put back, and the transaction stays open until a person decides.
func TestEditInTheWayOfUndo(t *testing.T) {
	const edit = "{\"edited\": true}\n"
	for verb, want := range map[string]string{"force": oldDaemon, "keep": edit} {
		t.Run(verb, func(t *testing.T) {
			w := newWorld(t, fast(t))
			e := w.ends()
			killedMidBurst(w, program(t))
			dir := w.openTxn()
			w.write("/etc/docker/daemon.json", edit, 0o640)
			for range 2 {
				rc, out := w.demo("recover")
				if rc != 4 || !strings.Contains(out, "/etc/docker/daemon.json") {
					t.Fatalf("recover: exit %d, %s", rc, out)
				}
				if got := w.read("/etc/docker/daemon.json"); got != edit {
					t.Fatalf("the edit became %q", got)
				}
				if got := w.read("/etc/foreign.conf"); got != oldForeign {
					t.Errorf("foreign.conf is %q", got)
				}
			}
			if rc, out := w.demo("apply"); rc != 4 {
				t.Errorf("apply over an open transaction: exit %d, %s", rc, out)
			}
			if rc, out := w.demo(verb); rc != 0 {
				t.Fatalf("%s: exit %d, %s", verb, rc, out)
			}
			if got := w.read("/etc/docker/daemon.json"); got != want {
				t.Errorf("daemon.json is %q, want %q", got, want)
			}
			if verb == "force" {
				// Number 2: the two missing directories come first.
				saved, err := filepath.Glob(w.at(dir + "/conflict/2-*"))
				w.must(err)
				if len(saved) != 1 || w.read(strings.TrimPrefix(saved[0], w.root)) != edit {
					t.Errorf("the edit is not kept: %v", saved)
				}
				if end, err := w.verify(e, true); err != nil || end != "before" {
					t.Errorf("%s, %v", end, err)
				}
			}
			if l := w.litter(); l != nil {
				t.Errorf("litter: %v", l)
			}
		})
	}
}

// A rollback onto a file that was edited since touches nothing and names it.
func TestRollbackOverAnEdit(t *testing.T) {
	w := newWorld(t, fast(t))
	if rc, out := w.demo("apply"); rc != 0 {
		t.Fatalf("apply: %s", out)
	}
	w.write("/etc/foreign.conf", "edited\n", 0o604)
	before, journal := w.dump(true), w.journal()
	rc, out := w.demo("rollback")
	if rc != 4 || !strings.Contains(out, "/etc/foreign.conf") {
		t.Errorf("exit %d, %s", rc, out)
	}
	if w.dump(true) != before || w.journal() != journal {
		t.Error("it wrote something")
	}
}

// A file that somebody made a link, locked or linked to is an edit too.
func TestRollbackOverALink(t *testing.T) {
	for name, edit := range map[string]func(path string) error{
		"symlink": func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		},
		"link":   func(path string) error { return os.Link(path, path+".other") },
		"folder": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
	} {
		w := newWorld(t, fast(t))
		if rc, out := w.demo("apply"); rc != 0 {
			t.Fatalf("apply: %s", out)
		}
		w.must(edit(w.at("/etc/foreign.conf")))
		before, journal := w.dump(true), w.journal()
		rc, out := w.demo("rollback")
		if rc != 4 || !strings.Contains(out, "/etc/foreign.conf") {
			t.Errorf("%s: exit %d, %s", name, rc, out)
		}
		if w.dump(true) != before || w.journal() != journal {
			t.Errorf("%s: it wrote something", name)
		}
	}
}

// A change that was computed from another state than the one found is refused.
func TestDriftIsRefused(t *testing.T) {
	w := newWorld(t, fast(t))
	m := w.open(txn.Options{})
	spec := w.edit("/etc/foreign.conf", "mine\n")
	w.write("/etc/foreign.conf", "theirs\n", 0o604)
	before := w.dump(true)
	_, err := m.Run(t.Context(), spec)
	var drift *txn.DriftError
	if !errors.As(err, &drift) || drift.Path != "/etc/foreign.conf" || drift.What != "content" {
		t.Errorf("got %v", err)
	}
	if w.dump(true) != before {
		t.Error("it changed something")
	}
}

// A failing plan is held back; one that works clears the hold.
func TestHold(t *testing.T) {
	w := newWorld(t, fast(t))
	w.env = []string{"BULWARK_DEMO_FAIL=health"}
	w.demo("apply")
	m := w.open(txn.Options{})
	h, err := m.Hold()
	if err != nil || h == nil || h.PlanSHA != "0123" || h.Reason != "the daemon died" {
		t.Fatalf("hold is %+v, %v", h, err)
	}
	if s, err := m.State(); err != nil || s.Serial != 1 || s.LastConfirmed != "" || s.Lineage == "" {
		t.Errorf("state is %+v, %v", s, err)
	}
	if res, err := m.Run(t.Context(), w.edit("/etc/foreign.conf", "mine\n")); err != nil || res.Outcome != txn.Committed {
		t.Fatalf("%+v, %v", res, err)
	}
	if h, err := m.Hold(); h != nil || err != nil {
		t.Errorf("after a commit the hold is %+v, %v", h, err)
	}
	w.must(m.SetHold("4567", "by hand"))
	if h, _ := m.Hold(); h == nil || h.PlanSHA != "4567" {
		t.Errorf("set by hand: %+v", h)
	}
	w.must(m.ClearHold())
	if h, _ := m.Hold(); h != nil {
		t.Errorf("cleared: %+v", h)
	}
}

// What counts for the hold is whether the run was interrupted, not what kind of
// error ended it: a daemon that hangs runs into a deadline.
func TestHoldAfterDeadlineButNotAfterInterrupt(t *testing.T) {
	for name, hold := range map[string]bool{"deadline": true, "interrupt": false} {
		w := newWorld(t, fast(t))
		m := w.open(txn.Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		spec := w.edit("/etc/foreign.conf", "mine\n")
		spec.PlanSHA = "0123"
		spec.Health = func(context.Context) error {
			if name == "interrupt" {
				cancel(errors.New("got SIGTERM"))
				return errors.New("the daemon does not answer")
			}
			return fmt.Errorf("the daemon does not answer: %w", context.DeadlineExceeded)
		}
		res, err := m.Run(ctx, spec)
		cancel(nil)
		if err != nil || res.Outcome != txn.RolledBack {
			t.Fatalf("%s: %+v, %v", name, res, err)
		}
		if h, err := m.Hold(); err != nil || (h != nil) != hold {
			t.Errorf("%s: hold %+v, %v", name, h, err)
		}
	}
}
