package control

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A fileRule is what the owner and the mode of some files must be.
type fileRule struct {
	id, what string
	// owner and mode are numbers of section 3 of the benchmark, 1.6.
	owner, mode string
	// most are the bits that the mode may have.
	most uint32
	// group is "docker" where the daemon's group may own it.
	group string
	of    places
}

// places are where the files of a rule lie on a host, and why that is not known.
type places func(*resource.Snapshot) (paths []string, unknown string)

func fixed(paths ...string) places {
	return func(*resource.Snapshot) ([]string, string) { return paths, "" }
}

func fileRules() []fileRule {
	return []fileRule{
		{"docker-service", "docker.service and its drop-ins", "3.1", "3.2", 0o644, "", unitFiles(func(s *resource.Snapshot) resource.Fact[resource.Unit] { return s.Unit })},
		{"docker-socket-unit", "docker.socket, the unit", "3.3", "3.4", 0o644, "", unitFiles(func(s *resource.Snapshot) resource.Fact[resource.Unit] { return s.Socket })},
		{"etc-docker", "/etc/docker", "3.5", "3.6", 0o755, "", fixed("/etc/docker")},
		{"registry-certificates", "certificates of registries", "3.7", "3.8", 0o444, "", nil},
		{"tls-ca", "the CA certificate of the API", "3.9", "3.10", 0o444, "", settingPath("tlscacert", "ca.pem")},
		{"tls-certificate", "the daemon's certificate", "3.11", "3.12", 0o444, "", settingPath("tlscert", "cert.pem")},
		{"tls-key", "the daemon's key", "3.13", "3.14", 0o400, "", settingPath("tlskey", "key.pem")},
		{"docker-sock", "the daemon's socket", "3.15", "3.16", 0o660, "docker", daemonSockets},
		{"daemon-json-file", "daemon.json", "3.17", "3.18", 0o644, "", configFile},
		{"default-docker", "/etc/default/docker", "3.19", "3.20", 0o644, "", fixed("/etc/default/docker")},
		{"sysconfig-docker", "/etc/sysconfig/docker", "3.22", "3.21", 0o644, "", fixed("/etc/sysconfig/docker")},
		{"containerd-sock", "containerd's socket", "3.23", "3.24", 0o660, "", fixed(containerdSockets...)},
	}
}

// certsDir is where the daemon looks for certificates of registries; /** asks
// for all below it.
const certsDir = "/etc/docker/certs.d"

