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

// errBoot: limits lie in files of dockerd, which only dockerd may write.
var errBoot = errors.New("limits of containers can be put back only when dockerd runs")

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
		return errBoot
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	v, err := s.visit(ctx, payload)
	if err != nil {
		return err
	}
	defer v.docker.Close()
	err = s.restore(ctx, v, info.Force)
	if errors.Is(err, host.ErrContainerGone) || err == nil && !v.exists {
		s.gone(v, "its limits need not be put back")
		return nil
	}
	return err
}

func (s *Step) restore(ctx context.Context, v *visit, force bool) error {
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
	if len(foreign) > 0 {
		return &txn.ForeignError{Path: "container " + v.p.Name, What: what}
	}
	return nil
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
