package remediate

import (
	"encoding/json"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/dockerd"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// keepsKeys reports that a plan's reload can be taken back by a restart only: it
// adds a key to daemon.json, and dockerd keeps the value of a key that goes away.
func keepsKeys(plan *resource.Plan, s *resource.Snapshot) bool {
	i := slices.IndexFunc(plan.Changes, func(c resource.Change) bool { return c.Path == configPath(s) })
	if plan.Service.Action != resource.Reload || i < 0 {
		return false
	}
	before, _ := s.DaemonJSON.Get()
	return addsKey(before.Content, plan.Changes[i].Content)
}

func addsKey(before, after []byte) bool {
	var a, b map[string]json.RawMessage
	if len(before) > 0 && json.Unmarshal(before, &a) != nil || json.Unmarshal(after, &b) != nil {
		return true
	}
	for key := range b {
		if _, ok := a[key]; !ok {
			return true
		}
	}
	return false
}

// undoReloads reports that a reload is enough to take all steps back.
func undoReloads(steps []txn.StepSpec) bool {
	return !slices.ContainsFunc(steps, func(s txn.StepSpec) bool {
		var p dockerd.Payload
		return json.Unmarshal(s.Payload, &p) != nil || p.Service.Action != resource.Reload || p.UndoRestarts
	})
}
