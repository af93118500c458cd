package containers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/containers"
	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// A boot between the change of a restart policy and its undo leaves a container
// stopped that is to run: it is started once its policy is back. Not in the same
// boot, for then somebody else has stopped it; and only if it ran before.
func TestStoppedByTheBoot(t *testing.T) {
	always, never := set{Restart: "always"}, set{Restart: "no"}
	p := limits.Payload{ID: "id", Name: "web", Ran: true, Before: always, After: never, Back: always}
	lay, back := p, p
	lay.Ran = false
	back.Before, back.After, back.Back = never, always, never
	for name, c := range map[string]struct {
		p       limits.Payload
		now     set
		pid     int
		info    txn.UndoInfo
		refuses bool
		started int
	}{
		"stopped":       {p, never, 0, txn.UndoInfo{Did: true}, false, 1},
		"killed before": {p, always, 0, txn.UndoInfo{Did: true}, false, 1},
		"does not":      {p, never, 0, txn.UndoInfo{Did: true}, true, 1},
		"runs":          {p, never, 7, txn.UndoInfo{Did: true}, false, 0},
		"same boot":     {p, never, 0, did, false, 0},
		"did not run":   {lay, never, 0, txn.UndoInfo{Did: true}, false, 0},
		"no policy":     {back, always, 0, txn.UndoInfo{Did: true}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon(t, config(c.now))
			d.pid, d.refuseStart = c.pid, c.refuses
			step := &containers.Step{DockerHost: d.address}
			b, err := json.Marshal(c.p)
			if err != nil {
				t.Fatal(err)
			}
			if err := step.Restore(ctx, b, c.info); err != nil || d.now(t) != c.p.Back || d.started != c.started {
				t.Errorf("%v %+v, started %d times", err, d.now(t), d.started)
			}
			if told := len(step.Notes) == 1 && strings.HasPrefix(step.Notes[0], "not brought back: cannot start container web"); told != c.refuses {
				t.Errorf("%q", step.Notes)
			}
		})
	}
}

// What dockerd shows only after the restart of a rollback is out of sight when
// that is undone, and left.
func TestElsewhere(t *testing.T) {
	d := newDaemon(t, config(none))
	p, err := json.Marshal(limits.Payload{ID: "id", Name: "web", Elsewhere: true, Before: none, After: some, Back: lifted})
	if err != nil {
		t.Fatal(err)
	}
	step := &containers.Step{DockerHost: d.address}
	if _, err := step.Do(ctx, p); err != nil || d.now(t) != some {
		t.Fatalf("%v %+v", err, d.now(t))
	}
	for _, info := range []txn.UndoInfo{did, {Did: true, Boot: true}} {
		if err := step.Restore(ctx, p, info); err != nil || d.now(t) != some {
			t.Errorf("%v %+v", err, d.now(t))
		}
	}
}
