//go:build rig

package rig_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pristine holds what provision.sh saved of the host: accounts, units, /etc/docker.
const pristine = "/var/lib/bulwark-rig/pristine.tar"

// ours lists what a story may have created and the pristine host may not have.
// All of /etc/systemd/system is here for the links that enabling a unit leaves
// in the folders of others.
var ours = []string{
	"/etc/docker", "/etc/bulwark", "/etc/systemd/system", "/var/lib/bulwark", "/run/bulwark",
	"/etc/ufw", "/etc/firewalld",
	"/etc/audit", "/etc/tmpfiles.d/bulwark-audit.conf", "/etc/systemd/journald.conf.d",
	"/etc/subuid.lock", "/etc/subgid.lock", "/etc/passwd.lock", "/etc/group.lock",
}

// settled is the docker.service invocation that the last reset left behind.
var settled string

// resetHost brings the host back to what provision.sh left, with a dockerd that
// has read that and runs nothing.
func resetHost() error {
	now, err := invocation(dockerUnit)
	if err != nil {
		return err
	}
	// A restart is the dear step on an emulated CPU: spare it a dockerd that no story has touched.
	restart := now == "" || now != settled || exists("/etc/docker/daemon.json")

	// Before the files change: only the present daemon knows its containers, and
	// under live-restore they would outlive it.
	if err := removeContainers(); err != nil && !restart {
		return err
	}
	if err := run("systemctl", "stop", "bulwark*"); err != nil {
		return err
	}
	netOK, err := pristineNet()
	if err != nil {
		return err
	}
	if restart = restart || !netOK; restart {
		// The socket first, or a client in between starts the service again.
		if err := run("systemctl", "stop", "docker.socket", dockerUnit); err != nil {
			return err
		}
		removeRemappedRoots()
	}
	if !netOK {
		if err := resetNet(); err != nil {
			return err
		}
	}
	if err := restoreFiles(); err != nil {
		return err
	}
	if err := resetAudit(); err != nil {
		return err
	}
	if !restart {
		return nil
	}
	if err := run("systemctl", "reset-failed"); err != nil {
		return err
	}
	if err := run("systemctl", "start", dockerUnit); err != nil {
		return err
	}
	if err := removeContainers(); err != nil {
		return err
	}
	settled, err = invocation(dockerUnit)
	if err != nil {
		return err
	}
	settledNet, err = netState()
	return err
}

func restoreFiles() error {
	// Programs that a story put in front of the real ones.
	wrappers, err := filepath.Glob("/usr/local/sbin/*")
	if err != nil {
		return err
	}
	for _, path := range append(wrappers, ours...) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	if err := run("tar", "-C", "/", "--xattrs", "-xpf", pristine); err != nil {
		return err
	}
	return run("systemctl", "daemon-reload")
}

func removeContainers() error {
	return run("sh", "-c", `ids=$(docker ps -aq) && { [ -z "$ids" ] || docker rm -f $ids; } &&
		docker volume prune -f && docker network prune -f`)
}

// removeRemappedRoots drops the data roots that userns-remap left, such as
// /var/lib/docker/100000.100000. Best effort: one that is busy only costs disk.
func removeRemappedRoots() {
	roots, _ := filepath.Glob("/var/lib/docker/[0-9]*.[0-9]*")
	for _, root := range roots {
		_ = os.RemoveAll(root)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot reset the host: %s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
