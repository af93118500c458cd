package host

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// nofileHard is the hard limit of open files of a process that cannot raise
// it, else 0. On plain hosts dockerd and runc hold CAP_SYS_RESOURCE; inside
// containers and some virtual machines they do not, and a default-ulimits
// beyond the limit then keeps every container from starting.
func nofileHard(dir string) uint64 {
	status, err := os.ReadFile(dir + "/status")
	if err != nil || hasCap(string(status), unix.CAP_SYS_RESOURCE) {
		return 0
	}
	limits, err := os.ReadFile(dir + "/limits")
	if err != nil {
		return 0
	}
	return hardLimit(string(limits))
}

// hasCap looks into the CapBnd line of /proc/PID/status (proc(5)): what is not
// in the bounding set cannot be had by a child either. Without that line it
// says yes, which claims nothing.
func hasCap(status string, bit uint) bool {
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			return err != nil || set&(1<<bit) != 0
		}
	}
	return true
}

// hardLimit is the second number of "Max open files" in /proc/PID/limits; 0
// for "unlimited".
func hardLimit(limits string) uint64 {
	for line := range strings.Lines(limits) {
		v, ok := strings.CutPrefix(line, "Max open files")
		if f := strings.Fields(v); ok && len(f) >= 2 {
			n, _ := strconv.ParseUint(f[1], 10, 64) // "unlimited" is no number, and 0
			return n
		}
	}
	return 0
}
