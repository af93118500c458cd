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
