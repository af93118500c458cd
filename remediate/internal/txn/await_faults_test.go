package txn_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// The dead man is there before the first change, and gets the whole window once
// the changes are made.
func TestArmedBeforeTheFirstChange(t *testing.T) {
	a := newWaiter(t)
	var seen []string
	spec := a.spec()
	spec.Arm = func(_ context.Context, id string) error {
		if got := strings.TrimSpace(a.read(stateDir + "/ACTIVE")); got != id {
			t.Errorf("armed for %s, open is %s", id, got)
		}
		seen = append(seen, a.dump(false))
		a.up += time.Second // arming takes its time
		return nil
	}
	m := a.world.open(a.opt)
	defer m.Close()
	res, err := m.Run(t.Context(), spec)
	if err != nil || res.Outcome != txn.Awaiting {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(seen) != 2 || seen[0] != a.e.before || seen[1] != a.e.after {
		t.Errorf("armed %d times, with the host\n%s", len(seen), strings.Join(seen, "\n\n"))
	}
	// What was armed before the deadline was fixed would fire too early.
	if res.Waiting.Left > window-time.Second {
		t.Errorf("%v are left, armed one second ago", res.Waiting.Left)
	}
}

func TestWithoutDeadManNothingChanges(t *testing.T) {
	for n, want := range map[int]txn.Outcome{1: txn.NotApplied, 2: txn.RolledBack} {
		a := newWaiter(t)
		spec := a.spec()
		spec.Arm = func(context.Context, string) error {
			if n--; n == 0 {
				return errors.New("there is no timer")
			}
			return nil
		}
		m := a.world.open(a.opt)
		res, err := m.Run(t.Context(), spec)
		if err != nil || res.Outcome != want || res.Cause == nil || res.Cause.Error() != "there is no timer" {
			t.Errorf("%+v, %v", res, err)
		}
		spec.Arm = nil
		if _, err := m.Run(t.Context(), spec); err == nil {
			t.Error("a run without a dead man is accepted")
		}
		m.Close()
		a.ended("before")
	}
}

// A signal that comes while the second timer is set takes everything back.
func TestInterruptedBeforeItWaits(t *testing.T) {
	a := newWaiter(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	spec, n := a.spec(), 0
	spec.Arm = func(context.Context, string) error {
		if n++; n == 2 {
			cancel(errors.New("got SIGTERM"))
		}
		return nil
	}
	m := a.world.open(a.opt)
	res, err := m.Run(ctx, spec)
	m.Close()
	if err != nil || res.Outcome != txn.RolledBack {
		t.Fatalf("%+v, %v", res, err)
	}
	a.ended("before")
}

// An AWAIT that is torn or damaged is none, or the journal is refused as a
// whole: what nobody can read is never confirmed, and never torn.
func TestDamagedAwait(t *testing.T) {
	a := newWaiter(t)
	id := a.applied()
	wal := filepath.Join(stateDir, "txn", id, "wal")
	whole := []byte(a.read(wal))
	last := strings.LastIndex(strings.TrimSuffix(string(whole), "\n"), "\n") + 1
	if !strings.Contains(string(whole[last:]), `"AWAIT"`) {
		t.Fatalf("the log ends with %s", whole[last:])
	}
	keep := a.copyOf(fast(t))
	for i := last; i < len(whole); i++ {
		for what, b := range map[string][]byte{"cut": whole[:i], "flip": flip(whole, i)} {
			a.restoreFrom(keep)
			a.must(os.WriteFile(a.at(wal), b, 0o600))
			if rep, err := a.confirm(id); err == nil {
				t.Fatalf("%s at %d: confirmed: %+v", what, i-last, rep)
			}
			a.waits()
			if _, err := a.recover(txn.RecoverOptions{}); err != nil {
				if !errors.As(err, new(*txn.DamagedError)) {
					t.Fatalf("%s at %d: %v", what, i-last, err)
				}
				a.waits()
				continue
			}
			a.ended("before")
		}
	}
}
