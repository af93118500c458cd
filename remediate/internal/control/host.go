package control

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// hostControls are the parts 1.1.1, 1.1.2 and 1.2.1 of the benchmark.
func hostControls() []Control {
	return []Control{
		{
			ID: "data-root-partition", Title: "The data root is on a file system of its own", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("1.1.1"),
			Why:    "Images, logs and volumes that grow otherwise fill the disk on which the host itself lives.",
			How:    "The device of the mount on which the daemon's data root lies, against that of /. A directory that is mounted onto itself is no file system of its own.",
			Remedy: "put the data root on a partition or logical volume of its own, mounted before docker.service starts", judge: judgePartition,
		},
		{
			ID: "docker-group", Title: "Only those who may be root are in the daemon's group", Severity: resource.High, Level: 1, OWASP: []string{"D01", "D04"}, CIS: cis("1.1.2"),
			Why:    "Whoever may write to the socket starts a container with the host's disk in it, and is root.",
			How:    "Members of the group that owns the socket, by name and as primary group; a person must judge each. management.users of the policy names those who are meant to be.",
			Remedy: "gpasswd -d USER GROUP; use sudo, or a rootless daemon for each", judge: judgeGroup,
		},
		{
			ID: "host-hardened", Title: "The host itself is hardened", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: cis("1.2.1"),
			Why:    "Containers share the kernel, and rest on the accounts and services of the host.",
			How:    "A person judges; the evidence names system, kernel and its security modules.",
			Remedy: "harden the host by the benchmark of its distribution", judge: judgeHost,
		},
	}
}

func judgePartition(t *tally) {
	m, ok := t.s.Survey.Value.DataMount.Get()
	switch {
	case t.s.Survey.Unknown != "":
		t.unknown(resource.FileObject, "data root", t.s.Survey.Unknown)
	case !ok:
		t.unknown(resource.FileObject, "data root", t.s.Survey.Value.DataMount.Unknown)
	case m.Device == "" || m.RootDevice == "":
		t.unknown(resource.FileObject, "data root", "the devices of the data root and of / are not known")
	case m.Device == m.RootDevice:
		t.fail(resource.Finding{
			Kind: resource.FileObject, Object: m.Path, Expected: "a file system of its own",
			Observed: fmt.Sprintf("on the device of /, %s (mounted at %s)", m.Source, m.Target),
		})
	default:
		t.holds(1)
	}
}

// judgeGroup counts as meant whom the policy names, by whole names.
func judgeGroup(t *tally) {
	a, ok := t.s.Accounts.Get()
	if !ok {
		t.unknown(resource.HostObject, "accounts", t.s.Accounts.Unknown)
		return
	}
	group := t.group
	members, found := membersOf(a, group)
	if why := t.groupsUnread(); why != "" {
		t.unknown(resource.HostObject, "group "+group, why)
	}
	if !found {
		t.nothing("there is no group " + group)
		return
	}
	meant := t.meant()
	for _, m := range members {
		switch {
		case meant == nil:
			t.byHand("each member of the group is root on this host", m+" is in group "+group)
		case slices.Contains(meant, m):
			t.holds(1)
		default:
			t.fail(resource.Finding{Kind: resource.HostObject, Object: "user " + m, Observed: "in group " + group + ", and the policy does not name the user", Expected: "one of " + strings.Join(meant, ", ")})
		}
	}
	if len(members) == 0 {
		t.holds(1)
	}
}

// meant are the users that the policy trusts with the socket; nil if it is
// silent.
func (t *tally) meant() []string {
	if t.p.Management == nil {
		return nil
	}
	return t.p.Management.Users
}

// socketGroup is dockerd's --group, by default docker.
func socketGroup(s *resource.Snapshot) string {
	if g := text(daemonjson.Current(s, "group").Value); g != "" {
		return g
	}
	return "docker"
}

// groupsUnread says why members of groups may not all be known, "" if they are.
func (t *tally) groupsUnread() string {
	a, ok := t.s.Accounts.Get()
	if !ok {
		return t.s.Accounts.Unknown
	}
	for _, p := range []string{"/etc/group", "/etc/passwd"} {
		if why := a.Unread[p]; why != "" {
			return why
		}
	}
	if source := elsewhere(string(a.NSSwitch.Content)); source != "" {
		return "groups may have members in " + source + " too (nsswitch.conf)"
	}
	return ""
}

// elsewhere is the first source of groups that is not on this host.
func elsewhere(nsswitch string) string {
	local := []string{"files", "compat", "systemd", "db", "altfiles", "mymachines"}
	for line := range strings.Lines(nsswitch) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "group:" {
			continue
		}
		for _, source := range f[1:] {
			if source[0] >= 'a' && source[0] <= 'z' && !slices.Contains(local, source) {
				return source
			}
		}
	}
	return ""
}

// membersOf lists those in group(5) and those whose primary group it is. Groups
// of the same number are one group.
func membersOf(a resource.Accounts, group string) (names []string, found bool) {
	id, found := groupID(a, group)
	if !found {
		return nil, false
	}
	gid := strconv.FormatUint(uint64(id), 10)
	for line := range strings.Lines(string(a.Group.Content)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[0] != group && f[2] != gid {
			continue
		}
		for m := range strings.SplitSeq(f[3], ",") {
			if m = strings.TrimSpace(m); m != "" {
				names = append(names, m)
			}
		}
	}
	for line := range strings.Lines(string(a.Passwd.Content)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if found && len(f) > 3 && f[3] == gid {
			names = append(names, f[0])
		}
	}
	slices.Sort(names)
	return slices.Compact(names), found
}

// groupID is the number of a group.
func groupID(a resource.Accounts, group string) (uint32, bool) {
	for line := range strings.Lines(string(a.Group.Content)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[0] != group {
			continue
		}
		if n, err := strconv.ParseUint(f[2], 10, 32); err == nil {
			return uint32(n), true
		}
	}
	n, err := strconv.ParseUint(group, 10, 32) // --group takes a number too
	return uint32(n), err == nil
}

func judgeHost(t *tally) {
	h, ok := t.s.Host.Get()
	if !ok {
		t.unknown(resource.HostObject, "host", t.s.Host.Unknown)
		return
	}
	lsm := "none known"
	if len(h.LSM) > 0 {
		lsm = strings.Join(h.LSM, ", ")
	}
	t.byHand("whether the host is hardened is judged by the benchmark of its distribution",
		"system: "+orNone(h.OS), "kernel: "+orNone(h.Kernel), "security modules: "+lsm, fmt.Sprintf("cgroup version: %d", h.CgroupVersion))
}

func orNone(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// containerdSockets are those of the packages, and of dockerd's own containerd.
var containerdSockets = []string{"/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock"}

// sockets are the paths by which the daemon and containerd are commanded.
func sockets(s *resource.Snapshot) []string {
	all := append([]string{"/run/docker.sock"}, containerdSockets...)
	for _, h := range list(daemonjson.Current(s, "hosts").Value) {
		if p, ok := strings.CutPrefix(h, "unix://"); ok {
			all = append(all, realRun(path.Clean(p)))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// realRun follows the link /var/run.
func realRun(p string) string {
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
		return "/run/" + rest
	}
	if p == "/var/run" {
		return "/run"
	}
	return p
}
