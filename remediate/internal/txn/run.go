package txn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Spec is what one transaction is to do.
type Spec struct {
	Command   []string
	Tool      string
	PlanSHA   string
	PolicySHA string
	Actor     Actor

	// Changes are made in order; each Before is compared with the file under
	// the lock, and Lines are applied to the bytes found there.
	Changes []resource.Change
	// Steps run in order after all files are in place.
	Steps []StepSpec
	// Validate sees the new files beside their targets before any target is
	// touched.
	Validate func(ctx context.Context, staged []Staged) error
	// Health decides, after the steps, whether the host is as wanted.
	Health func(ctx context.Context) error
	// AwaitConfirm, if not 0, is how long the transaction waits for Confirm
	// in place of its commit, before it is rolled back.
	AwaitConfirm time.Duration
	// Arm sees to it that Recover with Due is called when AwaitConfirm is
	// over, even if this process is killed. It is called when the transaction
	// is open and nothing is changed, and again when it begins to wait, so
	// that what the changes took is not taken from the window.
	Arm func(ctx context.Context, id string) error

	restore    []restoration // of RollbackSpec
	rollbackTo string
}

// Staged is a new file that waits beside its target.
type Staged struct {
	Path string // of the target, below the root
	Temp string // absolute path of the new file as the running system sees it
}

// Outcome is how a transaction ended.
type Outcome string

// The outcomes.
const (
	// Unchanged: there was nothing to do, and nothing was written.
	Unchanged Outcome = "unchanged"
	Committed Outcome = "committed"
	// Awaiting: everything is in place, and is rolled back if nobody confirms
	// it in time. The transaction stays open.
	Awaiting Outcome = "awaiting"
	// NotApplied: it failed before any managed file was changed.
	NotApplied Outcome = "not-applied"
	// RolledBack: it failed, and everything is as before.
	RolledBack Outcome = "rolled-back"
	// Conflict: it failed, and somebody else's edit is in the way of the
	// undo. The transaction stays open.
	Conflicted Outcome = "conflict"
	// Deferred: the recovery early in a boot has put back all but what takes a
	// running service. The transaction stays open.
	Deferred Outcome = "deferred"
	// Unfinished: the undo itself failed. The transaction stays open.
	Unfinished Outcome = "unfinished"
)

// A Result says how a transaction ended.
type Result struct {
	ID      string
	Outcome Outcome
	// Cause is why it did not commit. With Committed it is an
	// *UnfinishedError if tidying failed, which the next recovery repeats.
	Cause error
	// Undo is why the outcome is Conflicted or Unfinished: a *ConflictError,
	// *DamagedError or *UnfinishedError.
	Undo  error
	Notes []string
	// Waiting is set with Awaiting.
	Waiting *Waiting
}

// Run carries out spec. An error means that no transaction was begun and
// nothing changed: *ActiveError, *BusyError, *DriftError, *ConflictError (a
// rollback onto a file that was edited), *fsys.UnsafeError. Everything later
// is in the Result. Cancelling ctx before the commit takes everything back.
func (m *Manager) Run(ctx context.Context, spec Spec) (*Result, error) {
	if err := spec.checkAwait(); err != nil {
		return nil, err
	}
	if id, err := m.Active(); err != nil || id != "" {
		return nil, errors.Join(err, active(id))
	}
	if err := m.knowSteps(spec.Steps); err != nil {
		return nil, err
	}
	release, err := m.lockAccounts(ctx, spec.locks())
	if err != nil {
		return nil, err
	}
	defer func() { release() }()
	d, err := newDraft(m.root, spec)
	if err != nil {
		return nil, err
	}
	if len(d.ops) == 0 && len(spec.Steps) == 0 {
		return &Result{Outcome: Unchanged}, nil
	}
	t, err := m.begin(ctx, spec, d)
	if err != nil {
		return nil, err
	}
	defer t.close()
	unlock := func() { release(); release = func() {} }
	return t.conclude(ctx, t.forward(ctx, spec, unlock), unlock), nil
}

func active(id string) error {
	if id == "" {
		return nil
	}
	return &ActiveError{ID: id}
}

// locks lists what Changes and restorations want locked, as operations.
func (s *Spec) locks() []Op {
	var ops []Op
	for _, c := range s.Changes {
		ops = append(ops, Op{Lock: c.Lock})
	}
	for _, r := range s.restore {
		ops = append(ops, Op{Lock: r.like.Lock})
	}
	return ops
}

