package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// atBoot: limits lie in files of dockerd, which only dockerd may write.
func atBoot(p limits.Payload) error {
	return &txn.LaterError{Why: fmt.Sprintf("container %s: its limits are put back when dockerd runs", p.Name)}
}

// Quiesce does nothing.
func (s *Step) Quiesce(context.Context, json.RawMessage, txn.UndoInfo) error { return nil }

// Restore gives the container the payload's Back, in each aspect that still is
// as Do left it, wholly or half way. It is a *txn.ForeignError if somebody else
// has changed one since.
//
// A container that dockerd showed only after the restart of this transaction is
// left: it is out of sight again. Its limits are then those from before the
// transaction that changed them, which a later rollback finds as it wants them.
func (s *Step) Restore(ctx context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	var p limits.Payload
	if err := json.Unmarshal(payload, &p); err != nil {
		return fmt.Errorf("cannot read the journal's limits step: %w", err)
	}
	if !info.Did || p.Elsewhere {
		return nil
	}
	if info.Boot {
		return atBoot(p)
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	v, err := s.visit(ctx, payload)
	if err != nil {
		return err
	}
	defer v.docker.Close()
	err = s.restore(ctx, v, info.Force, info.SameBoot)
	if errors.Is(err, host.ErrContainerGone) || err == nil && !v.exists {
		s.gone(v, "its limits need not be put back")
		return nil
	}
	return err
}

func (s *Step) restore(ctx context.Context, v *visit, force, sameBoot bool) error {
	if !v.exists {
		return nil
	}
	ours, foreign := v.split()
	what := limits.Differs(foreign, v.p.After, v.c.Limits())
	if force {
		ours, foreign = append(ours, foreign...), nil
	}
	if len(ours) > 0 {
		s.say("putting back the limits of container %s", v.p.Name)
		if err := v.putBack(ctx, ours); err != nil {
			return err
		}
		if short := v.p.Short(ours); short != "" {
			s.Notes = append(s.Notes, short)
		}
	}
	if !sameBoot {
		s.startMissed(ctx, v)
	}
	if len(foreign) > 0 {
		return &txn.ForeignError{Path: "container " + v.p.Name, What: what}
	}
	return nil
}

// startMissed starts a container that ran, and that the boot has left stopped
// because its restart policy was then that of the transaction. One that does not
// start is told, and no reason to keep the undo open.
func (s *Step) startMissed(ctx context.Context, v *visit) {
	if policy := v.c.Limits().Restart; !v.p.Ran || v.c.Runs() || policy == "no" {
		return
	}
	s.say("starting container %s", v.p.Name)
	if err := v.docker.StartContainer(ctx, v.p.ID); err != nil {
		s.Notes = append(s.Notes, fmt.Sprintf("not brought back: cannot start container %s: %v", v.p.Name, err))
	}
}

// split tells the aspects that are as the change made them from those that
// somebody else has changed; those that are back already are in neither.
func (v *visit) split() (ours, foreign []limits.Aspect) {
	now := v.c.Limits()
	for _, a := range v.p.Changed() {
		switch {
		case limits.Same(a, now, v.p.Before), limits.Same(a, now, v.p.Back):
		case limits.Reached(a, now, v.p.After), limits.Reached(a, now, v.p.Back):
			ours = append(ours, a)
		default:
			foreign = append(foreign, a)
		}
	}
	return ours, foreign
}

// putBack does not kill either: a container that has grown beyond the old limit
// keeps the undo open.
func (v *visit) putBack(ctx context.Context, aspects []limits.Aspect) error {
	for _, a := range aspects {
		if a != limits.Memory {
			continue
		}
		if err := v.fits(ctx, v.p.Back.Memory); err != nil {
			return fmt.Errorf("%w: restart it, then run recovery again", err)
		}
	}
	return v.set(ctx, aspects, v.p.Back)
}
