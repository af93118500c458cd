package audit

import (
	"fmt"
	"path"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// containerdRun is made by containerd when it starts: long after auditd has
// loaded the rules at boot. See tmpfiles.
const (
	containerdRun    = "/run/containerd"
	containerdSocket = containerdRun + "/containerd.sock"
)

// volatile tells paths that a boot makes anew, later than it loads rules: a
// rule for one would end the load there. What lies in /run itself is fine.
func volatile(p string) bool {
	return strings.HasPrefix(p, "/run/") && path.Dir(p) != "/run" && path.Dir(p) != containerdRun ||
		strings.HasPrefix(p, "/var/run/") || strings.HasPrefix(p, "/tmp/") || strings.HasPrefix(p, "/dev/")
}

// connects are the calls that connect, by word size. Programs of 32 bits may
// do it through socketcall(2), as all those written in Go do.
var connects = []struct{ arch, calls string }{
	{"b64", "-S connect"},
	{"b32", "-S connect,socketcall"},
}

// sockets are the rules of docker-socket. A watch sees the socket replaced, or
// its owner and mode changed; a connection is in none of its classes of
// access, so that only the rules for connect(2) see who uses it.
func (f finder) sockets(t site) []draft {
	var out []draft
	all := []watch{{path: containerdSocket, cis: "1.1.8", what: "socket of containerd"}}
	for _, s := range t.sockets() {
		all = append(all, watch{path: s, what: "socket of the daemon", absent: true})
	}
	for _, w := range all {
		if volatile(w.path) {
			continue
		}
		for _, field := range f.fields(w) {
			out = append(out, w.draft(dockerSocket, field))
			for _, c := range connects {
				out = append(out, draft{
					dockerSocket, "connections to the " + w.what,
					fmt.Sprintf("-a always,exit -F arch=%s %s -F %s %s", c.arch, calls(c.arch, c.calls), field, key(dockerSocket)),
				})
			}
		}
	}
	return out
}

// needsTmpfiles reports whether some rule watches what is in containerd's
// directory in /run, or that itself.
func needsTmpfiles(lines []line) bool {
	for _, l := range lines {
		if l.rule.Path == containerdRun && l.rule.Dir || path.Dir(l.rule.Path) == containerdRun {
			return true
		}
	}
	return false
}

// tmpfiles has systemd make containerd's directory, with the mode that
// containerd gives it, before auditd starts.
func tmpfiles() []byte {
	return []byte("# Written by bulwark: audit rules that watch below this directory are loaded before containerd makes it.\n" +
		"d " + containerdRun + " 0711 root root -\n")
}

// journald keeps systemd-journald from switching auditing off at its start
// (journald.conf(5): an empty Audit= leaves it as it is).
func journald() []byte {
	return []byte("# Written by bulwark: with the default of this system each start of journald would end the recording of audit events.\n" +
		"[Journal]\nAudit=\n")
}

// at returns what is known of a path, and of those that this very transaction
// makes, bulwark's own folder among them: they are in place before rules are
// loaded.
func at(a resource.Audit, made []resource.Change) auditrules.At {
	there := map[string]resource.FileType{stateDir: resource.Dir}
	for _, c := range made {
		if c.Action == resource.Delete {
			continue
		}
		there[c.Path] = resource.Regular
		for dir := path.Dir(c.Path); dir != "/"; dir = path.Dir(dir) {
			there[dir] = resource.Dir
		}
	}
	return func(p string) (resource.AuditPath, bool) {
		found, known := a.Paths[p]
		if found.Real != "" {
			return found, known
		}
		if t, ok := there[p]; ok {
			return resource.AuditPath{Real: p, Type: t, Parent: true}, true
		}
		found.Parent = found.Parent || there[path.Dir(p)] == resource.Dir
		return found, known
	}
}
