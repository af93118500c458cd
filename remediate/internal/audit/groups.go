package audit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A watch is one path that a group looks at.
type watch struct {
	path string
	cis  string // number in the CIS Docker Benchmark; "" if it is not there
	what string // for the comment in the rules file
	// perm are the accesses, as in auditctl -p; "" is "wa".
	perm string
	// absent wants the rule before there is anything: what is created there
	// takes effect.
	absent bool
	// only narrows the rule: "auid!=unset".
	only string
	// daemon keeps what dockerd itself writes there out of the log.
	daemon bool
	// must says that a directory will be there when rules are loaded.
	must bool
}

// A line is one rule of the file, and the group that it is for.
type line struct {
	group   string
	comment string
	rule    auditrules.Rule
}

// binDirs are where packages and people put programs.
var binDirs = []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec/docker"}

// programs are those whose file decides what containers are.
var programs = []struct {
	name, cis, what string
	// byHand says that it is of note when a person runs it: dockerd and
	// containerd do so without login uid, so that their runs make no event.
	byHand bool
	// runtime says that it mounts and enters namespaces in order to run
	// containers: nothing that a container escapes by.
	runtime bool
}{
	{"dockerd", "1.1.3", "the daemon", true, true},
	{"containerd", "1.1.14", "the runtime's daemon", true, true},
	{"containerd-shim", "1.1.15", "parent of containers", false, true},
	{"containerd-shim-runc-v1", "1.1.16", "parent of containers", false, true},
	{"containerd-shim-runc-v2", "1.1.17", "parent of containers", false, true},
	{"runc", "1.1.18", "starts containers", true, true},
	{"crun", "", "starts containers", true, true},
	{"ctr", "", "client of containerd", true, false},
	{"docker", "", "client of dockerd", false, false},
	{"docker-proxy", "", "publishes ports", false, true},
	{"docker-init", "", "init of containers", false, false},
	{"bulwark", "", "bulwark itself", false, false},
}

// stateDir is bulwark's own; a transaction makes it before it loads rules.
const stateDir = "/var/lib/bulwark"

// files are the watches of docker-files, programs first.
func files(t site) []watch {
	all := programWatches(t)
	all = append(all, unitWatches(t)...)
	all = append(all,
		watch{path: "/etc/docker", cis: "1.1.6", what: "configuration, certificates of registries, profiles", absent: true},
		watch{path: t.daemonJSON, cis: "1.1.11", what: "configuration of the daemon", absent: true},
		watch{path: "/etc/default/docker", cis: "1.1.10", what: "environment of the daemon"},
		watch{path: "/etc/sysconfig/docker", cis: "1.1.13", what: "environment of the daemon"},
		watch{path: "/etc/containerd/config.toml", cis: "1.1.12", what: "configuration of containerd"},
		watch{path: "/etc/subuid", what: "user ids of containers", absent: true},
		watch{path: "/etc/subgid", what: "group ids of containers", absent: true},
		watch{path: "/root/.docker", what: "credentials and configuration of root's client"},
		watch{path: containerdRun, cis: "1.1.4", what: "sockets and state of containerd"},
	)
	for _, p := range t.tls() {
		all = append(all, watch{path: p, what: "key or certificate of the daemon"})
	}
	all = append(all, dataWatches(t.dataRoot())...)
	return append(all,
		watch{path: stateDir, what: "bulwark's journal, backups and rules", must: true},
		watch{path: "/etc/bulwark", what: "policies of bulwark", absent: true},
	)
}

func programWatches(t site) []watch {
	var all []watch
	for _, p := range programs {
		for _, file := range t.places(p.name) {
			all = append(all, watch{path: file, cis: p.cis, what: p.what})
			if p.byHand {
				all = append(all, watch{path: file, what: p.what + ", when a person runs it", perm: "x", only: "auid!=unset"})
			}
		}
	}
	for _, dir := range []string{"/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins", "/usr/local/lib/docker/cli-plugins"} {
		all = append(all, watch{path: dir, what: "plugins that the client runs"})
	}
	return all
}

