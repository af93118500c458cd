package control

import (
	"path"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// systemDirs are the directories whose content the host runs or is commanded by:
// they and all below them.
var systemDirs = []string{"/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/sys", "/usr", "/bin", "/sbin", "/run/systemd", "/run/dbus", "/var/spool/cron", "/var/spool/at"}

// exactDirs are sensitive as a whole; what lies deeper may be anybody's data.
var exactDirs = []string{"/", "/dev", "/home", "/run", "/srv", "/var", "/var/lib", "/var/log", "/var/run", "/var/spool"}

// stateDirs hold what container engines and agents of clusters keep.
var stateDirs = []string{"/var/lib/docker", "/var/lib/containerd", "/run/containerd", "/run/docker", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/bulwark"}

// sensitive says what makes a source of a bind mount sensitive, "" if nothing
// does.
func sensitive(source string) string {
	p := realRun(path.Clean(source))
	for _, d := range slices.Concat(systemDirs, stateDirs) {
		if p == d {
			return d
		}
		if below(p, d) {
			return p + ", below " + d
		}
	}
	switch {
	case slices.Contains(exactDirs, p):
		return p
	case path.Dir(p) == "/home":
		return p + ", the home of a user"
	case below(p, "/home") && (strings.Contains(p+"/", "/.ssh/") || strings.Contains(p+"/", "/.docker/")):
		return p + ", keys of a user"
	}
	return ""
}

func below(p, dir string) bool { return strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") }

func binds(c *resource.Container) []resource.Mount {
	var all []resource.Mount
	for _, m := range c.Spec.Mounts {
		if m.Type == "bind" {
			all = append(all, m)
		}
	}
	return all
}

func lookMounts(t *tally, c *resource.Container) *flaw {
	var bad []string
	for _, m := range binds(c) {
		what := sensitive(m.Source)
		if root := path.Clean(t.s.Engine.Value.RootDir); what == "" && path.IsAbs(root) && (path.Clean(m.Source) == root || below(path.Clean(m.Source), root) || below(root, path.Clean(m.Source))) {
			what = m.Source + ", the data root"
		}
		if what != "" && m.RW {
			bad = append(bad, what)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return &flaw{"may write " + strings.Join(bad, "; "), "read-only, or not at all", ""}
}

// commanding are the sockets of the daemon or of containerd that lie in what a
// container has mounted, whatever path it was mounted by.
func (t *tally) commanding(c *resource.Container) []string {
	var all []string
	for _, m := range binds(c) {
		source := realRun(path.Clean(m.Source))
		if _, found := slices.BinarySearch(t.sockets, source); found {
			all = append(all, source+" by "+m.Source)
		}
		dir := strings.TrimSuffix(source, "/") + "/"
		first, _ := slices.BinarySearch(t.sockets, dir)
		for _, s := range t.sockets[first:min(first+maxSockets, len(t.sockets))] {
			if below(s, source) {
				all = append(all, s+" by "+m.Source)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// maxSockets bounds how many sockets below one directory are named.
const maxSockets = 8

func lookSockets(t *tally, c *resource.Container) *flaw {
	found := t.commanding(c)
	if len(found) == 0 {
		return nil
	}
	return &flaw{"has " + strings.Join(found, "; "), "no socket of the daemon", recreate("without it, or behind a proxy of the API that allows only what it needs")}
}
