package txn_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// A waiter is a world with a transaction in it that waits, and a clock.
type waiter struct {
	*world
	e    ends
	opt  txn.Options
	up   time.Duration
	wall time.Time
}

const window = 2 * time.Minute

func newWaiter(t *testing.T) *waiter {
	w := newWorld(t, fast(t))
	t.Setenv("BULWARK_DEMO_ROOT", w.root)
	a := &waiter{world: w, e: w.ends(), up: time.Hour, wall: old}
	a.opt = txn.Options{
		BootID: "one", Uptime: func() time.Duration { return a.up }, Now: func() time.Time { return a.wall },
	}
	return a
}

// spec is the demo's, to be confirmed.
func (a *waiter) spec() txn.Spec {
	a.t.Helper()
	root, err := fsys.OpenRoot(a.root)
	a.must(err)
	defer root.Close()
	spec, err := demoSpec(root)
	a.must(err)
	spec.AwaitConfirm, spec.Actor.SSHConnection = window, "192.0.2.1 50000 192.0.2.2 22"
	spec.Arm = func(context.Context, string) error { return nil }
	return spec
}

// applied runs the transaction, up to where it waits, and returns its id.
func (a *waiter) applied() string {
	a.t.Helper()
	m := a.world.open(a.opt)
	defer m.Close()
	res, err := m.Run(a.t.Context(), a.spec())
	if err != nil || res.Outcome != txn.Awaiting || res.Cause != nil || res.Waiting == nil || res.Waiting.Left <= 0 || res.Waiting.Left > window {
		a.t.Fatalf("%+v, %v", res, err)
	}
	return res.ID
}

func (a *waiter) recover(o txn.RecoverOptions) (*txn.Report, error) {
	m := a.world.open(a.opt)
	defer m.Close()
	return m.Recover(a.t.Context(), o)
}

func (a *waiter) confirm(id string) (*txn.Report, error) {
	m := a.world.open(a.opt)
	defer m.Close()
	return m.Confirm(a.t.Context(), id)
}

func (a *waiter) ended(want string) {
	a.t.Helper()
	if got, err := a.verify(a.e, true); got != want || err != nil {
		a.t.Errorf("the host is %s, want %s: %v", got, want, err)
	}
}

// waits fails unless the new state is in place and nothing was decided.
func (a *waiter) waits() {
	a.t.Helper()
	if a.dump(false) != a.e.after {
		a.t.Errorf("the host is not as it was applied:\n%s", a.dump(false))
	}
	if _, err := os.Stat(a.at(stateDir + "/ACTIVE")); err != nil {
		a.t.Error(err)
	}
}

func (a *waiter) hold() *txn.Hold {
	a.t.Helper()
	m := a.world.open(a.opt)
	defer m.Close()
	h, err := m.Hold()
	a.must(err)
	return h
}

func TestConfirmKeeps(t *testing.T) {
	a := newWaiter(t)
	id := a.applied()
	a.waits()
	a.up += window - time.Nanosecond
	if _, err := a.confirm("000009-20260101T000000Z-00000000"); !errors.As(err, new(*txn.NotWaitingError)) {
		t.Errorf("another id: %v", err)
	}
	rep, err := a.confirm(id)
	if err != nil || rep.ID != id || rep.Outcome != txn.Committed {
		t.Fatalf("%+v, %v", rep, err)
	}
	a.ended("after")
	a.up += window
	for _, id := range []string{id, ""} {
		if _, err := a.confirm(id); !errors.As(err, new(*txn.NotWaitingError)) {
			t.Errorf("confirmed again: %v", err)
		}
	}
	if rep, err := a.recover(txn.RecoverOptions{Due: id}); err != nil || rep.ID != "" {
		t.Errorf("the timer after it: %+v, %v", rep, err)
	}
	a.ended("after")
	if rc, out := a.demo("rollback"); rc != 0 {
		t.Fatalf("rollback: %d, %s", rc, out)
	}
	a.ended("before")
}

// Who does not confirm in time finds the host as before, whatever comes first:
// the timer, the next command, the next boot.
func TestSilenceRollsBack(t *testing.T) {
	for name, c := range map[string]struct {
		pass func(*waiter)
		o    txn.RecoverOptions
		why  string
	}{
		"timer":         {pass: func(a *waiter) { a.up += window }, o: txn.RecoverOptions{Due: "it"}, why: "not confirmed in time"},
		"next command":  {pass: func(a *waiter) { a.up += window }, why: "not confirmed in time"},
		"next boot":     {pass: func(a *waiter) { a.opt.BootID, a.up = "two", time.Second }, o: txn.RecoverOptions{Boot: true}, why: "not confirmed before the machine was started anew"},
		"after a boot":  {pass: func(a *waiter) { a.opt.BootID = "two" }, why: "not confirmed before the machine was started anew"},
		"boot unit now": {pass: func(*waiter) {}, o: txn.RecoverOptions{Boot: true}, why: "not confirmed before the machine was started anew"},
		"other clock":   {pass: func(a *waiter) { a.up = time.Second }, why: "not confirmed in time"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newWaiter(t)
			id := a.applied()
			c.pass(a)
			if c.o.Due != "" {
				c.o.Due = id
			}
			if !c.o.Boot {
				if _, err := a.confirm(id); !errors.As(err, new(*txn.LateError)) {
					t.Errorf("confirm: %v", err)
				}
				a.waits()
			}
			rep, err := a.recover(c.o)
			if err != nil || rep.ID != id || rep.Outcome != txn.RolledBack || rep.Reason != c.why {
				t.Fatalf("%+v, %v", rep, err)
			}
			// At boot the service is left to start by itself.
			if got, err := a.verify(a.e, !c.o.Boot && a.opt.BootID == "one"); got != "before" || err != nil {
				t.Errorf("the host is %s: %v", got, err)
			}
			if h := a.hold(); h == nil || h.PlanSHA != "0123" || h.Reason != c.why {
				t.Errorf("hold is %+v", h)
			}
			if _, err := a.confirm(id); !errors.As(err, new(*txn.NotWaitingError)) {
				t.Errorf("confirm after it: %v", err)
			}
		})
	}
}

