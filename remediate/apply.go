package remediate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/auditd"
	"github.com/bulwark-project/bulwark/remediate/internal/dockerd"
	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/lab"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// DefaultSettle is how long dockerd must stay up after a restart before the
// transaction commits: a daemon that dies after 5 s must not pass.
const DefaultSettle = 7 * time.Second

// DefaultStartTimeout is how long dockerd may take until it answers.
const DefaultStartTimeout = dockerd.DefaultStart

// ApplyOptions say how to apply.
type ApplyOptions struct {
	Policy *plans.Policy
	// Saved, if set, is the plan that is to be applied, or nothing: a
	// *StaleError comes before any other.
	Saved *SavedPlan
	// Approve sees the plan under the lock, as it will be applied; an error
	// from it ends apply with nothing changed. It is not asked when there is
	// nothing to do.
	Approve func(*resource.Plan) error
	// Retry allows a plan that was rolled back before.
	Retry bool
	// AllowIrreversible allows what the plan names as irreversible.
	AllowIrreversible bool
	// Settle is how long dockerd must stay up; see DefaultSettle.
	Settle time.Duration
	// StartTimeout is how long dockerd may take until it answers; 0 means
	// DefaultStartTimeout.
	StartTimeout time.Duration
	// ConfirmWithin, if not 0, is how long the change is kept unless Confirm is
	// called.
	ConfirmWithin time.Duration
	// LockTimeout is how long to wait for another run.
	LockTimeout time.Duration
	// Prove attacks the host before the commit point, as Prove does with this
	// policy: a defence that does not hold takes everything back.
	Prove bool
	// Command is recorded in the history.
	Command []string
	// Progress is told what happens now; it may be nil.
	Progress func(string)

	reserved *lab.Reservation
}

// An ApplyResult says what became of an apply or a rollback.
type ApplyResult struct {
	Format  int            `json:"format"`
	Outcome Outcome        `json:"outcome"`
	ID      string         `json:"id,omitempty"` // of the transaction
	Plan    *resource.Plan `json:"plan,omitempty"`
	// Cause says why the transaction was rolled back, in the daemon's own
	// words where it spoke.
	Cause string `json:"cause,omitempty"`
	// ConfirmBy is when an awaiting transaction is rolled back.
	ConfirmBy time.Time `json:"confirm_by,omitzero"`
	Daemon    []string  `json:"daemon,omitempty"`
	Notes     []string  `json:"notes,omitempty"`
	// Proof is what the attacks saw that Prove asked for.
	Proof *resource.Proof `json:"proof,omitempty"`
}

// An Outcome is how an apply ended without an error of its own.
type Outcome string

// Outcomes.
const (
	Unchanged  Outcome = "unchanged"
	Applied    Outcome = "applied"
	RolledBack Outcome = "rolled-back"
	// Awaiting: applied, and rolled back if nobody confirms it in time.
	Awaiting Outcome = "awaiting"
	// TakenBack: what waited to be confirmed was rolled back on request.
	TakenBack Outcome = "taken-back"
)

// Apply observes the host under the lock, plans, and makes the changes as one
// transaction. Whatever fails before the commit point is taken back: then the
// result says RolledBack and why. Errors leave the host as it was, except
// *ConflictError, which needs a person.
func (h *Host) Apply(ctx context.Context, o ApplyOptions) (*ApplyResult, error) {
	if err := h.checkConfirm(o.ConfirmWithin); err != nil {
		return nil, err
	}
	r, err := h.begin(ctx, o.LockTimeout, o.Progress)
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.limitStart(o.StartTimeout)
	if o.Prove {
		if o.reserved, err = h.reserve(ctx, o); err != nil {
			return nil, err
		}
		defer o.reserved.Close()
	}
	for try := 1; ; try++ {
		res, err := r.apply(ctx, o)
		// useradd and its kin may come between the look at their files and
		// the lock on them; consent to what was shown is checked by Approve.
		var stale *StaleError
		if try == observations || !errors.As(err, &stale) || !stale.raced {
			return res, err
		}
	}
}

// observations is how often apply looks again when others were quicker.
const observations = 5

func (r *run) apply(ctx context.Context, o ApplyOptions) (*ApplyResult, error) {
	h := r.host
	s := h.Observe(ctx, o.Policy)
	plan := NewPlan(o.Policy, s)
	res := &ApplyResult{Format: 1, Outcome: Unchanged, Plan: plan, Notes: r.notes}
	if o.Saved != nil {
		if err := o.Saved.Check(h, plan); err != nil {
			return res, err
		}
	}
	if !plan.Pending() {
		return res, errors.Join(whollyBlocked(plan), h.defend(ctx, o, res))
	}
	if err := canServe(plan.Service, s); err != nil {
		return res, err
	}
	if err := r.permit(plan, o); err != nil {
		return res, err
	}
	return r.commit(ctx, res, h.spec(plan, s, o), o.Settle, func(ctx context.Context) error {
		if err := h.prove(ctx, o.Policy, res); err != nil {
			return err
		}
		return h.defend(ctx, o, res)
	})
}

