package host

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// AttachGuest follows a guest's standard output, in the framing that StdFrames
// reads, whatever its log driver. Attach before the start, or what comes first
// is lost.
func (d *Docker) AttachGuest(ctx context.Context, name string) (io.ReadCloser, error) {
	res, err := d.c.ContainerAttach(ctx, name, client.ContainerAttachOptions{Stream: true, Stdout: true})
	if err != nil {
		return nil, apiError(err)
	}
	return struct {
		io.Reader
		io.Closer
	}{res.Reader, res.Conn}, nil
}

// WaitGuest waits until a guest that was started runs no more.
func (d *Docker) WaitGuest(ctx context.Context, name string) error {
	res := d.c.ContainerWait(ctx, name, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case err := <-res.Error:
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return apiError(err)
	case <-res.Result:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// KillGuest ends a guest at once; one that has ended is no error.
func (d *Docker) KillGuest(ctx context.Context, name string) error {
	_, err := d.c.ContainerKill(ctx, name, client.ContainerKillOptions{Signal: "KILL"})
	if err == nil || isNotFound(err) || isConflict(err) {
		return nil
	}
	return apiError(err)
}

const (
	removeTries = 20
	removePause = 100 * time.Millisecond
)

// RemoveGuest ends and removes a container with its volumes; that there is none
// is no error. A daemon that is at it already (409), or whose storage is busy for
// a moment, is asked again.
func (d *Docker) RemoveGuest(ctx context.Context, name string) error {
	return insist(ctx, func() error {
		_, err := d.c.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		return err
	})
}

// insist repeats a removal until it succeeds, there is nothing left, or time is
// up.
func insist(ctx context.Context, remove func() error) error {
	var err error
	for range removeTries {
		if err = remove(); err == nil || isNotFound(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), said(err))
		case <-time.After(removePause):
		}
	}
	return apiError(err)
}