// Paths are the files that the controls look at on this host; those that the
// policy names are among them.
func Paths(p *plans.Policy, s *resource.Snapshot) []string {
	all := []string{certsDir + "/**"}
	for _, r := range fileRules() {
		if r.of != nil {
			paths, _ := r.of(s)
			all = append(all, paths...)
		}
	}
	if p != nil && p.Images != nil {
		for _, folder := range p.Images.PipelinePaths {
			all = append(all, path.Clean(folder))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func unitFiles(of func(*resource.Snapshot) resource.Fact[resource.Unit]) places {
	return func(s *resource.Snapshot) ([]string, string) {
		u, ok := of(s).Get()
		if !ok || u.FragmentPath == "" {
			return nil, of(s).Unknown
		}
		return append([]string{u.FragmentPath}, u.DropIns...), ""
	}
}

// rootsDocker is where dockerd looks for what no setting names, as root and
// without DOCKER_CERT_PATH (moby daemon/command/options.go).
const rootsDocker = "/root/.docker/"

func settingPath(key, name string) places {
	return func(s *resource.Snapshot) ([]string, string) {
		set := daemonjson.Current(s, key)
		p := text(set.Value)
		switch {
		case path.IsAbs(p):
			return []string{path.Clean(p)}, ""
		case p != "":
			return nil, key + " is no absolute path"
		case set.Unknown == "" && usesTLS(s):
			return []string{rootsDocker + name}, ""
		}
		return nil, set.Unknown
	}
}

// usesTLS: tlsverify implies tls.
func usesTLS(s *resource.Snapshot) bool {
	return string(daemonjson.Current(s, "tls").Value) == "true" || string(daemonjson.Current(s, "tlsverify").Value) == "true"
}

func configFile(s *resource.Snapshot) ([]string, string) {
	if p := s.DaemonJSON.Value.Path; p != "" {
		return []string{p}, ""
	}
	return []string{"/etc/docker/daemon.json"}, ""
}

// daemonSockets are all that dockerd listens on, not only the usual one.
func daemonSockets(s *resource.Snapshot) ([]string, string) {
	return slices.DeleteFunc(sockets(s), func(p string) bool { return slices.Contains(containerdSockets, p) }), ""
}

// fileControls are section 3 of the benchmark: for each thing its owner and its
// mode.
func fileControls() []Control {
	var all []Control
	for _, r := range fileRules() {
		severity := resource.Medium
		if r.id == "docker-sock" || r.id == "tls-key" || r.id == "containerd-sock" {
			severity = resource.High
		}
		all = append(all,
			Control{
				ID: r.id + "-owner", Title: "Owner of " + r.what, Severity: severity, Level: 1, OWASP: []string{"D04"}, CIS: cis(r.owner),
				Why:    "Whoever owns it decides what root runs, or commands the daemon.",
				How:    "User and group of the file that the path leads to: root" + orGroup(r) + ".",
				Remedy: "chown", judge: func(t *tally) { r.judge(t, r.wrongOwner) },
			},
			Control{
				ID: r.id + "-mode", Title: "Permissions of " + r.what, Severity: severity, Level: 1, OWASP: []string{"D04"}, CIS: cis(r.mode),
				Why:    "Whoever may write to it decides what root runs, or commands the daemon; keys may be read by their owner only.",
				How:    fmt.Sprintf("Each bit of the mode by itself: no other than those of %04o.", r.most),
				Remedy: "chmod", judge: func(t *tally) { r.judge(t, r.wrongMode) },
			})
	}
	return all
}

func orGroup(r fileRule) string {
	if r.group == "" {
		return ":root"
	}
	return ", and the daemon's group"
}

// judge looks at each of the files that is there.
func (r fileRule) judge(t *tally, wrong func(*tally, string, resource.Fingerprint) resource.Finding) {
	if t.s.Survey.Unknown != "" {
		t.unknown(resource.FileObject, r.what, t.s.Survey.Unknown)
		return
	}
	paths, why := r.paths(t.s)
	if why != "" {
		t.unknown(resource.FileObject, r.what, why)
	}
	there := 0
	if why := cmp.Or(t.s.Survey.Value.Paths[certsDir+"/**"].Unknown, t.fileAt(certsDir).Unknown); r.of == nil && why != "" {
		there++
		t.unknown(resource.FileObject, certsDir, why)
	}
	for _, p := range paths {
		f, ok := t.fileAt(p).Get()
		switch {
		case !ok:
			there++
			t.unknown(resource.FileObject, p, t.fileAt(p).Unknown)
			continue
		case !f.Exists():
			continue
		}
		there++
		switch finding := wrong(t, p, f); {
		case finding.Verdict == resource.Unjudged: // said so itself
		case finding.Observed != "":
			finding.Kind, finding.Object = resource.FileObject, p
			t.fail(finding)
		default:
			t.holds(1)
		}
	}
	if there == 0 {
		t.nothing("there is no such file: " + r.what)
	}
}

// fileAt is what the survey says of a path; one that it does not have was not
// looked at.
func (t *tally) fileAt(p string) resource.Fact[resource.Fingerprint] {
	if f, asked := t.s.Survey.Value.Paths[p]; asked {
		return f
	}
	return resource.Unknown[resource.Fingerprint]("it was not looked at")
}

func (r fileRule) paths(s *resource.Snapshot) ([]string, string) {
	if r.of != nil {
		return r.of(s)
	}
	var all []string
	for p := range s.Survey.Value.Paths {
		if strings.HasPrefix(p, certsDir+"/") && path.Base(p) != "**" && slices.Contains([]string{".crt", ".cert", ".key"}, path.Ext(p)) {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all, ""
}

func (r fileRule) wrongOwner(t *tally, p string, f resource.Fingerprint) resource.Finding {
	gid, named := uint32(0), "root"
	if r.group != "" {
		named, gid = t.group, t.gid // without the group dockerd gives its socket to root
	}
	if f.UID == 0 && (f.GID == gid || f.GID == 0) {
		return resource.Finding{}
	}
	if why := t.groupsUnread(); f.UID == 0 && r.group != "" && !t.known && why != "" {
		t.unknown(resource.FileObject, p, fmt.Sprintf("whether group %d is %s is not known: %s", f.GID, named, why))
		return resource.Finding{Verdict: resource.Unjudged}
	}
	return resource.Finding{
		Observed: fmt.Sprintf("owned by %d:%d", f.UID, f.GID), Expected: "root:" + named,
		Remedy: fmt.Sprintf("chown root:%s %s", quoted(named), quoted(p)),
	}
}

func (r fileRule) wrongMode(_ *tally, p string, f resource.Fingerprint) resource.Finding {
	most := r.most
	if path.Ext(p) == ".key" {
		most = 0o400
	}
	if extra := f.Mode &^ most; extra == 0 {
		return resource.Finding{}
	}
	return resource.Finding{
		Observed: fmt.Sprintf("mode %04o", f.Mode), Expected: fmt.Sprintf("%04o or less", most),
		Remedy: fmt.Sprintf("chmod %04o %s", f.Mode&most, quoted(p)),
	}
}
