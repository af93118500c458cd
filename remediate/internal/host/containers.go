package host

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// inspectors bounds concurrent GETs: enough to hide latency, few enough not
// to be felt by a busy daemon.
const inspectors = 8

// Containers lists all containers, stopped ones too, each inspected: the list
// alone does not tell privileged or pid mode.
func (r *Reader) Containers(ctx context.Context) ([]resource.Container, error) {
	if !r.Live() {
		return nil, errImage
	}
	list, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	out, err := r.inspectAll(ctx, list)
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(c resource.Container) bool { return c.ID == "" })
	slices.SortFunc(out, func(a, b resource.Container) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (r *Reader) list(ctx context.Context) ([]container.Summary, error) {
	c, err := dial(r.dockerHost, boundList)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, apiError(err)
	}
	if n := len(list.Items); n > maxContainers {
		return nil, fmt.Errorf("cannot read the containers: the Docker daemon lists %d, and at most %d are looked at", n, maxContainers)
	}
	for _, item := range list.Items {
		if !idPattern.MatchString(item.ID) {
			return nil, fmt.Errorf("cannot read the containers: the Docker daemon lists one with the id %.80q", item.ID)
		}
	}
	return list.Items, nil
}

// idPattern is what may be part of an URL and of a path; ids are 64 hexadecimal
// digits.
var idPattern = regexp.MustCompile(`^[0-9a-zA-Z][0-9a-zA-Z_.-]{0,127}$`)

// inspectAll ends with the first error: a daemon that fails for one container
// fails for all.
func (r *Reader) inspectAll(ctx context.Context, list []container.Summary) ([]resource.Container, error) {
	c, err := dial(r.dockerHost, boundOne)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	out := make([]resource.Container, len(list))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range inspectors {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(list) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				var err error
				if out[i], err = inspect(ctx, c, list[i]); err != nil {
					stop(err)
				}
			}
		})
	}
	wg.Wait()
	return out, context.Cause(ctx)
}

// inspect returns a zero Container for one that went away meanwhile.
func inspect(ctx context.Context, c *client.Client, item container.Summary) (resource.Container, error) {
	res, err := c.ContainerInspect(ctx, item.ID, client.ContainerInspectOptions{})
	if isNotFound(err) {
		return resource.Container{}, nil
	}
	if err != nil {
		return resource.Container{}, fmt.Errorf("cannot inspect container %s: %w", item.ID, said(err))
	}
	return fromInspect(item, res.Container), nil
}

func fromInspect(item container.Summary, in container.InspectResponse) resource.Container {
	out := resource.Container{ID: item.ID, Name: strings.TrimPrefix(in.Name, "/"), Image: item.Image}
	if in.State != nil {
		out.State, out.PID = string(in.State.Status), in.State.Pid
		out.StartedNS, out.Seccomp = started(in.State.StartedAt), seccompMode(in.State.Pid)
	}
	if in.Config != nil {
		out.User, out.Labels = in.Config.User, in.Config.Labels
		if in.Config.StopTimeout != nil {
			out.StopTimeout = *in.Config.StopTimeout
		}
	}
	out.Networks = endpoints(in)
	for _, m := range in.Mounts {
		if m.Type == "bind" {
			out.Binds = append(out.Binds, m.Source)
		}
	}
	if h := in.HostConfig; h != nil {
		fromHostConfig(&out, h)
	}
	return out
}

func fromHostConfig(out *resource.Container, h *container.HostConfig) {
	out.RestartPolicy, out.AutoRemove = string(h.RestartPolicy.Name), h.AutoRemove
	out.Privileged, out.SecurityOpt = h.Privileged, h.SecurityOpt
	out.PidMode, out.IpcMode = string(h.PidMode), string(h.IpcMode)
	out.NetworkMode, out.UsernsMode = string(h.NetworkMode), string(h.UsernsMode)
	out.LogDriver = h.LogConfig.Type
	out.Spec.Memory, out.Spec.MemorySwap = h.Memory, h.MemorySwap
	out.Spec.NanoCPUs, out.Spec.CPUQuota, out.Spec.CPUPeriod = h.NanoCPUs, h.CPUQuota, h.CPUPeriod
	out.Spec.RestartMax = h.RestartPolicy.MaximumRetryCount
	if h.PidsLimit != nil {
		out.Spec.Pids = *h.PidsLimit
	}
}

// isNotFound reports a 404. The client hides containerd's markers behind Is, so
// that looking for a NotFound method (errors.As) finds none.
func isNotFound(err error) bool { return errdefs.IsNotFound(err) }

// started reads the API's time; one that never was has the year 1.
func started(at string) int64 {
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || t.Year() < 1970 {
		return 0
	}
	return t.UnixNano()
}
