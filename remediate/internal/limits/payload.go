package limits

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Payload is what the journal keeps of the change of one container.
type Payload struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Root is the data root that holds the container.
	Root string `json:"root,omitempty"`
	// Elsewhere says that dockerd has that root only after it was restarted by
	// the same transaction, which then is a rollback.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Ran says that the container ran, and that its restart policy changes.
	Ran bool `json:"ran,omitempty"`
	// Before is what was found, After what is wanted.
	Before resource.ContainerLimits `json:"before"`
	After  resource.ContainerLimits `json:"after"`
	// Back is what an undo sets: Before, or what comes closest to it where
	// Docker has no way back; see Back.
	Back resource.ContainerLimits `json:"back"`
}

// An Aspect is a part of the limits that is set and taken back as one.
type Aspect string

// The aspects. Memory and memory-swap are one: moby refuses a memory limit
// above the swap limit that is there (UpdateContainer), so both go in one call.
const (
	Memory  Aspect = "memory"
	Pids    Aspect = "pids"
	CPUs    Aspect = "cpus"
	Restart Aspect = "restart"
)

// Aspects are all of them, in order.
func Aspects() []Aspect { return []Aspect{Memory, Pids, CPUs, Restart} }

const (
	// noMemory is the limit of 4 EiB, above what any machine has. The API can
	// lower and raise a limit but not lift it: 0 means unchanged, and -1 is
	// refused as below 6 MiB. It is not the highest number, because runc makes
	// of memory-swap minus memory the swap limit of cgroup v2: that must stay
	// high as well.
	noMemory = 1 << 62
	// noSwap is the highest limit that a cgroup v1 knows, in whole pages of 4 KiB.
	noSwap = 1<<63 - 4096
	// unlimited is how memory-swap says so.
	unlimited = -1
)

// Back returns what comes closest to before on a container that was changed to
// after, on a daemon with cpus CPUs. Docker lifts neither a limit of memory nor
// one of CPUs; limits that no container reaches are left instead.
func Back(before, after resource.ContainerLimits, cpus int) resource.ContainerLimits {
	back := before
	if before.Memory == 0 && after.Memory != 0 {
		back.Memory, back.MemorySwap = noMemory, unlimited
	}
	if before.Memory != 0 && before.MemorySwap == 0 && after.MemorySwap != 0 {
		back.MemorySwap = twice(before.Memory) // what the daemon takes it for
	}
	if before.NanoCPUs == 0 && after.NanoCPUs != 0 {
		back.NanoCPUs = int64(cpus) * billion
	}
	return back
}

const billion = 1_000_000_000

// twice is the limit of memory and swap that Docker gives with one of memory
// alone (adaptContainerSettings).
func twice(memory int64) int64 { return min(memory, noSwap/2) * 2 }

// with returns l with one aspect taken from from.
func with(l resource.ContainerLimits, a Aspect, from resource.ContainerLimits) resource.ContainerLimits {
	switch a {
	case Memory:
		l.Memory, l.MemorySwap = from.Memory, from.MemorySwap
	case Pids:
		l.Pids = from.Pids
	case CPUs:
		l.NanoCPUs = from.NanoCPUs
	case Restart:
		l.Restart, l.RestartMax = from.Restart, from.RestartMax
	}
	return l
}

// Same reports whether x and y have an aspect alike.
func Same(a Aspect, x, y resource.ContainerLimits) bool { return with(x, a, y) == x }

// Reached reports whether now is target in an aspect, or on the way to it: the
// state between the two calls of Updates.
func Reached(a Aspect, now, target resource.ContainerLimits) bool {
	if a == Memory && target.MemorySwap == unlimited && now.MemorySwap == noSwap {
		return now.Memory == target.Memory
	}
	return Same(a, now, target)
}

// Changed are the aspects that the change is about.
func (p Payload) Changed() []Aspect {
	return slices.DeleteFunc(Aspects(), func(a Aspect) bool { return Same(a, p.Before, p.After) })
}

// Updates are the requests that give a container the aspects of target.
//
// Unlimited swap takes two: the daemon notes -1 but sends it to no running
// container (toContainerdResources), whose cgroup keeps the old limit; a higher
// memory limit is then refused by the kernel. So a limit that nothing reaches
// comes first, and the note after it.
func Updates(aspects []Aspect, target resource.ContainerLimits) []resource.LimitsUpdate {
	if len(aspects) == 0 {
		return nil
	}
	var u resource.LimitsUpdate
	for _, a := range aspects {
		switch a {
		case Memory:
			u.Memory, u.MemorySwap = target.Memory, target.MemorySwap
		case Pids:
			u.Pids = &target.Pids
		case CPUs:
			u.NanoCPUs = target.NanoCPUs
		case Restart:
			u.Restart, u.RestartMax = target.Restart, target.RestartMax
		}
	}
	if !slices.Contains(aspects, Memory) || target.MemorySwap != unlimited {
		return []resource.LimitsUpdate{u}
	}
	u.MemorySwap = noSwap
	return []resource.LimitsUpdate{u, {Memory: target.Memory, MemorySwap: unlimited}}
}

// Differs says in which of the aspects now is not as told, in words: "memory
// 256 MiB, now 1 GiB"; "" if in none.
func Differs(aspects []Aspect, told, now resource.ContainerLimits) string {
	var said []string
	for _, a := range aspects {
		if !Same(a, told, now) {
			said = append(said, fmt.Sprintf("%s %s, now %s", a, Show(a, told), Show(a, now)))
		}
	}
	return strings.Join(said, "; ")
}

// Rebase returns the change that brings a container from its limits now to
// those before the changes, oldest first; it changes nothing if they are that
// already. what says how somebody else has changed what the last change set, ""
// if nobody has; missing what of before cannot be had.
func Rebase(changes []Payload, now resource.ContainerLimits, cpus int) (back Payload, what, missing string) {
	target := now
	var left []string
	for _, a := range Aspects() {
		first, last := touching(changes, a)
		switch {
		case first == nil:
		case Same(a, now, first.Back) || Same(a, now, first.Before):
		case !Same(a, now, last.After):
			what = strings.TrimPrefix(what+"; "+Differs([]Aspect{a}, last.After, now), "; ")
		default:
			target = with(target, a, first.Back)
			if !Same(a, first.Before, first.Back) {
				left = append(left, rephrase(a, first.Back))
			}
		}
	}
	back = Payload{Before: now, After: target, Back: Back(now, target, cpus)}
	if len(changes) > 0 {
		back.ID, back.Name, back.Root = changes[0].ID, changes[0].Name, changes[0].Root
	}
	return back, what, short(back.Name, left)
}

// touching are the first and the last of the changes that are about an aspect.
func touching(changes []Payload, a Aspect) (first, last *Payload) {
	for i := range changes {
		if Same(a, changes[i].Before, changes[i].After) {
			continue
		}
		if first == nil {
			first = &changes[i]
		}
		last = &changes[i]
	}
	return first, last
}

// Short says what an undo of the aspects leaves otherwise than it was, and why;
// "" if nothing.
func (p Payload) Short(aspects []Aspect) string {
	var left []string
	for _, a := range aspects {
		if !Same(a, p.Before, p.Back) {
			left = append(left, rephrase(a, p.Back))
		}
	}
	return short(p.Name, left)
}

func short(name string, left []string) string {
	if len(left) == 0 {
		return ""
	}
	return fmt.Sprintf("container %s: Docker cannot take a limit away, so that it has %s, which limits nothing", name, strings.Join(left, ", "))
}