// places are where a program may lie, that of docker.service first.
func (t site) places(name string) []string {
	var all []string
	if name == "dockerd" && t.dockerd != "" {
		all = append(all, t.dockerd)
	}
	for _, dir := range binDirs {
		if p := dir + "/" + name; !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// unitCIS are the units that start what containers rest on.
var unitCIS = []struct{ name, cis string }{
	{"docker.service", "1.1.7"},
	{"docker.socket", "1.1.9"},
	{"containerd.service", ""},
	{"bulwark-recover.service", ""},
	{"bulwark-recover-limits.service", ""},
	{"bulwark-egress.service", ""},
}

// unitWatches are the files that systemd names, and those with which somebody
// could take their place: a unit or drop-in in /etc wins over the package's.
func unitWatches(t site) []watch {
	var all []watch
	for _, u := range unitCIS {
		for _, dir := range []string{"/usr/lib/systemd/system", "/lib/systemd/system"} {
			all = append(all, watch{path: dir + "/" + u.name, cis: u.cis, what: "unit"})
		}
		all = append(all,
			watch{path: "/etc/systemd/system/" + u.name, cis: u.cis, what: "unit in place of the package's", absent: true},
			watch{path: "/etc/systemd/system/" + u.name + ".d", what: "drop-ins of the unit", absent: true})
	}
	for _, u := range t.units {
		all = append(all, watch{path: u.FragmentPath, what: "unit"})
		for _, d := range u.DropIns {
			all = append(all, watch{path: path.Dir(d), what: "drop-ins of the unit"})
		}
	}
	return slices.DeleteFunc(all, func(w watch) bool { return w.path == "" })
}

// dataWatches never look at images, containers and volumes: each write of each
// container would be an event.
func dataWatches(root string) []watch {
	all := []watch{{path: root, cis: "1.1.5", what: "the data root itself, nothing below it", daemon: true}}
	for _, sub := range []string{"network", "plugins", "swarm", "trust"} {
		all = append(all, watch{path: root + "/" + sub, what: "state of the daemon, but for what it writes itself", daemon: sub == "network"})
	}
	return all
}

// identities are the watches of identity.
func identities(site) []watch {
	var all []watch
	for _, p := range []struct{ path, what string }{
		{"/etc/passwd", "accounts"},
		{"/etc/group", "groups"},
		{"/etc/shadow", "passwords"},
		{"/etc/gshadow", "passwords of groups"},
		{"/etc/security/opasswd", "former passwords"},
		{"/etc/login.defs", "defaults of new accounts"},
		{"/etc/nsswitch.conf", "where accounts are looked up"},
		{"/etc/pam.d", "who may log in and how"},
		{"/etc/sudoers", "who may become root"},
		{"/etc/sudoers.d", "who may become root"},
		{"/etc/ssh/sshd_config", "logins over ssh"},
		{"/etc/ssh/sshd_config.d", "logins over ssh"},
		{"/root/.ssh", "keys that log in as root"},
	} {
		all = append(all, watch{path: p.path, what: p.what})
	}
	return all
}

// rulesOf writes the rules of a group. found says what is there.
func rulesOf(group string, t site, f finder) []draft {
	switch group {
	case dockerFiles:
		return f.watches(group, t, files(t))
	case dockerSocket:
		return f.sockets(t)
	case containerEscape:
		return f.escapes(t)
	case identity:
		return f.watches(group, t, identities(t))
	}
	return nil
}

// A draft is a rule's text before it is parsed.
type draft struct{ group, comment, text string }

// key is the option that gives a group's rules their key.
func key(group string) string { return "-F key=" + auditrules.KeyPrefix + group }

// comment says what a watch is for: "CIS 1.1.3: the daemon".
func (w watch) comment() string {
	if w.cis == "" {
		return w.what
	}
	return fmt.Sprintf("CIS %s: %s", w.cis, w.what)
}

// A finder knows what lies where. It tells pass of what it cannot watch, and
// why: no path is passed over in silence.
type finder struct {
	at   auditrules.At
	pass func(path, why string)
}

// watches makes rules of those watches whose path is there or may be absent,
// each rule once.
func (f finder) watches(group string, t site, all []watch) []draft {
	var out []draft
	for _, w := range all {
		for _, field := range f.fields(w) {
			if w.daemon {
				out = append(out, f.without(group, field, t)...)
			}
			if strings.HasPrefix(field, "dir=") {
				out = append(out, below(group, w.comment(), field)...)
			} else {
				out = append(out, w.draft(group, field))
			}
		}
	}
	return out
}

func (w watch) draft(group, field string) draft {
	parts := []string{"-a always,exit", "-F " + field}
	if perm := w.perm; perm != "" {
		parts = append(parts, "-F perm="+perm)
	} else {
		parts = append(parts, "-F perm=wa")
	}
	if w.only != "" {
		parts = append(parts, "-F "+w.only)
	}
	return draft{group, w.comment(), strings.Join(append(parts, key(group)), " ")}
}

// without are the rules that keep dockerd's own writes out.
func (f finder) without(group, field string, t site) []draft {
	var out []draft
	for _, exe := range f.programs(t, "dockerd") {
		perm := "-F perm=wa "
		if strings.HasPrefix(field, "dir=") { // dockerd is a program of 64 bits
			perm += "-F arch=b64 -S " + writesOf("b64") + " "
		}
		out = append(out, draft{group, "not what the daemon writes", fmt.Sprintf("-a never,exit %s-F %s -F exe=%s -F auid=unset %s", perm, field, exe, key(group))})
	}
	return out
}

// fields are the fields that see a watch's path: dir= for a directory and all
// below it, path= for anything else. A link is watched as well as what it leads
// to: the one rule sees it turned elsewhere, the other what is written through it.
func (f finder) fields(w watch) []string {
	found, known := f.at(w.path)
	if !known {
		return nil
	}
	switch {
	case strings.ContainsAny(w.path+found.Real, " \t\"'"):
		f.pass(w.path, "auditctl takes no blanks and quotes in paths")
		return nil
	case volatile(w.path):
		f.pass(w.path, "its directory is made after auditd has loaded its rules at boot, and the load would end at such a rule")
		return nil
	case found.Real == "" && w.must:
		return []string{"dir=" + w.path}
	case found.Real == "" && !(w.absent && found.Parent):
		return nil
	case found.Real == "":
		return []string{"path=" + w.path}
	}
	field := "path="
	if found.Type == resource.Dir && deep(w) {
		field = "dir="
	}
	out := []string{field + found.Real}
	// A program is run by what a link leads to.
	if found.Link && w.perm != "x" {
		out = append(out, "path="+f.link(w.path))
	}
	return out
}

// deep tells directories that are watched with all below them. Not the data
// root, see dataWatches, and not containerd's, where each container makes
// sockets.
func deep(w watch) bool { return w.path != containerdRun && w.cis != "1.1.5" }

// link is the path with the links of its parents followed, but not its own.
func (f finder) link(p string) string {
	if dir, ok := f.at(path.Dir(p)); ok && dir.Real != "" {
		return path.Join(dir.Real, path.Base(p))
	}
	return p
}

// programs are the files of programs that are there, links followed.
func (f finder) programs(t site, name string) []string {
	var out []string
	for _, p := range t.places(name) {
		if found, ok := f.at(p); ok && found.Real != "" && found.Type == resource.Regular && !slices.Contains(out, found.Real) {
			out = append(out, found.Real)
		}
	}
	return out
}
