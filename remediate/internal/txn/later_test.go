//go:build linux && amd64

package txn_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// afterBoot is a step that cannot be taken back early in a boot, and tells what
// it was asked.
type afterBoot struct{ asked *[]string }

func (afterBoot) Name() string { return "afterboot" }

// Do ends the run as a crash would: recovery finds the transaction open.
func (afterBoot) Do(context.Context, json.RawMessage) (json.RawMessage, error) { panic("power cut") }

func (s afterBoot) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error {
	*s.asked = append(*s.asked, "quiesce")
	return nil
}

func (s afterBoot) Restore(_ context.Context, _ json.RawMessage, info txn.UndoInfo) error {
	switch {
	case info.Boot:
		*s.asked = append(*s.asked, "restore at boot")
		return &txn.LaterError{Why: "later"}
	case info.Fresh:
		*s.asked = append(*s.asked, "restore fresh")
	default:
		*s.asked = append(*s.asked, "restore")
	}
	return nil
}

// What takes a running service is left by the recovery early in a boot, which is
// no failure. The one that follows leaves alone the services, which have started
// with the old files, and the files, which somebody may have edited.
func TestStepAfterBoot(t *testing.T) {
	w, asked := newWorld(t, fast(t)), []string{}
	opt := txn.Options{Steps: []txn.Step{afterBoot{&asked}}, BootID: "one"}
	w.crashed(opt)
	opt.BootID = "two"
	ctx, m := t.Context(), w.open(opt)
	for range 2 { // the second time for a boot that was cut short too
		rep, err := m.Recover(ctx, txn.RecoverOptions{Boot: true})
		if err != nil || rep.Outcome != txn.Deferred || !slices.Equal(rep.Notes, []string{"later"}) {
			t.Fatalf("%+v %v", rep, err)
		}
		if id, err := m.Active(); id == "" || err != nil {
			t.Fatalf("closed: %v", err)
		}
		if got := w.read("/etc/docker/daemon.json"); got != oldDaemon {
			t.Fatalf("not put back: %s", got)
		}
	}
	w.write("/etc/docker/daemon.json", "{}", 0o640)
	rep, err := m.Recover(ctx, txn.RecoverOptions{})
	if err != nil || rep.Outcome != txn.RolledBack || w.read("/etc/docker/daemon.json") != "{}" {
		t.Errorf("%+v %v", rep, err)
	}
	if want := []string{"quiesce", "restore at boot", "restore at boot", "restore fresh"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if rep, err := m.Recover(ctx, txn.RecoverOptions{}); err != nil || rep.ID != "" {
		t.Errorf("%+v %v", rep, err)
	}
}

// A recovery that is called one at boot in the very boot of the transaction has
// services before it that read the new files.
func TestNoBootSince(t *testing.T) {
	w, asked := newWorld(t, fast(t)), []string{}
	opt := txn.Options{Steps: []txn.Step{afterBoot{&asked}}, BootID: "one"}
	w.crashed(opt)
	m := w.open(opt)
	for _, boot := range []bool{true, false} {
		if _, err := m.Recover(t.Context(), txn.RecoverOptions{Boot: boot}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"quiesce", "restore at boot", "quiesce", "restore"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

// Later is for the boot: at any other time it is a failure, and services are
// dealt with again.
func TestLaterAtAnyOtherTime(t *testing.T) {
	m := newWorld(t, fast(t)).open(txn.Options{Steps: []txn.Step{always{}}})
	res, err := m.Run(t.Context(), txn.Spec{Steps: []txn.StepSpec{{Name: "always", Payload: json.RawMessage("{}")}}})
	if err != nil || res.Outcome != txn.Unfinished {
		t.Fatalf("%+v %v", res, err)
	}
	var unfinished *txn.UnfinishedError
	if _, err := m.Recover(t.Context(), txn.RecoverOptions{}); !errors.As(err, &unfinished) {
		t.Errorf("%v", err)
	}
}

// always cannot be taken back.
type always struct{}

func (always) Name() string { return "always" }

func (always) Do(context.Context, json.RawMessage) (json.RawMessage, error) {
	return nil, errors.New("it fails")
}

func (always) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

func (always) Restore(context.Context, json.RawMessage, txn.UndoInfo) error {
	return &txn.LaterError{Why: "later"}
}

// crashed runs a transaction of daemon.json and the step, up to the step.
func (w *world) crashed(opt txn.Options) {
	w.t.Helper()
	m := w.open(opt)
	defer m.Close()
	defer func() { _ = recover() }()
	spec := w.edit("/etc/docker/daemon.json", newDaemon)
	spec.Steps = []txn.StepSpec{{Name: "afterboot", Payload: json.RawMessage("{}")}}
	_, err := m.Run(w.t.Context(), spec)
	w.t.Fatalf("it did not crash: %v", err)
}
