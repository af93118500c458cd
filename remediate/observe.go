package remediate

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/internal/dockerd"
	"github.com/bulwark-project/bulwark/remediate/internal/execstart"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/kinds"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// observeTimeout bounds each question to systemd and the daemon: a daemon
// that hangs makes facts unknown, not plan hang.
const observeTimeout = 15 * time.Second

// Observe reads the host once, concurrently, and changes nothing. What cannot
// be read is unknown with its reason; only a root that cannot be opened at
// all is an error. Of what is costly to read, only that is read which p asks
// about; nil is everything.
func (h *Host) Observe(ctx context.Context, p *plans.Policy) *resource.Snapshot {
	s := h.observeHost(ctx)
	s.Survey = resource.Unknown[resource.Survey](resource.NotAsked)
	// What the daemon took must not be missing here: to list rules takes a busy
	// machine seconds.
	later, done := context.WithTimeout(ctx, 2*observeTimeout)
	defer done()
	h.observeKinds(later, p, s)
	return s
}

// observeHost asks systemd and the daemon.
func (h *Host) observeHost(ctx context.Context) *resource.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	s := &resource.Snapshot{Format: resource.SnapshotFormat, Tool: h.Tool, Taken: time.Now().UTC(), Root: h.Root}
	var wg sync.WaitGroup
	wg.Go(func() { s.Host = fact(h.reader.Facts()) })
	wg.Go(func() { s.Socket = fact(h.reader.Unit(ctx, dockerd.Socket)) })
	wg.Go(func() {
		s.Unit = fact(h.reader.Unit(ctx, dockerd.Unit))
		h.observeDaemon(ctx, s)
	})
	wg.Wait()
	s.StartedWith = h.startedWith(s)
	return s
}

// observeKinds lets each kind fill its own section of the snapshot.
func (h *Host) observeKinds(ctx context.Context, p *plans.Policy, s *resource.Snapshot) {
	var wg sync.WaitGroup
	for _, k := range kinds.All(configPath(s)) {
		wg.Go(func() { k.Observe(ctx, p, h.reader, s) })
	}
	wg.Wait()
}

func fact[T any](v T, err error) resource.Fact[T] {
	if err != nil {
		return resource.Unknown[T](err.Error())
	}
	return resource.Known(v)
}

// observeDaemon asks the daemon, but only one that runs: connecting to
// docker.socket of a stopped daemon would start it.
func (h *Host) observeDaemon(ctx context.Context, s *resource.Snapshot) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.Flags = h.flags(s.Unit) })
	pid, why := h.daemonPID(s.Unit)
	if why != "" {
		s.Process = resource.Unknown[resource.Process](why)
		s.Engine = resource.Unknown[resource.Engine](why)
		s.Containers = resource.Unknown[[]resource.Container](why)
		wg.Go(func() { s.Binary = h.binary(ctx, s) })
		return
	}
	wg.Go(func() { s.Containers = fact(h.reader.Containers(ctx)) })
	wg.Go(func() { s.Process = fact(h.reader.Process(pid)) })
	s.Engine = fact(h.reader.Engine(ctx))
	s.Binary = h.runningBinary(ctx, s, pid)
}

func (h *Host) daemonPID(unit resource.Fact[resource.Unit]) (pid int, why string) {
	if !h.Live() {
		return 0, unit.Unknown
	}
	if u, ok := unit.Get(); ok && u.LoadState == "loaded" {
		if u.MainPID == 0 {
			return 0, "docker.service is " + u.ActiveState
		}
		return u.MainPID, ""
	}
	pid, err := h.reader.DockerdPID()
	if err != nil {
		return 0, err.Error()
	}
	return pid, ""
}

// runningBinary saves the exec of dockerd --version when the running daemon
// is still the program on disk.
func (h *Host) runningBinary(ctx context.Context, s *resource.Snapshot, pid int) resource.Fact[resource.Binary] {
	replaced, err := h.reader.Replaced(pid)
	if e, ok := s.Engine.Get(); ok && err == nil && !replaced {
		return resource.Known(resource.Binary{Path: h.binaryPath(s), Version: e.Version})
	}
	return h.binary(ctx, s)
}

func (h *Host) binary(ctx context.Context, s *resource.Snapshot) resource.Fact[resource.Binary] {
	if !h.Live() {
		return resource.Unknown[resource.Binary](s.Unit.Unknown)
	}
	return fact(h.reader.BinaryVersion(ctx, h.binaryPath(s)))
}