// whollyBlocked is an error when not one control of the policy holds and at
// least one is blocked or unknown, as with a daemon.json that dockerd refuses
// or a name that nobody resolves: to say 0 then would tell configuration
// management that all is well.
func whollyBlocked(p *resource.Plan) error {
	if p.Count(resource.OK) > 0 || p.Count(resource.Blocked)+p.Count(resource.Unread) == 0 {
		return nil
	}
	worst := resource.Blocked
	if p.Count(worst) == 0 {
		worst = resource.Unread
	}
	blocked := &BlockedError{}
	for _, c := range p.Controls {
		if c.Status == worst && !slices.Contains(blocked.Reasons, c.Reason) {
			blocked.Reasons = append(blocked.Reasons, c.Reason)
			blocked.Remedies = append(blocked.Remedies, c.Remedy)
		}
	}
	return blocked
}

// canServe refuses a change that would need a restart which bulwark cannot
// make: it restarts dockerd through systemd only.
func canServe(svc resource.Service, s *resource.Snapshot) error {
	u, ok := s.Unit.Get()
	switch {
	case svc.Action == resource.NoAction:
		return nil
	case !ok:
		return fmt.Errorf("cannot %s dockerd: %s", svc.Action, s.Unit.Unknown)
	case u.LoadState != "loaded":
		return fmt.Errorf("cannot %s dockerd: %s is %s", svc.Action, u.Name, u.LoadState)
	case u.ActiveState == "activating" && u.SubState != "auto-restart", u.ActiveState == "deactivating":
		return fmt.Errorf("cannot %s dockerd: %s is %s (%s), wait for its end", svc.Action, u.Name, u.ActiveState, u.SubState)
	case u.ActiveState == "active" && s.Engine.Unknown != "":
		// Its containers are not known, and whether it comes back could not
		// be told, neither with the new configuration nor with the old one.
		return fmt.Errorf("cannot %s dockerd: it runs and cannot be asked: %s", svc.Action, s.Engine.Unknown)
	}
	return nil
}

// permit refuses what the user has not asked for.
func (r *run) permit(plan *resource.Plan, o ApplyOptions) error {
	state, err := r.txn.State()
	if err != nil {
		return err
	}
	if state.Hold != nil && state.Hold.PlanSHA == plan.Digest && !o.Retry {
		return &HoldError{Reason: hiderIn(r.txn.Reader, state.Hold.Txn).hide(state.Hold.Reason)}
	}
	if lost := plan.Irreversible(); len(lost) > 0 && !o.AllowIrreversible {
		return &IrreversibleError{Impacts: lost}
	}
	if o.Approve == nil {
		return nil
	}
	return o.Approve(plan)
}

// spec turns a plan into a transaction.
func (h *Host) spec(plan *resource.Plan, s *resource.Snapshot, o ApplyOptions) txn.Spec {
	spec := txn.Spec{
		Command: o.Command, PlanSHA: plan.Digest, PolicySHA: plan.Policy.SHA256, Tool: h.Tool,
		Actor: actor(), Changes: plan.Changes, AwaitConfirm: o.ConfirmWithin,
		Validate: func(ctx context.Context, staged []txn.Staged) error {
			return h.validate(ctx, s, staged, plan.Operations)
		},
	}
	// Rules come before dockerd's restart: no container may start without.
	for _, op := range plan.Operations {
		spec.Steps = append(spec.Steps, txn.StepSpec{Name: op.Kind, Payload: op.Payload})
	}
	if plan.Service.Action != resource.NoAction {
		after := workloads(s)
		if plan.Service.DataRootMoves {
			after = nil
		}
		spec.Steps = append(spec.Steps, step(plan.Service, s, after, keepsKeys(plan, s)))
	}
	return spec
}

// step is the journal's record of what dockerd needs.
func step(svc resource.Service, s *resource.Snapshot, after []dockerd.Workload, undoRestarts bool) txn.StepSpec {
	p := dockerd.Payload{Service: svc, Before: workloads(s), After: after, UndoRestarts: undoRestarts}
	if u, ok := s.Unit.Get(); ok {
		p.InvocationID = u.InvocationID
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic("internal error: dockerd step: " + err.Error()) // plain structs always marshal
	}
	return txn.StepSpec{Name: dockerdStep, Payload: b}
}