func (m *Manager) knowSteps(steps []StepSpec) error {
	for _, s := range steps {
		if _, err := m.step(s.Name); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) step(name string) (Step, error) {
	for _, s := range m.opt.Steps {
		if s.Name() == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("cannot run step %q: this program does not know it", name)
}

// begin writes the journal. Nothing points to it yet.
func (m *Manager) begin(ctx context.Context, spec Spec, d *draft) (*tx, error) {
	if err := errors.Join(context.Cause(ctx), m.checkSpace(d)); err != nil {
		return nil, err
	}
	s, err := m.State()
	if err != nil {
		return nil, err
	}
	if s.Lineage == "" {
		s.Lineage = m.newLineage()
	}
	m.sign()
	now := m.opt.Now().UTC()
	in := &Intent{
		Format: Format, Serial: s.Serial + 1, Lineage: s.Lineage, Parent: s.LastConfirmed, Created: now,
		BootID: m.opt.BootID, Tool: spec.Tool, Command: spec.Command, PlanSHA: spec.PlanSHA, PolicySHA: spec.PolicySHA,
		Actor: spec.Actor, RollbackTo: spec.rollbackTo, Steps: spec.Steps,
	}
	in.ID = m.newID(in.Serial, now)
	d.name(in.ID)
	in.Ops = d.ops
	return m.create(in, d)
}

// forward goes up to the commit point, or to where it waits for it.
func (t *tx) forward(ctx context.Context, spec Spec, unlock func()) error {
	phases := []func(context.Context) error{
		func(context.Context) error { return t.activate() },
		func(ctx context.Context) error { return t.arm(ctx, spec) },
		func(context.Context) error { return t.stage() },
		func(ctx context.Context) error { return t.validate(ctx, spec.Validate) },
		func(context.Context) error { return t.burst() },
		func(ctx context.Context) error { unlock(); return t.runSteps(ctx) },
		func(ctx context.Context) error { return t.health(ctx, spec.Health) },
	}
	for _, phase := range phases {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := phase(ctx); err != nil {
			return err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if spec.AwaitConfirm > 0 {
		return t.await(ctx, spec)
	}
	t.log("commit", "")
	return t.wal.append(record{Kind: recCommit})
}

// activate makes the transaction the open one. From here on recovery knows it.
func (t *tx) activate() error {
	return t.m.state.Replace(activeName, []byte(t.in.ID+"\n"))
}

func (t *tx) validate(ctx context.Context, check func(context.Context, []Staged) error) error {
	t.log("validate", "")
	if check != nil {
		if err := check(ctx, t.staged()); err != nil {
			return err
		}
	}
	if err := t.verifyStaged(); err != nil {
		return err
	}
	return t.wal.append(record{Kind: recValidated})
}

func (t *tx) runSteps(ctx context.Context) error {
	for n, spec := range t.in.Steps {
		t.log("step", spec.Name)
		s, err := t.m.step(spec.Name)
		if err != nil {
			return err
		}
		if err := t.wal.append(record{Kind: recDo, N: n, Reason: spec.Name}); err != nil {
			return err
		}
		info, err := s.Do(ctx, spec.Payload)
		if err != nil {
			return err
		}
		if err := t.wal.append(record{Kind: recDone, N: n, Data: info}); err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) health(ctx context.Context, check func(context.Context) error) error {
	t.log("health", "")
	if check != nil {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return t.wal.append(record{Kind: recHealth})
}

// conclude tidies after a commit, or takes everything back. It must not be
// interrupted by the signal that caused it.
func (t *tx) conclude(ctx context.Context, cause error, unlock func()) *Result {
	interrupted := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	res := &Result{ID: t.in.ID, Outcome: Committed, Cause: cause}
	switch {
	case cause == nil && t.wal.has(recAwait):
		res.Outcome, res.Waiting = Awaiting, t.waiting()
	case cause == nil:
		res.Cause = t.unfinished(t.finish(Committed, "", nil))
	case errors.Is(cause, errDoubt) && (t.wal.attempted == recCommit || t.wal.attempted == recAwait):
		// Whether COMMIT is on the disk cannot be known now, and either
		// direction could contradict it: recovery reads the disk and decides.
		// After an AWAIT that is there, an undo could be confirmed.
		res.Outcome, res.Undo = Unfinished, t.unfinished(cause)
	default:
		unlock() // undo takes the lock again, if it needs it
		res.Outcome, res.Undo = t.undo(ctx, undoOptions{abort: t.abortRecord(cause, interrupted)})
	}
	res.Notes = t.notes
	return res
}

func (t *tx) unfinished(err error) error {
	if err == nil {
		return nil
	}
	return &UnfinishedError{ID: t.in.ID, Err: err}
}
