package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// apiError puts the two failures that users meet into their words.
func apiError(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission), refused(err):
		return errors.New("the Docker socket may be read by root and group docker only")
	case client.IsErrConnectionFailed(err) && !garbled(err):
		return errors.New("docker is not running")
	}
	return fmt.Errorf("cannot ask the Docker daemon: %w", said(err))
}

// garbled finds an answer that is not HTTP: the client calls that a failed
// connection too.
func garbled(err error) bool {
	return strings.HasPrefix(err.Error(), "error during connect") || strings.Contains(err.Error(), "malformed HTTP")
}

// maxSaid bounds what is shown of a daemon's own words.
const maxSaid = 500

// A saidError is an error in a daemon's words, of which there may be a
// megabyte.
type saidError struct{ error }

func (e saidError) Error() string {
	return fmt.Sprintf("%.*s", maxSaid, strings.Join(strings.Fields(e.error.Error()), " "))
}
func (e saidError) Unwrap() error { return e.error }

func said(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("it does not answer in time")
	}
	return saidError{err}
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
	c, err := dial(r.dockerHost, boundList)
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
	e.Components, e.BuiltNS = components(v.Components), built(v.Components)
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

// maxComponents bounds what a daemon may name.
const maxComponents = 100

func components(all []system.ComponentVersion) map[string]string {
	out := map[string]string{}
	for _, c := range all[:min(len(all), maxComponents)] {
		out[c.Name] = strings.TrimPrefix(c.Version, "v")
	}
	return out
}

// built is the day of the component "Engine", which docker version shows as Built.
func built(all []system.ComponentVersion) int64 {
	for _, c := range all {
		if c.Name != "Engine" {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, c.Details["BuildTime"]); err == nil && at.Unix() > 0 && at.Year() < 2200 {
			return at.UnixNano()
		}
	}
	return 0
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

// eventsTimeout bounds a question that should be answered at once.
const eventsTimeout = 3 * time.Second

func pastEvents(ctx context.Context, c *client.Client, f client.Filters) ([]events.Message, error) {
	var list []events.Message
	res := c.Events(ctx, client.EventsListOptions{Since: "1", Until: stamp(time.Now()), Filters: f})
	for {
		select {
		case m := <-res.Messages:
			if list = append(list, m); len(list) > eventsKept {
				return list, nil
			}
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
		CPUs:   i.NCPU,
		Limits: &resource.LimitSupport{Memory: i.MemoryLimit, Swap: i.SwapLimit, Pids: i.PidsLimit, CPUs: i.CPUCfsQuota},
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