// Names of the steps in the journal.
var (
	dockerdStep = (*dockerd.Step)(nil).Name()
	egressStep  = (*firewall.Step)(nil).Name()
	auditStep   = (*auditd.Step)(nil).Name()
)

// stepsOf returns the steps with a name, in order.
func stepsOf(all []txn.StepSpec, name string) []txn.StepSpec {
	return slices.DeleteFunc(slices.Clone(all), func(s txn.StepSpec) bool { return s.Name != name })
}

func workloads(s *resource.Snapshot) []dockerd.Workload {
	var out []dockerd.Workload
	all, _ := s.Containers.Get()
	for _, c := range all {
		if c.State == "running" || c.State == "paused" {
			job := c.RestartPolicy == "" || c.RestartPolicy == "no"
			out = append(out, dockerd.Workload{ID: c.ID, Name: c.Name, Gone: c.AutoRemove, Job: job})
		}
	}
	return out
}

// commit runs the transaction with the health check before its commit point:
// the daemon stays up, and the host observed again is as wanted.
func (r *run) commit(ctx context.Context, res *ApplyResult, spec txn.Spec, settle time.Duration,
	wanted func(context.Context) error,
) (*ApplyResult, error) {
	if err := r.host.ensureRecovery(ctx); err != nil {
		return res, err
	}
	if len(stepsOf(spec.Steps, limitsStep)) > 0 {
		if err := r.host.ensureLimitsRecovery(ctx); err != nil {
			return res, err
		}
	}
	loads, err := loadsRules(spec)
	if err != nil {
		return res, err
	}
	if loads {
		if err := r.host.ensureLoader(ctx); err != nil {
			return res, err
		}
	}
	started := time.Now()
	spec.Health = func(ctx context.Context) error {
		for _, s := range stepsOf(spec.Steps, dockerdStep) {
			if err := r.settle(ctx, s.Payload, settle); err != nil {
				return err
			}
		}
		if loads {
			if err := r.host.startLoader(ctx); err != nil {
				return err
			}
		}
		return wanted(ctx)
	}
	r.guard(&spec)
	t, err := r.txn.Run(ctx, spec)
	if err != nil {
		return res, r.explain(err)
	}
	r.standDown(ctx, spec, t)
	err = r.conclude(res, t)
	if res.Outcome == RolledBack && len(stepsOf(spec.Steps, dockerdStep)) > 0 {
		known := hiderIn(r.txn.Reader, t.ID)
		for _, line := range r.step.LastWords(context.WithoutCancel(ctx), started) {
			res.Daemon = append(res.Daemon, known.hide(line))
		}
	}
	return res, err
}

// conclude puts the end of a transaction into the result; it returns an error
// when nothing was changed, and when the undo needs a person.
func (r *run) conclude(res *ApplyResult, t *txn.Result) error {
	res.ID, res.Notes = t.ID, slices.Concat(res.Notes, t.Notes, r.left())
	switch t.Outcome {
	case txn.Unchanged:
		return nil
	case txn.Committed:
		res.Outcome = Applied
		if t.Cause != nil { // it holds all the same
			res.Notes = append(res.Notes, cause(t.Cause))
		}
		return nil
	case txn.Awaiting:
		res.Outcome, res.ConfirmBy = Awaiting, t.Waiting.Deadline
		res.Notes = append(res.Notes, r.dead.notes...)
		return nil
	case txn.NotApplied:
		return fmt.Errorf("nothing was changed: %w", r.explain(t.Cause))
	case txn.RolledBack:
		var drift *txn.DriftError
		if errors.As(t.Cause, &drift) {
			return fmt.Errorf("everything was put back: %w", r.explain(t.Cause))
		}
		res.Outcome = RolledBack
		res.Cause = hiderIn(r.txn.Reader, t.ID).hide(cause(t.Cause))
		return nil
	}
	return fmt.Errorf("%w (it failed because: %s)", t.Undo, hiderIn(r.txn.Reader, t.ID).hide(cause(t.Cause)))
}

func cause(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return strings.ReplaceAll(fmt.Sprint(err), "\n", "; ") // errors.Join's
}

// settle watches the daemon that the step started.
func (r *run) settle(ctx context.Context, payload json.RawMessage, d time.Duration) error {
	var p dockerd.Payload
	if err := json.Unmarshal(payload, &p); err != nil {
		return err
	}
	if p.Service.Action != resource.Restart {
		return nil
	}
	r.say(fmt.Sprintf("watching dockerd for %s", d))
	return r.step.Settle(ctx, p, d)
}
