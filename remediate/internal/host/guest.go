package host

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// A Guest is a container that bulwark makes for itself.
type Guest struct {
	Name, Image, User string
	Command           []string
	Labels            map[string]string
	Network           string // none, host, or the name of a network
	Privileged        bool
	HostUserns        bool
	HostPID           bool
	ReadOnly          bool
	Unmasked          bool // without the masked and read-only paths of /proc
	SecurityOpt       []string
	CapAdd, CapDrop   []string
	Tmpfs             map[string]string
	Binds             []string // HOST:CONTAINER[:ro]
	Memory            int64    // bytes, with swap
	Pids              int64    // -1 is no limit
	Port, PortIP      string
	LogDriver         string // "" is the daemon's default
	LogOpts           map[string]string
}

// A RefusedError says that the daemon did not create or start a container.
type RefusedError struct{ Stage, Said string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the Docker daemon does not %s the container: %s", e.Stage, e.Said)
}

// refusal tells a daemon that says no from one that does not answer.
func refusal(ctx context.Context, stage string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case client.IsErrConnectionFailed(err):
		return apiError(err)
	}
	return &RefusedError{Stage: stage, Said: strings.TrimPrefix(said(err).Error(), "Error response from daemon: ")}
}

// CreateGuest makes a container; it does not start it.
func (d *Docker) CreateGuest(ctx context.Context, g Guest) error {
	o, err := g.options()
	if err != nil {
		return err
	}
	_, err = d.c.ContainerCreate(ctx, o)
	return refusal(ctx, "create", err)
}

// StartGuest starts a container that CreateGuest made.
func (d *Docker) StartGuest(ctx context.Context, name string) error {
	_, err := d.c.ContainerStart(ctx, name, client.ContainerStartOptions{})
	return refusal(ctx, "start", err)
}

func (g Guest) options() (client.ContainerCreateOptions, error) {
	ports, bindings, err := g.ports()
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	now := 0
	h := g.hostConfig()
	h.PortBindings = bindings
	return client.ContainerCreateOptions{
		Name:       g.Name,
		HostConfig: h,
		Config: &container.Config{
			Image: g.Image, User: g.User, Cmd: g.Command, Labels: g.Labels, Hostname: "probe",
			AttachStdout: true, ExposedPorts: ports, StopTimeout: &now,
		},
	}, nil
}

// expendable is an oom_score_adj: when the host runs out of memory, the kernel
// takes a guest before any work.
const expendable = 500

func (g Guest) hostConfig() *container.HostConfig {
	h := &container.HostConfig{
		Mounts: g.mounts(), LogConfig: container.LogConfig{Type: g.LogDriver, Config: g.LogOpts},
		NetworkMode: container.NetworkMode(g.Network), RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
		CapAdd: g.CapAdd, CapDrop: g.CapDrop, OomScoreAdj: expendable,
		Privileged: g.Privileged, ReadonlyRootfs: g.ReadOnly, SecurityOpt: g.SecurityOpt, Tmpfs: g.Tmpfs,
		Resources: container.Resources{Memory: g.Memory, MemorySwap: g.Memory, PidsLimit: &g.Pids},
	}
	if g.HostUserns {
		h.UsernsMode = "host"
	}
	if g.HostPID {
		h.PidMode = "host"
	}
	if g.Unmasked { // what docker run makes of --security-opt systempaths=unconfined
		h.MaskedPaths, h.ReadonlyPaths = []string{}, []string{}
	}
	return h
}

// mounts are Binds. As mounts, unlike binds, the daemon makes no folder for one that
// is not there, as when it lives in another mount namespace.
func (g Guest) mounts() []mount.Mount {
	var out []mount.Mount
	for _, b := range g.Binds {
		source, rest, _ := strings.Cut(b, ":")
		target, mode, _ := strings.Cut(rest, ":")
		out = append(out, mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: mode == "ro"})
	}
	return out
}

func (g Guest) ports() (network.PortSet, network.PortMap, error) {
	if g.Port == "" {
		return nil, nil, nil
	}
	port, err := network.ParsePort(g.Port)
	if err != nil {
		return nil, nil, err
	}
	var at network.PortBinding
	if g.PortIP != "" {
		if at.HostIP, err = netip.ParseAddr(g.PortIP); err != nil {
			return nil, nil, err
		}
	}
	return network.PortSet{port: {}}, network.PortMap{port: {at}}, nil
}

// A GuestState is what the daemon says of a guest.
type GuestState struct {
	PID, Exit          int
	OOMKilled          bool
	IPs, Ports         []string
	LogDriver, LogPath string
	LogOpts            map[string]string
}

// GuestState inspects a guest.
func (d *Docker) GuestState(ctx context.Context, name string) (GuestState, error) {
	res, err := d.c.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return GuestState{}, apiError(err)
	}
	in := res.Container
	out := GuestState{LogPath: in.LogPath}
	if s := in.State; s != nil {
		out.PID, out.Exit, out.OOMKilled = s.Pid, s.ExitCode, s.OOMKilled
	}
	if in.HostConfig != nil {
		out.LogDriver, out.LogOpts = in.HostConfig.LogConfig.Type, in.HostConfig.LogConfig.Config
	}
	for _, e := range endpoints(in) {
		out.IPs = append(out.IPs, e.IPs...)
	}
	if in.NetworkSettings != nil {
		out.Ports = published(in.NetworkSettings.Ports)
	}
	if out.LogDriver == "local" && idPattern.MatchString(in.ID) {
		out.LogPath = d.localLogs(ctx, in.ID)
	}
	return out, nil
}

func published(ports network.PortMap) []string {
	var out []string
	for _, all := range ports {
		for _, b := range all {
			out = append(out, joinHostPort(b))
		}
	}
	return out
}

func joinHostPort(b network.PortBinding) string {
	host := b.HostIP.String()
	if b.HostIP.Is6() {
		host = "[" + host + "]"
	}
	return host + ":" + b.HostPort
}

// localLogs is where the driver local keeps the logs of a container; inspect
// tells that of json-file only (moby daemon/container/container.go,
// StartLogger).
func (d *Docker) localLogs(ctx context.Context, id string) string {
	info, err := d.c.Info(ctx, client.InfoOptions{})
	if err != nil || !strings.HasPrefix(info.Info.DockerRootDir, "/") {
		return ""
	}
	return info.Info.DockerRootDir + "/containers/" + id + "/local-logs/container.log"
}
