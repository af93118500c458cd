package limits

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// units are those of a policy: powers of 1024.
var units = map[byte]int64{'b': 1, 'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30}

// ParseSize reads digits with an optional unit b, k, m or g as bytes. It
// refuses what an int64 cannot hold.
func ParseSize(s string) (int64, error) {
	digits, unit := s, int64(1)
	if s != "" {
		if u, ok := units[s[len(s)-1]]; ok {
			digits, unit = s[:len(s)-1], u
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/unit {
		return 0, fmt.Errorf("cannot read the size %.40q", s)
	}
	return int64(n) * unit, nil
}

// Size writes bytes in the largest unit that has no fraction.
func Size(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"EiB", 1 << 60}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// About is a size for a sentence, rounded up to MiB.
func About(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

// Show writes one aspect for people.
func Show(a Aspect, l resource.ContainerLimits) string {
	switch a {
	case Memory:
		if l.Memory == 0 || l.Memory >= noMemory {
			return memory(l.Memory)
		}
		return memory(l.Memory) + " (with swap " + swap(l) + ")"
	case Pids:
		return orNone(l.Pids, strconv.FormatInt(l.Pids, 10))
	case CPUs:
		return orNone(l.NanoCPUs, strconv.FormatFloat(float64(l.NanoCPUs)/billion, 'f', -1, 64))
	}
	return restart(l)
}

func memory(n int64) string {
	if n >= noMemory {
		return "none (" + Size(n) + ")"
	}
	return orNone(n, Size(n))
}

func swap(l resource.ContainerLimits) string {
	switch {
	case l.MemorySwap == unlimited:
		return "unlimited"
	case l.MemorySwap >= noMemory:
		return "none"
	}
	return orNone(l.MemorySwap, Size(l.MemorySwap))
}

func orNone(n int64, text string) string {
	if n == 0 {
		return "none"
	}
	return text
}

func restart(l resource.ContainerLimits) string {
	if l.RestartMax > 0 {
		return fmt.Sprintf("%s:%d", l.Restart, l.RestartMax)
	}
	return l.Restart
}

// Text are all limits, a line each, for a diff.
func Text(l resource.ContainerLimits) string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"memory", memory(l.Memory)},
		{"memory-swap", swap(l)},
		{"pids", Show(Pids, l)},
		{"cpus", Show(CPUs, l)},
		{"restart", restart(l)},
	} {
		fmt.Fprintf(&b, "%-12s %s\n", line[0], line[1])
	}
	return b.String()
}

// flags are the words of docker update that set the aspects of l.
func flags(aspects []Aspect, l resource.ContainerLimits) string {
	var out []string
	for _, a := range aspects {
		switch a {
		case Memory:
			out = append(out, "--memory "+flagSize(l.Memory), "--memory-swap "+flagSize(l.MemorySwap))
		case Pids:
			out = append(out, fmt.Sprintf("--pids-limit %d", l.Pids))
		case CPUs:
			out = append(out, "--cpus "+Show(CPUs, l))
		case Restart:
			out = append(out, "--restart "+restart(l))
		}
	}
	return strings.Join(out, " ")
}

// flagSize writes bytes as docker's flags read them.
func flagSize(n int64) string {
	for _, unit := range []byte{'g', 'm', 'k'} {
		if n > 0 && n%units[unit] == 0 {
			return strconv.FormatInt(n/units[unit], 10) + string(unit)
		}
	}
	return strconv.FormatInt(n, 10)
}
