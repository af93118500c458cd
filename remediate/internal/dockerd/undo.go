package dockerd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Quiesce stops a daemon that may be flapping, before files are put back:
// with Restart= it would pick up a half-restored configuration, and with
// docker.socket any client's connect would start it again.
func (s *Step) Quiesce(ctx context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	var p Payload
	if err := json.Unmarshal(payload, &p); err != nil {
		return fmt.Errorf("cannot read the journal's dockerd step: %w", err)
	}
	s.failed = time.Now()
	if info.Boot || info.Fresh || !info.Did || !p.undoRestarts() {
		return nil
	}
	c, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	s.say("stopping dockerd")
	return s.stop(ctx, c)
}

func (p Payload) undoRestarts() bool {
	return p.Service.Action == resource.Restart || p.UndoRestarts
}

// stop stops socket and service, and kills a daemon that does not stop.
// KillMode=process leaves the containers to their shims.
func (s *Step) stop(ctx context.Context, c *conns) error {
	if u, err := c.systemd.Unit(ctx, Socket); err == nil && u.LoadState == "loaded" {
		if err := c.systemd.Stop(ctx, Socket); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeoutCause(ctx, s.Limits.Stop, errors.New("it did not stop in time"))
	defer cancel()
	err := c.systemd.Stop(limited, Unit)
	if err == nil || limited.Err() == nil {
		return err
	}
	if err := c.systemd.Signal(ctx, Unit, syscall.SIGKILL); err != nil {
		return fmt.Errorf("cannot kill dockerd: %w", err)
	}
	return c.systemd.Stop(ctx, Unit)
}

// Restore brings dockerd up with the files that were put back, and the
// containers that ran before.
func (s *Step) Restore(ctx context.Context, payload json.RawMessage, info txn.UndoInfo) error {
	var p Payload
	if err := json.Unmarshal(payload, &p); err != nil {
		return fmt.Errorf("cannot read the journal's dockerd step: %w", err)
	}
	// At boot docker.service is ordered after the recovery and starts by
	// itself with the restored files; it has when recovery goes on later.
	if info.Boot || info.Fresh {
		return nil
	}
	c, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	need, err := s.needsStart(ctx, c, p, info)
	if err != nil || !need {
		return err
	}
	if p.undoRestarts() || !info.Did {
		return s.startAgain(ctx, c, p)
	}
	return s.reload(ctx, c)
}

// needsStart reports whether the daemon has, or may have, read the new files:
// the step ran, or somebody else restarted it meanwhile.
func (s *Step) needsStart(ctx context.Context, c *conns, p Payload, info txn.UndoInfo) (bool, error) {
	if info.Did && info.SameBoot {
		return true, nil
	}
	u, err := c.systemd.Unit(ctx, Unit)
	if err != nil {
		return false, err
	}
	return u.InvocationID != p.InvocationID || u.ActiveState != "active", nil
}

// startAgain is the order that survives StartLimitBurst and socket
// activation: both units down, both counters cleared, socket, service.
func (s *Step) startAgain(ctx context.Context, c *conns, p Payload) error {
	if err := s.stop(ctx, c); err != nil {
		return err
	}
	s.say("starting dockerd with the old configuration")
	ctx, cancel := context.WithTimeoutCause(ctx, s.Limits.Start+time.Minute, errors.New("it did not come up in time"))
	defer cancel()
	if err := c.systemd.ResetFailed(ctx, Unit); err != nil {
		return err
	}
	if u, err := c.systemd.Unit(ctx, Socket); err == nil && u.LoadState == "loaded" {
		if err := c.systemd.ResetFailed(ctx, Socket); err != nil {
			return err
		}
		if err := c.systemd.Start(ctx, Socket); err != nil {
			return err
		}
	}
	if err := c.systemd.Start(ctx, Unit); err != nil {
		return err
	}
	if err := c.docker.WaitUp(ctx); err != nil {
		return err
	}
	return s.bringBack(ctx, c, p.Before)
}

// bringBack starts what ran before. What does not start any more (its owner
// has removed it, or the source of a bind mount) is told, and no reason to
// keep the undo open: another try would meet the same.
func (s *Step) bringBack(ctx context.Context, c *conns, before []Workload) error {
	s.Lost = nil
	for _, w := range before {
		err := s.startContainers(ctx, c, []Workload{w})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.Lost = append(s.Lost, "not brought back: "+err.Error())
			s.say("%v", err)
		}
	}
	return c.docker.Ping(ctx)
}
