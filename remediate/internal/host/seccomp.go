package host

import (
	"os"
	"strconv"
	"strings"
)

// seccompMode reads the Seccomp line of /proc/PID/status (proc(5)); nil if the
// process is gone or may not be looked at.
func seccompMode(pid int) *int {
	if pid <= 0 {
		return nil
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "Seccomp:"); ok {
			if mode, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
				return &mode
			}
		}
	}
	return nil
}
