// Package dockerd carries a new configuration into the running daemon, by
// reload or by one restart, and takes it back. It is a step of the
// transaction: recovery has only the journal and this package.
package dockerd

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Names of the units. A host without docker.socket is fine.
const (
	Unit   = "docker.service"
	Socket = "docker.socket"
)

// A Workload is a container that ran before the transaction.
type Workload struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Gone says that it may be missing: it was started with --rm, which no
	// restart brings back, or may have been removed since.
	Gone bool `json:"gone,omitempty"`
	// Job says that nothing restarts it when it ends: to have ended well is
	// as good as to run.
	Job bool `json:"job,omitempty"`
}

// A Payload is what the journal keeps of the step.
type Payload struct {
	Service resource.Service `json:"service"`
	// Before are the containers that ran before the step: it stops them if
	// Service says so, and they must run again if it is taken back.
	Before []Workload `json:"before,omitempty"`
	// After are the containers that must run afterwards: those of Before,
	// unless the data root moves and others are in sight then.
	After []Workload `json:"after,omitempty"`
	// InvocationID is docker.service's before the step.
	InvocationID string `json:"invocation_id"`
	// UndoRestarts says that taking a reload back needs a restart, because
	// the daemon keeps a reloadable value whose key is gone.
	UndoRestarts bool `json:"undo_restarts,omitempty"`
}

// Done is what the step returns to the journal.
type Done struct {
	InvocationID string `json:"invocation_id"`
}

// Limits of our own: systemd would wait for ever.
type Limits struct {
	Start  time.Duration // until the daemon answers
	Stop   time.Duration // until it has stopped, containers included
	Reload time.Duration // until the reload event
}

// DefaultStart is the limit until a busy host's daemon answers.
const DefaultStart = 2 * time.Minute

// DefaultLimits suits a busy host: dockerd gives containers 10 s to stop and
// itself 15 s, and a big host needs its time to start.
var DefaultLimits = Limits{Start: DefaultStart, Stop: 90 * time.Second, Reload: 30 * time.Second}

// A Step restarts or reloads dockerd. It implements txn.Step.
type Step struct {
	DockerHost string
	Limits     Limits
	// Progress is told what happens now; it may be nil.
	Progress func(string)
	// Lost says after an undo which containers it could not bring back.
	Lost []string
	// failed is when the undo began; what dockerd says later is not about
	// the failure.
	failed time.Time
}

// Name is the step's name in the journal.
func (s *Step) Name() string { return "dockerd" }

func (s *Step) say(format string, args ...any) {
	if s.Progress != nil {
		s.Progress(fmt.Sprintf(format, args...))
	}
}

// Do reloads or restarts the daemon and waits until it answers.
func (s *Step) Do(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	var p Payload
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, fmt.Errorf("cannot read the journal's dockerd step: %w", err)
	}
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	switch {
	case p.Service.Action == resource.Reload:
		err = s.reload(ctx, c)
	case p.Service.Action == resource.Restart:
		err = s.restart(ctx, c, p)
	}
	if err != nil {
		return nil, err
	}
	u, err := c.systemd.Unit(ctx, Unit)
	if err != nil {
		return nil, err
	}
	return json.Marshal(Done{u.InvocationID})
}

// conns are the two connections that the step needs.
type conns struct {
	systemd *host.Systemd
	docker  *host.Docker
}

func (s *Step) open(ctx context.Context) (*conns, error) {
	sd, err := host.OpenSystemd(ctx)
	if err != nil {
		return nil, err
	}
	d, err := host.OpenDocker(s.DockerHost)
	if err != nil {
		sd.Close()
		return nil, err
	}
	return &conns{sd, d}, nil
}

func (c *conns) close() {
	c.systemd.Close()
	c.docker.Close()
}

// reload sends SIGHUP and waits for the daemon's own word that it took the
// file up; kill and systemctl reload succeed even if it did not.
func (s *Step) reload(ctx context.Context, c *conns) error {
	s.say("reloading dockerd")
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Reload)
	defer cancel()
	since := time.Now()
	if err := c.systemd.Signal(ctx, Unit, syscall.SIGHUP); err != nil {
		return fmt.Errorf("cannot reload dockerd: %w", err)
	}
	_, err := c.docker.Reloaded(ctx, since)
	return err
}

func (s *Step) restart(ctx context.Context, c *conns, p Payload) error {
	if p.Service.LiveRestoreFirst {
		if err := s.reload(ctx, c); err != nil {
			return err
		}
	}
	if p.Service.StopContainers {
		if err := s.stopContainers(ctx, c, p.Before); err != nil {
			return err
		}
	}
	s.say("restarting dockerd")
	if err := s.cycle(ctx, c); err != nil {
		return err
	}
	return s.startContainers(ctx, c, p.After)
}

// cycle is one restart within our own deadline. reset-failed comes first:
// starts of the last minute, whoever made them, count against
// StartLimitBurst (systemd.unit(5)).
func (s *Step) cycle(ctx context.Context, c *conns) error {
	old, err := c.systemd.Unit(ctx, Unit)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go s.deadline(ctx, c, old.InvocationID, cancel)
	if err := c.systemd.ResetFailed(ctx, Unit); err != nil {
		return err
	}
	if err := c.systemd.Restart(ctx, Unit); err != nil {
		return err
	}
	return c.docker.WaitUp(ctx)
}

// deadline ends a restart, which is one job for systemd, when one of its two
// halves takes longer than its own limit.
func (s *Step) deadline(ctx context.Context, c *conns, old string, cancel context.CancelCauseFunc) {
	limit, why := time.After(s.Limits.Stop), "the old one did not stop in %s"
	d := s.Limits.Stop
	for stopping := true; ; {
		select {
		case <-ctx.Done():
			return
		case <-limit:
			cancel(fmt.Errorf(why, d))
			return
		case <-time.After(watchEvery):
		}
		u, err := c.systemd.Unit(ctx, Unit)
		if stopping && err == nil && u.InvocationID != old {
			stopping, d, why = false, s.Limits.Start, "it did not come up in %s"
			limit = time.After(d)
		}
	}
}

func (s *Step) stopContainers(ctx context.Context, c *conns, running []Workload) error {
	for _, w := range running {
		s.say("stopping container %s", w.Name)
		if err := c.docker.StopContainer(ctx, w.ID); err != nil {
			return fmt.Errorf("cannot stop container %s: %w", w.Name, err)
		}
	}
	return nil
}

// startContainers starts what ran before and does not run: dockerd itself
// restarts only what has a restart policy.
func (s *Step) startContainers(ctx context.Context, c *conns, running []Workload) error {
	for _, w := range running {
		st, err := c.docker.Status(ctx, w.ID)
		switch {
		case err != nil:
			return err
		case st.Running || !st.Exists && w.Gone:
			continue
		case !st.Exists:
			return fmt.Errorf("container %s is gone", w.Name)
		}
		s.say("starting container %s", w.Name)
		if err := c.docker.StartContainer(ctx, w.ID); err != nil {
			return fmt.Errorf("cannot start container %s: %w", w.Name, err)
		}
	}
	return nil
}

var _ txn.Step = (*Step)(nil)
