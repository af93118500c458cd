package host

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/execstart"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// applicationID keys the HMAC of the machine id, so that the id itself never
// leaves the host (machine-id(5), "application-specific ID").
const applicationID = "b9c1f0c4c0a64d3f9a1d6e6a86b4c5d2"

// Facts identifies the machine and the observer.
func (r *Reader) Facts() (resource.Host, error) {
	h := resource.Host{EUID: os.Geteuid(), Arch: runtime.GOARCH}
	if f, err := r.File("/etc/machine-id"); err == nil && len(f.Content) > 0 {
		mac := hmac.New(sha256.New, []byte(strings.TrimSpace(string(f.Content))))
		mac.Write([]byte(applicationID))
		h.ID = hex.EncodeToString(mac.Sum(nil))[:32]
	}
	h.OS = r.osReleaseVars()["PRETTY_NAME"].Value
	if !r.Live() {
		return h, nil
	}
	var err error
	if h.BootID, err = BootID(); err != nil {
		return h, err
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/sys/kernel/security/lsm"); err == nil {
		h.LSM = strings.Split(strings.TrimSpace(string(b)), ",")
	}
	h.CgroupVersion = 1
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		h.CgroupVersion = 2
	}
	h.BridgeNF = bridgeNF("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return h, nil
}

func bridgeNF(path string) string {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "absent"
	}
	return strings.TrimSpace(string(b))
}

// DockerdPID finds the running daemon of a host without systemd.
func (r *Reader) DockerdPID() (int, error) {
	for _, path := range []string{"/run/docker.pid", "/var/run/docker.pid"} {
		f, err := r.File(path)
		if err != nil || f.Content == nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(f.Content)))
		if err != nil {
			return 0, fmt.Errorf("cannot parse %s: %w", path, err)
		}
		if p, err := r.Process(pid); err == nil && strings.Contains(p.Argv[0], "dockerd") {
			return pid, nil
		}
	}
	return 0, errors.New("docker is not running")
}

// CommandLine computes dockerd's argv at its next start, with the file that
// holds each word.
func (r *Reader) CommandLine(u resource.Unit) ([]execstart.Word, error) {
	env := map[string]execstart.Var{}
	execstart.ParseEnvironment(u.Environment, u.FragmentPath, env)
	for _, path := range u.EnvironmentFiles {
		name, optional := strings.CutPrefix(path, "-")
		f, err := r.File(name)
		if err == nil && f.Content == nil && !optional {
			err = os.ErrNotExist
		}
		if err != nil {
			if optional && errors.Is(err, os.ErrNotExist) {
				continue
			}
			return nil, fmt.Errorf("cannot read EnvironmentFile %s of %s: %w", name, u.Name, err)
		}
		execstart.ParseEnvFile(f.Content, name, env)
	}
	return execstart.Expand(u.ExecStart, env, r.execStartFile(u)), nil
}

// execStartFile is the last of unit file and drop-ins that sets ExecStart=.
func (r *Reader) execStartFile(u resource.Unit) string {
	for i := len(u.DropIns) - 1; i >= 0; i-- {
		if f, err := r.File(u.DropIns[i]); err == nil && execstart.DefinesExecStart(f.Content) {
			return u.DropIns[i]
		}
	}
	return u.FragmentPath
}

// BinaryVersion asks the dockerd program on disk for its version, which is
// the one that the next start runs.
// Only a program of that name is run: a wrapper script may take no notice of
// --version and start a daemon.
func (r *Reader) BinaryVersion(ctx context.Context, path string) (resource.Binary, error) {
	if !filepath.IsAbs(path) || filepath.Base(path) != "dockerd" {
		return resource.Binary{}, fmt.Errorf("docker.service starts %s, which is not run to ask for its version", path)
	}
	out, err := r.Query(ctx, path, "--version")
	if err != nil {
		return resource.Binary{}, fmt.Errorf("cannot tell the version of %s: %w", path, err)
	}
	// "Docker version 20.10.24+dfsg1, build 5d6db84"
	_, rest, ok := strings.Cut(string(out), "version ")
	version, _, ok2 := strings.Cut(rest, ",")
	if !ok || !ok2 {
		return resource.Binary{}, fmt.Errorf("cannot find the version in what %s --version says: %q", path, out)
	}
	return resource.Binary{Path: path, Version: version}, nil
}
