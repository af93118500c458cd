package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Container inspects one container; that there is none is no error.
func (d *Docker) Container(ctx context.Context, id string) (c resource.Container, exists bool, err error) {
	res, err := d.c.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if isNotFound(err) {
		return resource.Container{}, false, nil
	}
	if err != nil {
		return resource.Container{}, false, apiError(err)
	}
	return fromInspect(container.Summary{ID: res.Container.ID}, res.Container), true, nil
}

// updateTimeout bounds one change of limits: to lower a memory limit, the
// kernel may have to write pages out first.
const updateTimeout = time.Minute

// UpdateLimits changes limits of a container, running or not, as docker update
// does, and returns what the daemon warns of. A container that is gone
// meanwhile is ErrContainerGone.
func (d *Docker) UpdateLimits(ctx context.Context, id string, u resource.LimitsUpdate) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	o := client.ContainerUpdateOptions{Resources: &container.Resources{
		Memory: u.Memory, MemorySwap: u.MemorySwap, NanoCPUs: u.NanoCPUs, PidsLimit: u.Pids,
	}}
	if u.Restart != "" {
		o.RestartPolicy = &container.RestartPolicy{Name: container.RestartPolicyMode(u.Restart), MaximumRetryCount: u.RestartMax}
	}
	res, err := d.c.ContainerUpdate(ctx, id, o)
	if isNotFound(err) {
		return nil, ErrContainerGone
	}
	if err != nil {
		return nil, fmt.Errorf("the Docker daemon refuses: %w", said(err))
	}
	return res.Warnings, nil
}

// ErrContainerGone says that a container was removed meanwhile.
var ErrContainerGone = errors.New("the container is gone")

// SyncContainer makes durable what dockerd has written of a container. It syncs
// the new files, but not the folder into which it renames them (moby
// pkg/ioutils/fswriters.go): after a power cut the old ones could be back, with
// the change committed. A folder that is not there has nothing to keep: the
// container is gone.
func SyncContainer(root, id string) error {
	if root == "" {
		return nil // a journal that does not tell
	}
	d, err := os.OpenFile(filepath.Join(root, "containers", id), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot make the limits of a container durable: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("cannot make the limits of a container durable: %w", err)
	}
	return nil
}

// usageTimeout bounds the question what one container uses: a daemon older
// than 20.10 takes two samples, a second apart.
const usageTimeout = 5 * time.Second

// maxStats bounds the answer, which grows with the devices of the host.
const maxStats = 1 << 20

// Usage asks what a running container uses.
func (d *Docker) Usage(ctx context.Context, id string) (resource.Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	res, err := d.c.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return resource.Usage{}, apiError(err)
	}
	defer res.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(io.LimitReader(res.Body, maxStats)).Decode(&s); err != nil {
		return resource.Usage{}, fmt.Errorf("cannot read what container %s uses: %w", id, said(err))
	}
	return fromStats(s), nil
}

// fromStats leaves out the page cache of files, which the kernel drops when it
// must (memory.stat: total_* in cgroup v1, whose plain values leave out
// sub-cgroups). What is in shared memory and tmpfs stays counted.
func fromStats(s container.StatsResponse) resource.Usage {
	m := s.MemoryStats
	used := min(m.Usage, 1<<62)
	for _, names := range [][2]string{{"total_active_file", "active_file"}, {"total_inactive_file", "inactive_file"}} {
		cache, ok := m.Stats[names[0]]
		if !ok {
			cache = m.Stats[names[1]]
		}
		used -= min(cache, used)
	}
	if m.Usage > 0 {
		used = max(used, 1) // 0 means that it is not known
	}
	return resource.Usage{Memory: int64(used), Pids: int64(min(s.PidsStats.Current, 1<<31))}
}

// Usage asks for all running containers among those given, and returns it by
// id. What cannot be read is left out.
func (r *Reader) Usage(ctx context.Context, all []resource.Container) map[string]resource.Usage {
	out := map[string]resource.Usage{}
	if !r.Live() {
		return out
	}
	c, err := dial(r.dockerHost, boundOne)
	if err != nil {
		return out
	}
	defer c.Close()
	d := &Docker{c}
	var mu sync.Mutex
	limit := make(chan struct{}, inspectors)
	var wg sync.WaitGroup
	for _, one := range all {
		if one.State != "running" && one.State != "paused" {
			continue
		}
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			if u, err := d.Usage(ctx, one.ID); err == nil {
				mu.Lock()
				defer mu.Unlock()
				out[one.ID] = u
			}
		})
	}
	wg.Wait()
	return out
}
