package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

func fileProbes() []Probe {
	return []Probe{
		{
			ID: "read-only-root", Title: "A read-only root file system cannot be written",
			Tries: "A container with --read-only and a tmpfs makes files on both.",
			Must:  "The root refuses, the tmpfs takes the file.",
			Shows: "--read-only is kept on this host, and what needs to write still can where it was allowed to.",
			Not:   "That your containers are read-only.",
			OWASP: []string{"D09"}, Wanted: always, Limit: time.Minute, Run: readOnlyRoot,
		},
		{
			ID: "docker-sock", Title: "No container sees the daemon's socket",
			Tries: "A container connects to the sockets of Docker and containerd at all their usual places.",
			Must:  "There is nothing to connect to.",
			Shows: "A container that does not ask for the socket cannot command the daemon through it.",
			Not:   "Containers that mount it; a daemon that listens on TCP.",
			OWASP: []string{"D04"}, Wanted: always, Limit: time.Minute, Run: dockerSock,
		},
		{
			ID: "host-files", Title: "Settings of the host's kernel cannot be changed",
			Tries: "A container opens settings of the kernel for writing, without writing, and reads what tells of the host.",
			Must:  "The files are read-only, or show nothing.",
			Shows: "/proc and /sys are masked and read-only for containers that do not ask for anything else.",
			Not:   "Privileged containers, and those with systempaths=unconfined.",
			OWASP: []string{"D04"}, Wanted: always, Limit: time.Minute, Run: hostFiles,
		},
	}
}

func answers(ctx context.Context, l Lab, b Box) (words, error) {
	var out words
	res, err := l.Run(ctx, b)
	if err == nil {
		err = read(res, &out)
	}
	return out, err
}

func readOnlyRoot(ctx context.Context, l Lab) Outcome {
	const root, tmp = "/probe", "/tmp/probe"
	attack := []string{"write", root, tmp}
	got, err := answers(ctx, l, Box{Attack: attack, ReadOnly: true, Tmpfs: map[string]string{"/tmp": "size=1m"}})
	if err != nil {
		return unable("%v", err)
	}
	holds := got[root] == "EROFS" && got[tmp] == "ok"
	observed := fmt.Sprintf("on the root: %s, on the tmpfs: %s", got[root], got[tmp])
	control, err := answers(ctx, l, Box{Attack: attack})
	if err != nil {
		return controlFailed(holds, observed, err.Error())
	}
	positive := "without --read-only on the root: " + control[root]
	if control[root] != "ok" {
		return controlFailed(holds, observed, positive)
	}
	return judged(holds, observed, positive)
}

// daemonSockets are where daemons listen on packaged hosts.
func daemonSockets() []string {
	return []string{
		"/run/docker.sock", "/var/run/docker.sock", "/run/docker/docker.sock",
		"/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock", "/var/run/docker/containerd/docker-containerd.sock",
		"/run/podman/podman.sock", "/run/crio/crio.sock",
	}
}

func dockerSock(ctx context.Context, l Lab) Outcome {
	got, err := answers(ctx, l, Box{Attack: append([]string{"sockets"}, daemonSockets()...), Network: "bridge"})
	if err != nil {
		return unable("%v", err)
	}
	var there []string
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if got[path] != "ENOENT" && got[path] != "ENOTDIR" {
			there = append(there, path+" ("+got[path]+")")
		}
	}
	holds, observed := len(there) == 0, fmt.Sprintf("%d places were tried, reached: %s", len(got), list(there))
	const own = "/lab/" + Socket
	control, err := answers(ctx, l, Box{Attack: []string{"sockets", own}, Binds: []string{l.Dir() + ":/lab:ro"}})
	if err != nil {
		return controlFailed(holds, observed, err.Error())
	}
	positive := "a socket of bulwark's own that is mounted: " + control[own]
	if control[own] != "ok" {
		return controlFailed(holds, observed, positive)
	}
	return judged(holds, observed, positive)
}

type kernelFiles struct {
	Opened   words           `json:"opened"`
	ReadOnly map[string]bool `json:"read_only"`
	Visible  []string        `json:"visible"`
}

// open are those that could be written, or tell something.
func (k kernelFiles) open() []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(k.Opened)) {
		if k.Opened[path] == "ok" {
			out = append(out, path+" opens for writing")
		}
	}
	for _, path := range []string{"/proc/sys", "/sys"} {
		if !k.ReadOnly[path] {
			out = append(out, path+" is writable")
		}
	}
	for _, path := range k.Visible[:min(len(k.Visible), maxItems)] {
		out = append(out, shown(path)+" can be read")
	}
	return out
}

func hostFiles(ctx context.Context, l Lab) Outcome {
	got, err := kernelFilesOf(ctx, l, Box{})
	if err != nil {
		return unable("%v", err)
	}
	open := got.open()
	holds, observed := len(open) == 0, "open: "+list(open)
	// Not a privileged container: without the masks it is root of the host's own
	// kernel settings already.
	control, err := kernelFilesOf(ctx, l, Box{UsernsHost: true, Unmasked: true, SecurityOpt: []string{"apparmor=unconfined"}})
	if err != nil {
		return controlFailed(holds, observed, err.Error())
	}
	positive := "with systempaths=unconfined and --userns=host: " + list(control.open())
	if len(control.open()) == 0 {
		return controlFailed(holds, observed, positive)
	}
	return judged(holds, observed, positive)
}

func kernelFilesOf(ctx context.Context, l Lab, b Box) (kernelFiles, error) {
	var out kernelFiles
	b.Attack = []string{"hostfiles"}
	res, err := l.Run(ctx, b)
	if err == nil {
		err = read(res, &out)
	}
	if err == nil && len(out.Opened) == 0 {
		err = errors.New("no file was tried")
	}
	return out, err
}
