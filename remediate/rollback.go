package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/internal/dockerd"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// RollbackOptions say how to roll back.
type RollbackOptions struct {
	// To is the transaction that is taken back, with all after it; "" takes
	// back the last one.
	To          string
	Settle      time.Duration
	LockTimeout time.Duration
	// StartTimeout is as in ApplyOptions.
	StartTimeout time.Duration
	// ConfirmWithin is as in ApplyOptions.
	ConfirmWithin time.Duration
	Command       []string
	Progress      func(string)
	// Approve is asked with the files that will change; see ApplyOptions.
	Approve func(Reversal) error
}

// A Reversal is what a rollback would do.
type Reversal struct {
	Of      []string         `json:"of"` // transactions, newest first
	Paths   []string         `json:"paths"`
	Service resource.Service `json:"service"`
	Stops   []string         `json:"stops,omitempty"` // running containers
	// Rules says that the rules in the kernel become those of then.
	Rules bool `json:"rules,omitempty"`
	// Limits are the containers whose limits become those of then.
	Limits []string `json:"limits,omitempty"`
}

// Rollback makes a new transaction whose end is the state before another one.
// History is only appended to. The same checks hold as for apply: a file that
// was edited since is not overwritten (*ConflictError). While a transaction
// waits to be confirmed, it is that one which is taken back, and no other.
func (h *Host) Rollback(ctx context.Context, o RollbackOptions) (*ApplyResult, error) {
	if err := h.checkConfirm(o.ConfirmWithin); err != nil {
		return nil, err
	}
	if err := h.Permitted(); err != nil {
		return nil, err
	}
	w, err := h.Waiting()
	if err != nil {
		return nil, err
	}
	if w != nil {
		return h.takeBack(ctx, w, o)
	}
	r, err := h.begin(ctx, o.LockTimeout, o.Progress)
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.limitStart(o.StartTimeout)
	spec, err := r.txn.RollbackSpec(o.To)
	if err != nil {
		return nil, r.explain(err)
	}
	s := h.Observe(ctx, nil)
	_, reconfigures := spec.Paths()[configPath(s)]
	undo, err := undoService(stepsOf(spec.Steps, dockerdStep), reconfigures, s)
	if err != nil {
		return nil, err
	}
	rules, err := undoRules(stepsOf(spec.Steps, egressStep), s)
	if err != nil {
		return nil, err
	}
	events, stays, err := undoAudit(stepsOf(spec.Steps, auditStep), s)
	if err != nil {
		return nil, err
	}
	boxes, err := undoLimits(spec.Of(), stepsOf(spec.Steps, limitsStep), s, undo.svc.DataRootMoves)
	if err != nil {
		return nil, err
	}
	rules = slices.Concat(rules, boxes.steps, events)
	if err := canServe(undo.svc, s); err != nil {
		return nil, err
	}
	res := &ApplyResult{Format: 1, Outcome: Unchanged, Notes: slices.Concat(r.notes, stays, boxes.notes)}
	if o.Approve != nil {
		if err := o.Approve(reversal(spec, undo.svc, slices.Concat(rules, boxes.later), s)); err != nil {
			return res, err
		}
	}
	spec.Command, spec.Tool, spec.Actor, spec.AwaitConfirm = o.Command, h.Tool, actor(), o.ConfirmWithin
	spec.Steps = rules
	if undo.svc.Action != resource.NoAction {
		spec.Steps = append(spec.Steps, step(undo.svc, s, undo.after, false))
	}
	spec.Steps = append(spec.Steps, boxes.later...)
	return r.commit(ctx, res, spec, o.Settle, func(ctx context.Context) error {
		if undo.svc.Action == resource.NoAction {
			return nil // an edit of daemon.json that waits for a restart is somebody else's
		}
		return inEffect(h.Observe(ctx, unasked))
	})
}

// unasked asks for nothing but what every policy needs.
var unasked = &plans.Policy{}

