package limits

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A refusal says why a container cannot have what a rule asks for, and what
// can be done.
type refusal struct{ why, remedy string }

// asks are the aspects that a rule sets.
func (r *Rule) asks() []Aspect {
	var out []Aspect
	for _, a := range Aspects() {
		if r.sets(a) {
			out = append(out, a)
		}
	}
	return out
}

func (r *Rule) sets(a Aspect) bool {
	switch a {
	case Memory:
		return r.Memory != ""
	case Pids:
		return r.Pids > 0
	case CPUs:
		return r.CPUs > 0
	}
	return r.Restart != ""
}

// A subject is one container that a rule is about.
type subject struct {
	c      resource.Container
	now    resource.ContainerLimits
	rule   *Rule
	number int // of the rule
	engine resource.Engine
	use    resource.Usage // zero if it does not run or could not be read
}

func (s *subject) running() bool { return s.c.State == "running" || s.c.State == "paused" }

// judge returns the limits with the aspect as the rule wants it, and why the
// container cannot have it. Nothing is refused that holds already.
func (s *subject) judge(a Aspect) (resource.ContainerLimits, *refusal) {
	target, no := s.wanted(a)
	switch {
	case no != nil || Same(a, s.now, target) && a != CPUs:
		return target, no
	case a == CPUs && s.cpusHold(target):
		return s.now, nil
	case s.c.Labels["com.docker.swarm.task.id"] != "":
		return target, &refusal{"it is a task of a swarm service", "docker service update sets the limits of a service"}
	}
	switch a {
	case Memory:
		return target, s.refuseMemory(target)
	case Pids:
		return target, s.refuseUnless(s.engine.Limits.Pids, "processes")
	case CPUs:
		return target, s.refuseCPUs(target)
	}
	return target, s.refuseRestart(target)
}

// wanted is now with the aspect as the rule has it.
func (s *subject) wanted(a Aspect) (resource.ContainerLimits, *refusal) {
	t := s.now
	switch a {
	case Memory:
		return s.wantedMemory()
	case Pids:
		t.Pids = s.rule.Pids
	case CPUs:
		t.NanoCPUs = int64(math.Round(s.rule.CPUs * billion))
	case Restart:
		name, count, _ := strings.Cut(s.rule.Restart, ":")
		t.Restart = name
		t.RestartMax, _ = strconv.Atoi(count) // "" is no number, and 0
	}
	return t, nil
}

// wantedMemory: without memory-swap in the rule it becomes what docker run
// makes of it, twice the memory, and is left alone while the memory is right.
func (s *subject) wantedMemory() (resource.ContainerLimits, *refusal) {
	t := s.now
	var err error
	if t.Memory, err = ParseSize(s.rule.Memory); err != nil || t.Memory > noMemory {
		return t, &refusal{fmt.Sprintf("no machine has the memory of %s", s.rule.Memory), "write a smaller limit"}
	}
	switch {
	case s.rule.MemorySwap == "-1":
		t.MemorySwap = unlimited
	case s.rule.MemorySwap != "":
		if t.MemorySwap, err = ParseSize(s.rule.MemorySwap); err != nil || t.MemorySwap > noSwap {
			return t, &refusal{fmt.Sprintf("no machine has the memory of %s", s.rule.MemorySwap), `write a smaller limit, or "-1"`}
		}
	case t.Memory == s.now.Memory:
	case s.engine.Limits.Swap:
		t.MemorySwap = twice(t.Memory)
	default:
		t.MemorySwap = unlimited // the daemon makes it that
	}
	return t, nil
}

// minMemory is the least that moby takes (linuxMinMemory).
const minMemory = 6 << 20

func (s *subject) refuseMemory(t resource.ContainerLimits) *refusal {
	switch {
	case t.Memory < minMemory:
		return &refusal{"Docker gives no container less than 6 MiB", "write a higher limit"}
	case t.MemorySwap != unlimited && t.MemorySwap < t.Memory:
		return &refusal{"memory-swap counts memory too, and would be lower", "write a higher memory-swap"}
	case !s.engine.Limits.Memory:
		return s.unsupported("memory")
	case t.MemorySwap != unlimited && !s.engine.Limits.Swap:
		return &refusal{
			"the kernel does not count the swap of containers",
			"boot with swapaccount=1, or leave memory-swap out",
		}
	case s.running() && s.use.Memory > t.Memory:
		return &refusal{
			fmt.Sprintf("it uses %s now, and would be killed", About(s.use.Memory)),
			"apply while it is stopped, or write a higher limit",
		}
	}
	return nil
}

func (s *subject) refuseUnless(supported bool, what string) *refusal {
	if supported {
		return nil
	}
	return s.unsupported(what)
}

// unsupported: a rootless daemon on cgroup v1, or without delegated
// controllers, limits nothing, and drops such requests with a warning.
func (s *subject) unsupported(what string) *refusal {
	why := "the kernel does not let Docker limit " + what
	if s.engine.CgroupDriver == "none" {
		why = "this daemon has no cgroups (rootless): it limits nothing"
	}
	return &refusal{why, "see the warnings of docker info"}
}

// cpusHold reports whether the CPUs are as wanted, be it by a quota, which is
// what the kernel has in any case. A quota of -1 undoes nano CPUs when the
// container starts (moby getCPUResources).
func (s *subject) cpusHold(t resource.ContainerLimits) bool {
	quota, period := s.c.Spec.CPUQuota, s.c.Spec.CPUPeriod
	if quota == 0 && period == 0 {
		return s.now.NanoCPUs == t.NanoCPUs
	}
	if period == 0 {
		period = 100_000 // microseconds, the kernel's
	}
	return quota > 0 && math.Abs(float64(quota)/float64(period)-float64(t.NanoCPUs)/billion) < 1e-6
}

func (s *subject) refuseCPUs(t resource.ContainerLimits) *refusal {
	switch {
	case t.NanoCPUs > int64(s.engine.CPUs)*billion:
		return &refusal{fmt.Sprintf("the host has %d CPUs", s.engine.CPUs), "write a lower limit"}
	case s.c.Spec.CPUQuota != 0 || s.c.Spec.CPUPeriod != 0:
		// UpdateContainer refuses it beside quota and period, and the API
		// cannot take those away.
		return &refusal{"it was given --cpu-quota or --cpu-period, beside which Docker takes no number of CPUs", "make it anew with --cpus"}
	}
	return s.refuseUnless(s.engine.Limits.CPUs, "CPUs")
}

func (s *subject) refuseRestart(t resource.ContainerLimits) *refusal {
	if s.c.AutoRemove && t.Restart != "no" {
		return &refusal{"it is removed when it ends (--rm), and Docker gives such a container no restart policy", "make it anew without --rm"}
	}
	return nil
}