// The wall clock may be set to anything.
func TestWallClockDoesNotCount(t *testing.T) {
	a := newWaiter(t)
	id := a.applied()
	for _, jump := range []time.Duration{100 * window, -1000 * window, 365 * 24 * time.Hour} {
		a.wall = a.wall.Add(jump)
		if rep, err := a.recover(txn.RecoverOptions{Due: id}); err != nil || rep.ID != "" {
			t.Errorf("set by %v: %+v, %v", jump, rep, err)
		}
	}
	var waiting *txn.AwaitingError
	if _, err := a.recover(txn.RecoverOptions{}); !errors.As(err, &waiting) || !waiting.Deadline.Equal(a.wall.Add(window)) {
		t.Errorf("got %v", err)
	}
	if _, err := a.confirm(""); err != nil {
		t.Error(err)
	}
	a.ended("after")
}

// While it waits, nothing else is begun, and a timer that is not its own, or too
// early, writes nothing.
func TestNothingElseWhileItWaits(t *testing.T) {
	a := newWaiter(t)
	id := a.applied()
	journal := a.journal()
	a.up += window - 1
	for _, o := range []txn.RecoverOptions{{}, {Force: true}, {Keep: true}} {
		if _, err := a.recover(o); !errors.As(err, new(*txn.AwaitingError)) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, due := range []string{id, "000009-20260101T000000Z-00000000"} {
		if rep, err := a.recover(txn.RecoverOptions{Due: due}); err != nil || rep.ID != "" {
			t.Errorf("due %s: %+v, %v", due, rep, err)
		}
	}
	m := a.world.open(a.opt)
	if _, err := m.Run(t.Context(), a.edit("/etc/foreign.conf", "mine\n")); !errors.As(err, new(*txn.ActiveError)) {
		t.Errorf("another run: %v", err)
	}
	if _, err := m.RollbackSpec(id); err == nil {
		t.Error("it counts as committed")
	}
	m.Close()
	a.waits()
	if got := a.journal(); got != journal {
		t.Errorf("the journal was written to:\n%s\nwas\n%s", got, journal)
	}
}

func TestTakeBackBeforeItsTime(t *testing.T) {
	a := newWaiter(t)
	id := a.applied()
	m := a.world.open(a.opt)
	if _, err := m.TakeBack(t.Context(), "000009-20260101T000000Z-00000000"); !errors.As(err, new(*txn.NotWaitingError)) {
		t.Errorf("another id: %v", err)
	}
	a.waits()
	rep, err := m.TakeBack(t.Context(), id)
	if err != nil || rep.Outcome != txn.RolledBack {
		t.Fatalf("%+v, %v", rep, err)
	}
	m.Close()
	a.ended("before")
	if a.hold() == nil {
		t.Error("the plan is not held back")
	}
	if _, err := a.confirm(id); !errors.As(err, new(*txn.NotWaitingError)) {
		t.Errorf("confirm after it: %v", err)
	}
	a.ended("before")
}

// History and readers tell a transaction that waits from one that is broken.
func TestReadersSeeThatItWaits(t *testing.T) {
	a := newWaiter(t)
	a.opt = txn.Options{} // readers have the real clock
	id := a.applied()
	m := a.world.open(a.opt)
	w, err := m.Waiting()
	if err != nil || w == nil || w.ID != id || w.Left <= 0 || w.Left > window || w.SSHConnection != "192.0.2.1 50000 192.0.2.2 22" {
		t.Errorf("%+v, %v", w, err)
	}
	e, err := m.Entry(id)
	if err != nil || e.Outcome != "" || e.Waiting() == nil {
		t.Errorf("%+v, %v", e, err)
	}
	_, err = m.Confirm(t.Context(), id)
	a.must(err)
	if w, err := m.Waiting(); w != nil || err != nil {
		t.Errorf("confirmed: %+v, %v", w, err)
	}
	if e, err := m.Entry(id); err != nil || e.Outcome != txn.Committed || e.Waiting() != nil {
		t.Errorf("confirmed: %+v, %v", e, err)
	}
}
