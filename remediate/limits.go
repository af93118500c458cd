package remediate

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const limitsStep = limits.Name

// undoLimits makes of the changes of containers that are undone, oldest first,
// one for each container that is still there. notes tell of those that are not.
// What somebody else changed since is a *ConflictError, as with files.
func undoLimits(of string, steps []txn.StepSpec, s *resource.Snapshot) (back []txn.StepSpec, notes []string, err error) {
	changes, order, err := limitChanges(steps)
	if err != nil || len(order) == 0 {
		return nil, nil, err
	}
	all, ok := s.Containers.Get()
	if !ok {
		return nil, nil, fmt.Errorf("cannot bring back the limits of containers: %s", s.Containers.Unknown)
	}
	conflict := &ConflictError{ID: of}
	for _, id := range order {
		i := slices.IndexFunc(all, func(c resource.Container) bool { return c.ID == id })
		name := changes[id][0].Name
		if i < 0 {
			notes = append(notes, fmt.Sprintf("container %s is gone: its limits need not be put back", name))
			continue
		}
		p, what, short := limits.Rebase(changes[id], all[i].Limits(), s.Engine.Value.CPUs)
		if what != "" {
			conflict.Conflicts = append(conflict.Conflicts, txn.Conflict{Path: "container " + name, What: what})
		}
		if short != "" {
			notes = append(notes, short)
		}
		if len(p.Changed()) > 0 {
			b, err := json.Marshal(p)
			if err != nil {
				return nil, nil, fmt.Errorf("cannot write the journal's limits step: %w", err)
			}
			back = append(back, txn.StepSpec{Name: limitsStep, Payload: b})
		}
	}
	if len(conflict.Conflicts) > 0 {
		return nil, nil, &EditedError{Conflict: conflict}
	}
	return back, notes, nil
}

// limitChanges reads steps by the id of the container, and the ids in order.
func limitChanges(steps []txn.StepSpec) (changes map[string][]limits.Payload, order []string, err error) {
	changes = map[string][]limits.Payload{}
	for _, st := range steps {
		var p limits.Payload
		if err := json.Unmarshal(st.Payload, &p); err != nil {
			return nil, nil, fmt.Errorf("cannot read the journal's limits step: %w", err)
		}
		if changes[p.ID] == nil {
			order = append(order, p.ID)
		}
		changes[p.ID] = append(changes[p.ID], p)
	}
	return changes, order, nil
}

// limited are the containers whose limits steps change.
func limited(steps []txn.StepSpec) []string {
	var names []string
	changes, order, _ := limitChanges(stepsOf(steps, limitsStep)) // unreadable ones change nothing
	for _, id := range order {
		names = append(names, changes[id][0].Name)
	}
	return names
}

// dropLater takes out of a plan that is to prove another the changes of
// containers that were not in it: made meanwhile, or blocked then by what they
// used. It reports whether there were any. They are the next run's.
func dropLater(now, done *resource.Plan) bool {
	after := map[string]resource.ContainerLimits{}
	for _, op := range done.Operations {
		var p limits.Payload
		if op.Kind == limitsStep && json.Unmarshal(op.Payload, &p) == nil {
			after[p.ID] = p.After
		}
	}
	n := len(now.Operations)
	now.Operations = slices.DeleteFunc(now.Operations, func(op resource.Operation) bool {
		var p limits.Payload
		if op.Kind != limitsStep || json.Unmarshal(op.Payload, &p) != nil {
			return false
		}
		then, planned := after[p.ID]
		return !planned || p.Before == then
	})
	return len(now.Operations) < n
}

// recordedLimits reads the changes of containers back from the journal.
func recordedLimits(e *txn.Entry, diffs bool) []RecordedLimits {
	var out []RecordedLimits
	for _, st := range stepsOf(e.Steps, limitsStep) {
		var p limits.Payload
		if json.Unmarshal(st.Payload, &p) != nil {
			continue
		}
		r := RecordedLimits{Container: p.Name}
		if diffs {
			r.Diff = udiff.Unified("before "+p.Name, "after "+p.Name+" ("+e.ID+")", limits.Text(p.Before), limits.Text(p.After))
		}
		out = append(out, r)
	}
	return out
}
