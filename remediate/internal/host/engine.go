package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/client"
)

// Docker is the part of the Docker API that changes something: it starts and
// stops containers, and waits for the daemon.
type Docker struct{ c *client.Client }

// OpenDocker returns a client for the daemon; it does not connect yet.
func OpenDocker(dockerHost string) (*Docker, error) {
	if dockerHost == "" {
		dockerHost = DefaultDockerHost
	}
	c, err := dial(dockerHost, boundOne)
	if err != nil {
		return nil, err
	}
	return &Docker{c}, nil
}

// Close drops idle connections.
func (d *Docker) Close() { d.c.Close() }

// Ping asks the daemon for a sign of life. A dockerd that is down under
// socket activation accepts the connection and never answers: the context
// must have a deadline.
func (d *Docker) Ping(ctx context.Context) error {
	_, err := d.c.Ping(ctx, client.PingOptions{})
	return err
}

const (
	pingEvery   = 100 * time.Millisecond
	pingTimeout = 2 * time.Second
)

// WaitUp pings until the daemon answers or the context ends.
func (d *Docker) WaitUp(ctx context.Context) error {
	for {
		ping, cancel := context.WithTimeout(ctx, pingTimeout)
		err := d.Ping(ping)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			// %v: a ping's own deadline must not look like the caller's.
			return fmt.Errorf("the Docker daemon does not answer: %v", err)
		case <-time.After(pingEvery):
		}
	}
}

// Reloaded waits for the daemon's reload event since an instant. The event is
// the only proof: the log says "Reloaded configuration" after a failure too
// (moby daemon/command/daemon.go, reloadConfig).
func (d *Docker) Reloaded(ctx context.Context, since time.Time) (map[string]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	filters := client.Filters{}.Add("type", "daemon").Add("event", "reload")
	events := d.c.Events(ctx, client.EventsListOptions{Since: stamp(since), Filters: filters})
	select {
	case m := <-events.Messages:
		return m.Actor.Attributes, nil
	case err := <-events.Err:
		if ctx.Err() != nil {
			return nil, errors.New("the Docker daemon did not report a reload in time")
		}
		return nil, fmt.Errorf("cannot follow the Docker daemon's events: %w", err)
	case <-ctx.Done():
		return nil, errors.New("the Docker daemon did not report a reload in time")
	}
}

// stamp is an instant as the events API takes it: seconds.nanoseconds.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// A ContainerStatus is what a restart may have done to a container.
type ContainerStatus struct {
	Exists, Running bool
	ExitCode        int // of one that does not run
}

// Status asks for one container; that there is none is no error.
func (d *Docker) Status(ctx context.Context, id string) (ContainerStatus, error) {
	res, err := d.c.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if isNotFound(err) {
		return ContainerStatus{}, nil
	}
	if err != nil {
		return ContainerStatus{}, apiError(err)
	}
	st := ContainerStatus{Exists: true}
	if s := res.Container.State; s != nil {
		st.Running, st.ExitCode = s.Running, s.ExitCode
	}
	return st, nil
}

// StartContainer starts a container; one that already runs is no error.
func (d *Docker) StartContainer(ctx context.Context, id string) error {
	_, err := d.c.ContainerStart(ctx, id, client.ContainerStartOptions{})
	return err
}

// StopContainer stops a container with its own timeout.
func (d *Docker) StopContainer(ctx context.Context, id string) error {
	_, err := d.c.ContainerStop(ctx, id, client.ContainerStopOptions{})
	if isNotFound(err) {
		return nil
	}
	return err
}
