package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// dial returns a client; it negotiates the API version by itself: Engine 29 has
// a floor of 1.40 or 1.44, Engine 20.10 a ceiling of 1.41.
func dial(host string) (*client.Client, error) {
	return client.New(client.WithHost(host))
}

// apiError puts the two failures that users meet into their words.
func apiError(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission), refused(err):
		return errors.New("the Docker socket may be read by root and group docker only")
	case client.IsErrConnectionFailed(err):
		return errors.New("docker is not running")
	}
	return fmt.Errorf("cannot ask the Docker daemon: %w", err)
}

// refused finds a socket that may not be opened; the client keeps the text of
// that cause only.
func refused(err error) bool {
	return client.IsErrConnectionFailed(err) && strings.HasPrefix(err.Error(), "permission denied")
}

// Engine reads GET /version, /info and /networks/bridge.
func (r *Reader) Engine(ctx context.Context) (resource.Engine, error) {
	if !r.Live() {
		return resource.Engine{}, errImage
	}
	c, err := dial(r.dockerHost)
	if err != nil {
		return resource.Engine{}, err
	}
	defer c.Close()
	return readEngine(ctx, c)
}

func readEngine(ctx context.Context, c *client.Client) (resource.Engine, error) {
	v, err := c.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return resource.Engine{}, apiError(err)
	}
	i, err := c.Info(ctx, client.InfoOptions{})
	if err != nil {
		return resource.Engine{}, apiError(err)
	}
	e := fromInfo(i.Info)
	e.Version, e.APIVersion, e.MinAPIVersion = v.Version, v.APIVersion, v.MinAPIVersion
	// bridge=none is allowed: then there is no such network.
	if n, err := c.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{}); err == nil {
		e.Bridge = n.Network.Options
	}
	if l, err := c.NetworkList(ctx, client.NetworkListOptions{}); err == nil {
		e.Networks = len(l.Items)
	}
	if l, err := c.VolumeList(ctx, client.VolumeListOptions{}); err == nil {
		e.Volumes = len(l.Items)
	}
	e.ReloadedNS = lastReload(ctx, c)
	return e, nil
}

// lastReload is the time of the newest reload event, nanoseconds since the
// epoch; -1 if there was none, 0 if that cannot be told: the daemon keeps its
// last 256 events of any kind (moby daemon/events/events.go), so a busy one has
// forgotten.
func lastReload(ctx context.Context, c *client.Client) int64 {
	ctx, cancel := context.WithTimeout(ctx, eventsTimeout)
	defer cancel()
	reloads, err := pastEvents(ctx, c, client.Filters{}.Add("type", "daemon").Add("event", "reload"))
	if err != nil {
		return 0
	}
	if n := len(reloads); n > 0 {
		return reloads[n-1].TimeNano
	}
	if all, err := pastEvents(ctx, c, nil); err != nil || len(all) >= eventsKept {
		return 0
	}
	return -1
}

const eventsKept = 256

func pastEvents(ctx context.Context, c *client.Client, f client.Filters) ([]events.Message, error) {
	var list []events.Message
	res := c.Events(ctx, client.EventsListOptions{Since: "1", Until: stamp(time.Now()), Filters: f})
	for {
		select {
		case m := <-res.Messages:
			list = append(list, m)
		case err := <-res.Err:
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return list, err
		}
	}
}

func fromInfo(i system.Info) resource.Engine {
	e := resource.Engine{
		RootDir: i.DockerRootDir, Driver: i.Driver, DriverStatus: i.DriverStatus,
		SecurityOptions: i.SecurityOptions, LiveRestore: i.LiveRestoreEnabled,
		LoggingDriver: i.LoggingDriver, CgroupDriver: i.CgroupDriver, CgroupVersion: i.CgroupVersion,
		DefaultRuntime: i.DefaultRuntime, Labels: i.Labels, Swarm: string(i.Swarm.LocalNodeState),
		Experimental: i.ExperimentalBuild, Debug: i.Debug, Images: i.Images, Warnings: i.Warnings,
	}
	if i.FirewallBackend != nil {
		e.FirewallBackend = i.FirewallBackend.Driver
	}
	if rc := i.RegistryConfig; rc != nil {
		e.Mirrors = rc.Mirrors
		for _, n := range rc.InsecureRegistryCIDRs {
			e.InsecureCIDRs = append(e.InsecureCIDRs, n.String())
		}
		for name, idx := range rc.IndexConfigs {
			if idx != nil && !idx.Secure {
				e.InsecureRegistries = append(e.InsecureRegistries, name)
			}
		}
		slices.Sort(e.InsecureRegistries)
	}
	return e
}

// inspectors bounds concurrent GETs: enough to hide latency, few enough not
// to be felt by a busy daemon.
const inspectors = 8

// eventsTimeout bounds a question that should be answered at once.
const eventsTimeout = 3 * time.Second

// Containers lists all containers, stopped ones too, each inspected: the list
// alone does not tell privileged or pid mode.
func (r *Reader) Containers(ctx context.Context) ([]resource.Container, error) {
	if !r.Live() {
		return nil, errImage
	}
	c, err := dial(r.dockerHost)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, apiError(err)
	}
	out := make([]resource.Container, len(list.Items))
	errs := make([]error, len(list.Items))
	limit := make(chan struct{}, inspectors)
	var wg sync.WaitGroup
	for i, item := range list.Items {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			out[i], errs[i] = inspect(ctx, c, item)
		})
	}
	wg.Wait()
	if err := together(errs...); err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(c resource.Container) bool { return c.ID == "" })
	slices.SortFunc(out, func(a, b resource.Container) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// inspect returns a zero Container for one that went away meanwhile.
func inspect(ctx context.Context, c *client.Client, item container.Summary) (resource.Container, error) {
	res, err := c.ContainerInspect(ctx, item.ID, client.ContainerInspectOptions{})
	if isNotFound(err) {
		return resource.Container{}, nil
	}
	if err != nil {
		return resource.Container{}, fmt.Errorf("cannot inspect container %s: %w", item.ID, err)
	}
	in := res.Container
	out := resource.Container{ID: in.ID, Name: strings.TrimPrefix(in.Name, "/"), Image: item.Image}
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
	return out, nil
}

func fromHostConfig(out *resource.Container, h *container.HostConfig) {
	out.RestartPolicy, out.AutoRemove = string(h.RestartPolicy.Name), h.AutoRemove
	out.Privileged, out.SecurityOpt = h.Privileged, h.SecurityOpt
	out.PidMode, out.IpcMode = string(h.PidMode), string(h.IpcMode)
	out.NetworkMode, out.UsernsMode = string(h.NetworkMode), string(h.UsernsMode)
	out.LogDriver = h.LogConfig.Type
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
