package control

import (
	"path"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// audited is one control of section 1.1 about the kernel's record of writes.
type audited struct {
	id, number, what string
	paths            []string
}

var programDirs = []string{"/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/"}

func program(name string) []string {
	var all []string
	for _, dir := range programDirs {
		all = append(all, dir+name)
	}
	return all
}

func units(name string) []string {
	return []string{"/usr/lib/systemd/system/" + name, "/lib/systemd/system/" + name, "/etc/systemd/system/" + name}
}

func auditedThings() []audited {
	return []audited{
		{"audit-dockerd", "1.1.3", "the program dockerd", program("dockerd")},
		{"audit-run-containerd", "1.1.4", "/run/containerd", []string{"/run/containerd"}},
		{"audit-data-root", "1.1.5", "the data root", nil},
		{"audit-etc-docker", "1.1.6", "/etc/docker", []string{"/etc/docker"}},
		{"audit-docker-service", "1.1.7", "docker.service", units("docker.service")},
		{"audit-containerd-socket", "1.1.8", "containerd's socket", []string{"/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock"}},
		{"audit-docker-socket", "1.1.9", "docker.socket and the socket itself", append(units("docker.socket"), "/run/docker.sock")},
		{"audit-default-docker", "1.1.10", "/etc/default/docker", []string{"/etc/default/docker"}},
		{"audit-daemon-json", "1.1.11", "daemon.json", nil},
		{"audit-containerd-config", "1.1.12", "containerd's configuration", []string{"/etc/containerd/config.toml"}},
		{"audit-sysconfig-docker", "1.1.13", "/etc/sysconfig/docker", []string{"/etc/sysconfig/docker"}},
		{"audit-containerd", "1.1.14", "the program containerd", program("containerd")},
		{"audit-containerd-shim", "1.1.15", "the program containerd-shim", program("containerd-shim")},
		{"audit-shim-runc-v1", "1.1.16", "the program containerd-shim-runc-v1", program("containerd-shim-runc-v1")},
		{"audit-shim-runc-v2", "1.1.17", "the program containerd-shim-runc-v2", program("containerd-shim-runc-v2")},
		{"audit-runc", "1.1.18", "the program runc", program("runc")},
	}
}

// auditControls are 1.1.3 to 1.1.18.
func auditControls() []Control {
	var all []Control
	for _, a := range auditedThings() {
		all = append(all, Control{
			ID: a.id, Title: "The kernel records changes of " + a.what, Severity: resource.Low, Level: 2, OWASP: []string{"D10"}, CIS: cis(a.number), Key: "audit",
			Why:   "Without a record nobody can tell afterwards who changed what runs the containers.",
			How:   "The rules that the kernel has: one must record writes and changes of attributes of this very path, links followed, or of a directory above it.",
			judge: func(t *tally) { judgeAudited(t, a) },
		})
	}
	return all
}

// paths are those of a host: data root and configuration file may be elsewhere.
func (a audited) of(s *resource.Snapshot) []string {
	switch a.id {
	case "audit-data-root":
		if root, known := daemonjson.Effective(s, "data-root"); known {
			return []string{text(root)}
		}
		return []string{"/var/lib/docker"}
	case "audit-dockerd":
		if p := s.Binary.Value.Path; path.IsAbs(p) && !slices.Contains(a.paths, p) {
			return append(slices.Clone(a.paths), p)
		}
	case "audit-daemon-json":
		if s.DaemonJSON.Value.Path != "" {
			return []string{s.DaemonJSON.Value.Path}
		}
		return []string{"/etc/docker/daemon.json"}
	}
	return a.paths
}

func judgeAudited(t *tally, a audited) {
	audit, ok := t.s.Audit.Get()
	if !ok {
		t.unknown(resource.HostObject, "audit", t.s.Audit.Unknown)
		return
	}
	kernel, ok := audit.Kernel.Get()
	if !ok {
		t.unknown(resource.HostObject, "audit", audit.Kernel.Unknown)
		return
	}
	paths := a.of(t.s)
	if !slices.ContainsFunc(paths, func(p string) bool { _, asked := audit.Paths[p]; return asked }) {
		t.unknown(resource.FileObject, a.what, "it was not looked at")
		return
	}
	there := realPaths(audit, paths)
	if len(there) == 0 {
		t.nothing("there is no " + a.what)
		return
	}
	for _, p := range there {
		t.record(kernel, p)
	}
}

// realPaths are the paths at which something lies, each once.
func realPaths(a resource.Audit, paths []string) []string {
	var all []string
	for _, p := range paths {
		if at, known := a.Paths[p]; known && at.Real != "" && !slices.Contains(all, at.Real) {
			all = append(all, at.Real)
		}
	}
	return all
}

func (t *tally) record(k resource.AuditKernel, p string) {
	const wanted = "-w PATH -p wa, for the path or a directory above it"
	f := resource.Finding{Kind: resource.FileObject, Object: p, Expected: wanted}
	switch {
	case k.Enabled == resource.AuditOff:
		f.Observed = "auditing is off (auditctl -e 0)"
	case !auditrules.Records(k.Rules, p):
		f.Observed = "no rule of the kernel records what is written there"
	default:
		t.holds(1)
		return
	}
	t.fail(f)
}