// binaryPath is the program of the next start. Without a unit it is looked for
// where packages put it, never in the caller's PATH: root will run it.
func (h *Host) binaryPath(s *resource.Snapshot) string {
	if u, ok := s.Unit.Get(); ok && len(u.ExecStart) > 0 {
		return u.ExecStart[0]
	}
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"} {
		if p, err := h.reader.Fingerprint(dir + "/dockerd"); err == nil && p.Exists() {
			return dir + "/dockerd"
		}
	}
	return "/usr/bin/dockerd"
}

// flags are dockerd's at its next start. Without a unit they are unknown: a
// daemon started by hand starts next time as its starter pleases.
func (h *Host) flags(unit resource.Fact[resource.Unit]) resource.Fact[[]resource.Flag] {
	u, ok := unit.Get()
	if !ok {
		return resource.Unknown[[]resource.Flag](unit.Unknown)
	}
	if u.LoadState != "loaded" {
		return resource.Unknown[[]resource.Flag]("docker.service is " + u.LoadState)
	}
	if len(u.ExecStart) == 0 || filepath.Base(u.ExecStart[0]) != "dockerd" {
		return resource.Unknown[[]resource.Flag]("docker.service does not start dockerd itself but " + strings.Join(u.ExecStart, " "))
	}
	words, err := h.reader.CommandLine(u)
	if err != nil {
		return resource.Unknown[[]resource.Flag](err.Error())
	}
	return resource.Known(parseFlags(words))
}

func parseFlags(words []execstart.Word) []resource.Flag {
	if len(words) == 0 {
		return nil
	}
	words = words[1:]
	argv := make([]string, len(words))
	for i, w := range words {
		argv[i] = w.Text
	}
	return daemonjson.ParseFlags(argv, func(i int) string { return words[i].Origin })
}

// configPath is dockerd's --config-file at its next start.
func configPath(s *resource.Snapshot) string {
	flags, _ := s.Flags.Get()
	for _, f := range flags {
		if f.Name == "config-file" {
			return f.Value
		}
	}
	return "/etc/docker/daemon.json"
}

// Unread lists what of a snapshot is unknown, and why.
func Unread(s *resource.Snapshot) []resource.UnreadFact {
	unread := unreadForPlan(s)
	unreadSurvey(s.Survey, func(what, reason string) { unread = addUnread(unread, what, reason) })
	return unread
}

func addUnread(to []resource.UnreadFact, what, reason string) []resource.UnreadFact {
	if reason == "" || reason == resource.NotAsked {
		return to
	}
	return append(to, resource.UnreadFact{What: what, Reason: strings.TrimSpace(reason)})
}

// unreadForPlan is Unread without what only check asks about.
func unreadForPlan(s *resource.Snapshot) []resource.UnreadFact {
	unread := []resource.UnreadFact{}
	add := func(what, reason string) { unread = addUnread(unread, what, reason) }
	add("host", s.Host.Unknown)
	add("docker.service", s.Unit.Unknown)
	add("docker.socket", s.Socket.Unknown)
	add("dockerd's flags", s.Flags.Unknown)
	add("dockerd's command line", s.Process.Unknown)
	add("Docker Engine", s.Engine.Unknown)
	add("dockerd's version", s.Binary.Unknown)
	add("containers", s.Containers.Unknown)
	add("daemon.json", s.DaemonJSON.Unknown)
	add("accounts", s.Accounts.Unknown)
	add("Docker's networks", s.Networks.Unknown)
	add("firewall rules", s.Firewall.Unknown)
	add("open connections", s.Flows.Unknown)
	add("the unit that loads rules at boot", s.Loader.Unknown)
	add("the record of rules", s.Rules.Unknown)
	add("the seccomp profile", s.Seccomp.Unknown)
	add("audit rules", s.Audit.Unknown)
	add("the kernel's audit rules", s.Audit.Value.Kernel.Unknown)
	for _, path := range slices.Sorted(maps.Keys(s.Accounts.Value.Unread)) {
		add(path, strings.TrimPrefix(s.Accounts.Value.Unread[path], "cannot read "+path+": "))
	}
	return unread
}

func unreadSurvey(f resource.Fact[resource.Survey], add func(what, reason string)) {
	add("what only check asks about", f.Unknown)
	s := f.Value
	add("images", s.Images.Unknown)
	add("the swarm", s.Swarm.Unknown)
	add("listening sockets", s.Listeners.Unknown)
	add("where the data root is mounted", s.DataMount.Unknown)
	add("installed packages", s.Packages.Unknown)
	add("the kubelet", s.Kubelet.Unknown)
	add("etcd", s.Etcd.Unknown)
	for _, path := range slices.Sorted(maps.Keys(s.Paths)) {
		add(path, strings.TrimPrefix(s.Paths[path].Unknown, "cannot follow "+path+": "))
	}
}

var _ resource.Reader = (*host.Reader)(nil)
