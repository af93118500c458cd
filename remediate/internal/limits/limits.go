// Package limits is the kind that sets what containers may use, and when they
// are restarted, on containers that exist: what docker update changes without
// a restart of anything. It is pure but for Observe, which has a Reader.
//
// What Docker can set and cannot take back was read in moby (daemon/update.go,
// daemon/update_linux.go, daemon/container/container_unix.go UpdateContainer,
// daemon/daemon_unix.go verifyPlatformContainerResources and getPidsLimit) and
// in runc (update.go), and tried with Engine 20.10.24, runc 1.1.5 and cgroup v1;
// docs/limits.md tells it for people.
package limits

import (
	"context"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Controls: one for each thing that a rule can set, and the section itself,
// which shows when no rule sets any.
const (
	control        = "limits"
	controlMemory  = "limits-memory"
	controlPids    = "limits-pids"
	controlCPUs    = "limits-cpus"
	controlRestart = "limits-restart"
)

// Name is the name of the kind, of its operations and of the step that carries
// them out.
const Name = "limits"

// A Want is what a policy says of limits.
type Want struct {
	// Apply lets the containers be changed; else they are only judged.
	Apply bool
	Rules []Rule // the first that matches a container holds
}

// A Rule sets limits for some containers; zero values set nothing.
type Rule struct {
	// Container and Image are names with * as wildcard, Label is KEY or
	// KEY=VALUE. Those that are given must all match.
	Container, Image, Label string
	// Memory and MemorySwap are sizes as ParseSize reads them; MemorySwap may
	// be -1.
	Memory, MemorySwap string
	Pids               int64
	CPUs               float64
	Restart            string // on-failure:5
}

// Kind is the kind.
type Kind struct{}

// Name is the kind's name.
func (Kind) Name() string { return Name }

// Observe asks what running containers use. It comes after the daemon was
// asked for its containers.
func (Kind) Observe(ctx context.Context, r resource.Reader, s *resource.Snapshot) {
	all, ok := s.Containers.Get()
	if !ok {
		s.Usage = resource.Unknown[map[string]resource.Usage](s.Containers.Unknown)
		return
	}
	s.Usage = resource.Known(r.Usage(ctx, all))
}

// Weighs reports whether the rules ask for what is judged by what containers
// use now.
func (w *Want) Weighs() bool {
	for _, r := range w.Rules {
		if r.Memory != "" || r.Pids > 0 {
			return true
		}
	}
	return false
}
