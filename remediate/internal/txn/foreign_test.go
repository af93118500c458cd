//go:build linux && amd64

package txn_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// theirs is a step whose Restore finds what somebody else changed, until it is
// forced.
type theirs struct{ forced *bool }

func (theirs) Name() string { return "theirs" }

func (theirs) Do(context.Context, json.RawMessage) (json.RawMessage, error) {
	return nil, errors.New("it fails")
}

func (theirs) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

func (s theirs) Restore(_ context.Context, _ json.RawMessage, info txn.UndoInfo) error {
	if *s.forced = info.Force; info.Force {
		return nil
	}
	return &txn.ForeignError{Path: "container web", What: "pids 9, now 7"}
}

// What a step leaves to somebody else is a conflict like an edited file: the
// transaction stays open until a person says keep or force.
func TestStepInTheWayOfUndo(t *testing.T) {
	for _, force := range []bool{false, true} {
		forced := new(bool)
		m := newWorld(t, fast(t)).open(txn.Options{Steps: []txn.Step{theirs{forced}}})
		ctx := t.Context()
		res, err := m.Run(ctx, txn.Spec{Steps: []txn.StepSpec{{Name: "theirs", Payload: json.RawMessage("{}")}}})
		if err != nil {
			t.Fatal(err)
		}
		var conflict *txn.ConflictError
		if res.Outcome != txn.Conflicted || !errors.As(res.Undo, &conflict) || conflict.Conflicts[0].Path != "container web" {
			t.Fatalf("%s %v", res.Outcome, res.Undo)
		}
		if _, err := m.Recover(ctx, txn.RecoverOptions{}); !errors.As(err, &conflict) {
			t.Errorf("%v", err)
		}
		rep, err := m.Recover(ctx, txn.RecoverOptions{Force: force, Keep: !force})
		if err != nil || rep.Outcome != txn.RolledBack || *forced != force {
			t.Errorf("%+v %v, forced %v", rep, err, *forced)
		}
		if rep, err := m.Recover(ctx, txn.RecoverOptions{}); err != nil || rep.ID != "" {
			t.Errorf("%+v %v", rep, err)
		}
	}
}