// undoRules makes of the rule changes that are undone, oldest first, the one
// that brings back the rules from before them.
func undoRules(steps []txn.StepSpec, s *resource.Snapshot) ([]txn.StepSpec, error) {
	if len(steps) == 0 {
		return nil, nil
	}
	now, ok := s.Firewall.Get()
	if !ok {
		return nil, fmt.Errorf("cannot bring back the firewall rules: %s", s.Firewall.Unknown)
	}
	var then ruleset.Payload
	if err := json.Unmarshal(steps[0].Payload, &then); err != nil {
		return nil, fmt.Errorf("cannot read the journal's egress step: %w", err)
	}
	b, err := json.Marshal(ruleset.Payload{Before: now.Own, After: then.Before})
	if err != nil {
		return nil, fmt.Errorf("cannot write the journal's egress step: %w", err)
	}
	return []txn.StepSpec{{Name: egressStep, Payload: b}}, nil
}

// inEffect is the proof after a rollback: there is no policy to compare with,
// so the daemon must have taken up whatever daemon.json now says.
func inEffect(s *resource.Snapshot) error {
	if keys := daemonjson.Pending(s); len(keys) > 0 {
		return fmt.Errorf("dockerd has not taken up daemon.json: %s", strings.Join(keys, ", "))
	}
	return nil
}

// An undoing is what dockerd needs in order to take steps back.
type undoing struct {
	svc   resource.Service
	after []dockerd.Workload
}

// undoService reads the steps of the transactions that are undone, oldest
// first. Even a key that could be reloaded needs a restart to go away: dockerd
// keeps live-restore, labels and others when their key is absent. Without
// steps, dockerd was stopped then; it may have started since and read the file.
func undoService(steps []txn.StepSpec, reconfigures bool, s *resource.Snapshot) (undoing, error) {
	u := undoing{after: workloads(s)}
	switch {
	case stopped(s) != "" || len(steps) == 0 && !reconfigures:
		return undoing{}, nil
	case len(steps) == 0:
		u.after = mayBeGone(u.after)
	}
	u.svc = resource.Service{Action: resource.Restart, Reasons: []string{"the old configuration is put back"}}
	stop, moves := false, 0
	var oldest dockerd.Payload
	for _, st := range steps {
		var p dockerd.Payload
		if err := json.Unmarshal(st.Payload, &p); err != nil {
			return u, fmt.Errorf("cannot read the journal's dockerd step: %w", err)
		}
		stop = stop || p.Service.StopContainers || p.Service.DataRootMoves
		if p.Service.DataRootMoves {
			if moves++; moves == 1 {
				oldest = p
			}
		}
	}
	if moves%2 == 1 {
		u.svc.DataRootMoves, u.after = true, mayBeGone(oldest.Before)
	}
	e, ok := s.Engine.Get()
	u.svc.StopContainers = stop && ok && e.LiveRestore && len(Running(s)) > 0
	return u, nil
}

// mayBeGone: what ran back then may have been removed by its owner since.
func mayBeGone(then []dockerd.Workload) []dockerd.Workload {
	out := slices.Clone(then)
	for i := range out {
		out[i].Gone = true
	}
	return out
}

func reversal(spec txn.Spec, svc resource.Service, steps []txn.StepSpec, s *resource.Snapshot) Reversal {
	rev := Reversal{
		Paths: slices.Sorted(maps.Keys(spec.Paths())), Service: svc,
		Rules: changesRules(steps), Limits: limited(steps),
	}
	rev.Stops = stops(svc, s)
	return rev
}

// stops names the containers that a rollback stops.
func stops(svc resource.Service, s *resource.Snapshot) []string {
	e, ok := s.Engine.Get()
	if svc.Action == resource.Restart && (!ok || !e.LiveRestore || svc.StopContainers) {
		return Running(s)
	}
	return nil
}
