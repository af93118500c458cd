// Package containers changes the limits of containers and takes that back. It
// is a step of the transaction, one for each container: recovery has only the
// journal and this package.
package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Step changes one container. It implements txn.Step; its payload is
// limits.Payload. What others changed in the meantime is never overwritten,
// unless the undo is told to.
type Step struct {
	DockerHost string
	// Progress is told what happens now; it may be nil.
	Progress func(string)
	// Notes tell of containers that were gone.
	Notes []string
}

// Name is the step's name in the journal.
func (s *Step) Name() string { return limits.Name }

func (s *Step) say(format string, args ...any) {
	if s.Progress != nil {
		s.Progress(fmt.Sprintf(format, args...))
	}
}

// stepTimeout bounds the step on one container.
const stepTimeout = 2 * time.Minute

// A visit is one look at a container, and the connection to change it.
type visit struct {
	p      limits.Payload
	docker *host.Docker
	c      resource.Container
	exists bool
}

func (s *Step) visit(ctx context.Context, payload json.RawMessage) (*visit, error) {
	v := &visit{}
	if err := json.Unmarshal(payload, &v.p); err != nil {
		return nil, fmt.Errorf("cannot read the journal's limits step: %w", err)
	}
	d, err := host.OpenDocker(s.DockerHost)
	if err != nil {
		return nil, err
	}
	v.docker = d
	if err := v.look(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("cannot look at container %s: %w", v.p.Name, err)
	}
	return v, nil
}

func (v *visit) look(ctx context.Context) (err error) {
	v.c, v.exists, err = v.docker.Container(ctx, v.p.ID)
	return err
}

// Check reports a container that is no longer what the plan saw, as a
// *txn.DriftError, and one that uses too much memory by now.
func (s *Step) Check(ctx context.Context, payload json.RawMessage) error {
	v, err := s.visit(ctx, payload)
	if err != nil {
		return err
	}
	defer v.docker.Close()
	_, err = v.due(ctx)
	return err
}

// Do gives the container its limits and reads them back. One that is gone by
// now is left out: nothing is wanted of it any more.
func (s *Step) Do(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	v, err := s.visit(ctx, payload)
	if err != nil {
		return nil, err
	}
	defer v.docker.Close()
	due, err := v.due(ctx)
	if err != nil {
		return nil, err
	}
	if v.exists && len(due) > 0 {
		s.say("setting limits of container %s", v.p.Name)
		err = v.set(ctx, due, v.p.After)
	}
	if errors.Is(err, host.ErrContainerGone) || err == nil && !v.exists {
		s.gone(v, "its limits were not set")
		err = nil
	}
	return json.RawMessage("{}"), err
}

func (s *Step) gone(v *visit, what string) {
	s.Notes = append(s.Notes, fmt.Sprintf("container %s is gone: %s", v.p.Name, what))
}

// due are the aspects that are not yet as wanted. What is neither old nor new
// is somebody else's.
func (v *visit) due(ctx context.Context) ([]limits.Aspect, error) {
	if !v.exists {
		return nil, nil
	}
	now := v.c.Limits()
	var due, foreign []limits.Aspect
	for _, a := range v.p.Changed() {
		switch {
		case limits.Same(a, now, v.p.After):
		case limits.Same(a, now, v.p.Before), limits.Reached(a, now, v.p.After):
			due = append(due, a)
		default:
			foreign = append(foreign, a)
		}
	}
	if len(foreign) > 0 {
		return nil, &txn.DriftError{Path: "container " + v.p.Name, What: limits.Differs(foreign, v.p.Before, now)}
	}
	if slices.Contains(due, limits.Memory) {
		return due, v.fits(ctx, v.p.After.Memory)
	}
	return due, nil
}

// fits refuses a memory limit below what the container uses: cgroup v2 would
// have it killed, where v1 refuses the limit itself (runc 1.1.5: "unable to set
// memory limit"). What it uses is read just before, which is as near as it gets.
func (v *visit) fits(ctx context.Context, limit int64) error {
	if v.c.PID == 0 {
		return nil
	}
	use, err := v.docker.Usage(ctx, v.p.ID)
	if err != nil || use.Memory <= limit {
		return nil // told as a warning by the plan, if it cannot be read
	}
	return fmt.Errorf("container %s uses %s of memory and would be killed with a limit of %s",
		v.p.Name, limits.About(use.Memory), limits.Size(limit))
}

// set makes the requests and proves by what the daemon says then that it took
// them.
func (v *visit) set(ctx context.Context, aspects []limits.Aspect, target resource.ContainerLimits) error {
	var warnings []string
	for _, u := range limits.Updates(aspects, target) {
		w, err := v.docker.UpdateLimits(ctx, v.p.ID, u)
		if errors.Is(err, host.ErrContainerGone) {
			return err
		}
		if err != nil {
			return fmt.Errorf("cannot set the limits of container %s: %w", v.p.Name, err)
		}
		warnings = append(warnings, w...)
	}
	if err := v.look(ctx); err != nil {
		return err
	}
	if !v.exists {
		return host.ErrContainerGone
	}
	if what := limits.Differs(aspects, target, v.c.Limits()); what != "" {
		return fmt.Errorf("the Docker daemon did not take the limits of container %s: %s %s", v.p.Name, what, strings.Join(warnings, " "))
	}
	return host.SyncContainer(v.p.Root, v.p.ID)
}

var _ txn.Step = (*Step)(nil)
