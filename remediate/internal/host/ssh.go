package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// SSHConnection returns SSH_CONNECTION of the caller's session: address and port
// of the client, then of the server (ssh(1)); "" outside of one. sudo takes the
// variable away, so the processes above this one are asked, which root can.
func SSHConnection() string {
	if c := os.Getenv("SSH_CONNECTION"); c != "" {
		return c
	}
	for pid := os.Getppid(); pid > 1; pid = parent(pid) {
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		for v := range strings.SplitSeq(string(b), "\x00") {
			if c, ok := strings.CutPrefix(v, "SSH_CONNECTION="); ok && c != "" {
				return c
			}
		}
	}
	return ""
}

// parent is field 4 of /proc/PID/stat, 0 if there is no such process.
func parent(pid int) int {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := cutLast(string(b), ")")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	p, _ := strconv.Atoi(fields[1])
	return p
}
