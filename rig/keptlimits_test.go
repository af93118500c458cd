//go:build rig

package rig_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// keptLimits are those of all containers named kept, by data root, as they lie on
// the disk: with another data root dockerd does not show the containers of the
// first, and they must be right all the same.
func (h *sweepHost) keptLimits() string {
	h.Helper()
	var said strings.Builder
	for _, pattern := range []string{"/var/lib/docker/containers/*", "/var/lib/docker/[0-9]*.[0-9]*/containers/*"} {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			h.Fatal(err)
		}
		for _, dir := range dirs {
			if l := limitsIn(dir); l != "" {
				fmt.Fprintf(&said, "%s: %s\n", filepath.Dir(filepath.Dir(dir)), l)
			}
		}
	}
	return said.String()
}

// limitsIn is "" for what is no such container, or goes away meanwhile.
func limitsIn(dir string) string {
	var c struct{ Name string }
	var l struct {
		Memory, MemorySwap, NanoCpus int64
		PidsLimit                    *int64
		RestartPolicy                struct{ Name string }
	}
	for file, into := range map[string]any{"config.v2.json": &c, "hostconfig.json": &l} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || json.Unmarshal(b, into) != nil {
			return ""
		}
	}
	if c.Name != "/kept" {
		return ""
	}
	b, _ := json.Marshal(l)
	return string(b)
}

// limitsInEffect are those of the container kept as dockerd tells them, and what
// the kernel has; "" without such a container.
func limitsInEffect() string {
	out, err := exec.Command("docker", "inspect", "-f",
		"{{.State.Pid}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}", "kept").Output()
	if err != nil {
		return ""
	}
	pid, said, _ := strings.Cut(string(out), " ")
	for _, file := range []string{"memory.max", "memory.limit_in_bytes", "pids.max"} {
		said += inCgroup(pid, file)
	}
	return said
}

// inCgroup reads a file of the cgroup of a process, of whichever version: with v1
// it is in the hierarchy of its controller.
func inCgroup(pid, file string) string {
	b, _ := os.ReadFile("/proc/" + pid + "/cgroup")
	controller, _, _ := strings.Cut(file, ".")
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 || f[1] != "" && f[1] != controller {
			continue
		}
		if b, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", f[1], f[2], file)); err == nil {
			return file + " " + string(b)
		}
	}
	return ""
}
