package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// The hard bounds of every box.
const (
	maxMemory = 128 << 20
	maxPids   = 256
)

// guest is a box as the daemon is asked for it.
func (l *Lab) guest(b probe.Box) host.Guest {
	g := host.Guest{
		Name: fmt.Sprintf("%s%s-%d", probe.Prefix, l.id, l.made.Add(1)), Image: l.image, User: b.User,
		Command: b.Attack, Labels: map[string]string{probe.Label: l.id}, Network: networkOf(b),
		Privileged: b.Privileged, HostUserns: b.UsernsHost, HostPID: b.HostPID, ReadOnly: b.ReadOnly, Unmasked: b.Unmasked,
		SecurityOpt: b.SecurityOpt, CapAdd: b.CapAdd, CapDrop: b.CapDrop, Tmpfs: b.Tmpfs, Binds: b.Binds,
		Memory: bounded(b.Memory, maxMemory), Pids: bounded(b.Pids, maxPids), Port: b.Publish, PortIP: b.PublishIP,
		LogDriver: b.LogDriver, LogOpts: b.LogOpts,
	}
	if b.NoPids {
		g.Pids = -1
	}
	if g.LogDriver == "" && !b.DefaultLogs {
		g.LogDriver = "none"
	}
	return g
}

// bounded is what was asked for, or the bound.
func bounded(asked, bound int64) int64 {
	if asked <= 0 {
		return bound
	}
	return min(asked, bound)
}

// networkOf never names a network of others but the default bridge.
func networkOf(b probe.Box) string {
	switch {
	case b.HostNet:
		return "host"
	case b.Network == "", b.Network == "none":
		return "none"
	case b.Network == "bridge", strings.HasPrefix(b.Network, probe.Prefix):
		return b.Network
	}
	return probe.Prefix + b.Network
}

// Run makes a container and waits for its end.
func (l *Lab) Run(ctx context.Context, b probe.Box) (probe.Result, error) {
	r, res, err := l.start(ctx, b)
	if r == nil {
		return res, err
	}
	return r.finish(ctx)
}

// Start makes a container and lets it run. One that the daemon refuses is an
// error.
func (l *Lab) Start(ctx context.Context, b probe.Box) (probe.Running, error) {
	r, res, err := l.start(ctx, b)
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, &host.RefusedError{Stage: res.RefusedAt, Said: res.Refused}
	}
	return r, nil
}

// start returns nil and a result if the daemon refuses. What fails at its start is
// made a second time: on a busy host one container of some two thousand did, in a hook
// of Docker 20.10, and a probe would prove nothing for that.
func (l *Lab) start(ctx context.Context, b probe.Box) (r *running, res probe.Result, err error) {
	for range 2 {
		if r, res, err = l.startOnce(ctx, b); res.RefusedAt != "start" {
			break
		}
	}
	return r, res, err
}

func (l *Lab) startOnce(ctx context.Context, b probe.Box) (*running, probe.Result, error) {
	r := &running{lab: l, guest: l.guest(b), uid: -1}
	err := r.begin(ctx)
	if err == nil {
		return r, probe.Result{}, nil
	}
	r.remove(ctx)
	var no *host.RefusedError
	if errors.As(err, &no) {
		return nil, probe.Result{Refused: no.Said, RefusedAt: no.Stage, HostUID: -1, LogBytes: -1, LogLargest: -1}, nil
	}
	return nil, probe.Result{}, err
}
