package remediate

import (
	"encoding/json"

	"github.com/bulwark-project/bulwark/remediate/internal/dockerd"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// startedWith returns daemon.json as the running daemon read it at its start,
// if the start was bulwark's own and the journal may be read. The times of
// file and process tell the same, but not after the clock was set.
func (h *Host) startedWith(s *resource.Snapshot) *resource.File {
	u, ok := s.Unit.Get()
	if !ok || u.InvocationID == "" {
		return nil
	}
	r, err := txn.OpenRead(h.root, StateDir)
	if err != nil {
		return nil
	}
	state, err := r.State()
	if err != nil {
		return nil
	}
	for id := state.LastConfirmed; id != ""; {
		e, err := r.Entry(id)
		if err != nil {
			return nil
		}
		if restartOf(e, u.InvocationID) {
			return writtenBy(e, configPath(s))
		}
		id = e.Parent
	}
	return nil
}

// restartOf reports whether the transaction started the daemon that runs. A
// reload reads the file too, but takes up a part of it only.
func restartOf(e *txn.Entry, invocation string) bool {
	for n, st := range e.Steps {
		var p dockerd.Payload
		var done dockerd.Done
		if json.Unmarshal(st.Payload, &p) != nil || json.Unmarshal(e.StepDone(n), &done) != nil {
			continue
		}
		if p.Service.Action == resource.Restart && done.InvocationID == invocation {
			return true
		}
	}
	return false
}

func writtenBy(e *txn.Entry, path string) *resource.File {
	for _, op := range e.Ops {
		if op.Path != path {
			continue
		}
		content, err := e.After(op.N)
		if err != nil {
			return nil
		}
		return &resource.File{Path: path, Print: op.After, Content: content}
	}
	return nil
}
