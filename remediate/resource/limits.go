package resource

// ContainerLimits are those settings of a container that the daemon changes
// while it exists (POST /containers/ID/update), one spelling for each: what
// the API spells in several ways ("" and "no", null, 0 and -1) is told alike.
type ContainerLimits struct {
	// Memory is bytes, 0 is unlimited.
	Memory int64 `json:"memory,omitempty"`
	// MemorySwap is bytes of memory and swap together: -1 is unlimited, 0 that
	// none was set.
	MemorySwap int64 `json:"memory_swap,omitempty"`
	// NanoCPUs is billionths of a CPU, 0 is unlimited.
	NanoCPUs int64 `json:"nano_cpus,omitempty"`
	// Pids is processes and threads, 0 is unlimited.
	Pids int64 `json:"pids,omitempty"`
	// Restart is no, always, unless-stopped or on-failure.
	Restart string `json:"restart"`
	// RestartMax is how often on-failure tries; 0 is without end.
	RestartMax int `json:"restart_max,omitempty"`
}

// Limits returns the limits of c.
func (c Container) Limits() ContainerLimits {
	l := ContainerLimits{
		Memory: c.Spec.Memory, MemorySwap: c.Spec.MemorySwap, NanoCPUs: c.Spec.NanoCPUs,
		Pids: max(c.Spec.Pids, 0), Restart: c.RestartPolicy, RestartMax: c.Spec.RestartMax,
	}
	if l.Restart == "" {
		l.Restart = "no"
	}
	return l
}

// Runs reports whether it runs or is about to: paused ones do, and those that
// wait to be restarted.
func (c Container) Runs() bool { return c.PID != 0 || c.State == "restarting" }

// A LimitsUpdate is one request to change them. Zero values are left as they
// are, which is the API's own rule: so it can lift no limit of memory or CPUs.
type LimitsUpdate struct {
	Memory     int64
	MemorySwap int64
	NanoCPUs   int64
	Pids       *int64 // 0 lifts the limit
	Restart    string
	RestartMax int
}

// LimitSupport says which limits the daemon can give on this host (GET /info):
// kernels and rootless daemons lack some.
type LimitSupport struct {
	Memory bool `json:"memory"`
	Swap   bool `json:"swap"`
	Pids   bool `json:"pids"`
	CPUs   bool `json:"cpus"`
}

// Usage is what a running container uses now.
type Usage struct {
	// Memory is bytes that the kernel cannot just drop: page cache of files is
	// not counted. 0 if the daemon does not tell.
	Memory int64 `json:"memory,omitempty"`
	// Pids is processes and threads; 0 if the daemon does not tell.
	Pids int64 `json:"pids,omitempty"`
}
