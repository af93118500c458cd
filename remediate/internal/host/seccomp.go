package host

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/filter"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// confinement reads the lines Seccomp and NoNewPrivs of /proc/PID/status
// (proc(5)); nil if the process is gone or may not be looked at.
func confinement(pid int) (seccomp, noNewPrivs *int) {
	if pid <= 0 {
		return nil, nil
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return nil, nil
	}
	return statusNumber(string(b), "Seccomp:"), statusNumber(string(b), "NoNewPrivs:")
}

func statusNumber(status, name string) *int {
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, name); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
				return &n
			}
		}
	}
	return nil
}

// bundles are where containerd keeps the OCI configuration of running containers:
// the system's, and one that dockerd started itself.
var bundles = []string{
	"/run/containerd/io.containerd.runtime.v*/*/",
	"/run/docker/containerd/daemon/io.containerd.runtime.v*/*/",
}

// maxBundle bounds a configuration; one with the default filter has 40 KB.
const maxBundle = 4 << 20

// Filters reads which seccomp filter each running container was given, by its id.
// Those that cannot be read are left out.
func (r *Reader) Filters(ctx context.Context, all []resource.Container) map[string]resource.SeccompFilter {
	out := map[string]resource.SeccompFilter{}
	for _, c := range all {
		if ctx.Err() != nil {
			break
		}
		if f, ok := bundleFilter(c.ID); ok && c.PID > 0 {
			out[c.ID] = f
		}
	}
	return out
}

func bundleFilter(id string) (resource.SeccompFilter, bool) {
	if !idPattern.MatchString(id) { // it is a daemon's word
		return resource.SeccompFilter{}, false
	}
	for _, dir := range bundles {
		found, err := filepath.Glob(dir + id + "/config.json")
		if err != nil || len(found) != 1 {
			continue
		}
		if f, err := readBundle(found[0]); err == nil {
			return f, true
		}
	}
	return resource.SeccompFilter{}, false
}

func readBundle(path string) (resource.SeccompFilter, error) {
	var f resource.SeccompFilter
	in, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxBundle))
	if err != nil {
		return f, err
	}
	return parseBundle(b)
}

// parseBundle reads config.json of the OCI runtime specification.
func parseBundle(b []byte) (resource.SeccompFilter, error) {
	var f resource.SeccompFilter
	var c specs.Spec
	if err := json.Unmarshal(b, &c); err != nil {
		return f, err
	}
	if c.Process != nil && c.Process.Capabilities != nil {
		f.Caps = c.Process.Capabilities.Bounding
	}
	if c.Linux != nil {
		f.Digest = filter.Digest(c.Linux.Seccomp)
	}
	return f, nil
}
