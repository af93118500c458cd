package subid

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// versions are the major versions of dockerd, running and on disk, as far as
// they are known: a restart may take up the other one.
func versions(s *resource.Snapshot) []int {
	var out []int
	if e, ok := s.Engine.Get(); ok {
		out = append(out, major(e.Version))
	}
	if b, ok := s.Binary.Get(); ok {
		out = append(out, major(b.Version))
	}
	return slices.DeleteFunc(out, func(n int) bool { return n == 0 })
}

func major(version string) int {
	head, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(head)
	return n
}

// modern reports whether every dockerd that may read the files is 28 or
// newer. An unknown version is taken for an old one.
func (p *plan) modern() bool {
	v := versions(p.s)
	return len(v) > 0 && slices.Min(v) >= 28
}

// daemonFile is what of daemon.json matters here.
type daemonFile struct {
	Remap    string          `json:"userns-remap"`
	Features map[string]bool `json:"features"`
}

// daemonJSON reads daemon.json as far as it can be read: that it is valid is
// the business of its own kind.
func daemonJSON(s *resource.Snapshot) daemonFile {
	var d daemonFile
	_ = json.Unmarshal(s.DaemonJSON.Value.Content, &d)
	return d
}

// snapshotter refuses the one key with which dockerd does not start from 29.0
// on (daemon/command/daemon.go). A default containerd image store is merely
// switched off.
func (p *plan) snapshotter() *resource.ControlResult {
	on := daemonJSON(p.s).Features["containerd-snapshotter"]
	if p.want.ContainerdSnapshotter != nil {
		on = *p.want.ContainerdSnapshotter
	}
	v := versions(p.s)
	if !on || len(v) > 0 && slices.Max(v) < 29 {
		return nil
	}
	return resource.Block(`take "containerd-snapshotter" out of "features" in daemon.json; the images in the containerd store then go out of sight`,
		"dockerd from 29 on does not start with userns-remap while features.containerd-snapshotter is true")
}

// remapped returns the first uid and gid that the daemon's data now belongs
// to, if that is by this account. A daemon that cannot be asked is taken to be
// remapped if daemon.json says so or cannot be read.
func (p *plan) remapped() (uid, gid uint32, ok bool) {
	u, g := p.root()
	if e, known := p.s.Engine.Get(); known {
		uid, gid, ok = dataRoot(e)
		return uid, gid, ok && (uid == u && gid == g || p.configured())
	}
	_, known := p.s.DaemonJSON.Get()
	return u, g, u != 0 && (p.configured() || !known)
}

func (p *plan) inUse() bool {
	_, _, ok := p.remapped()
	return ok
}

// configured reports whether dockerd's configuration names this account.
func (p *plan) configured() bool {
	values := []string{daemonJSON(p.s).Remap}
	for _, f := range p.s.Flags.Value {
		if f.Name == "userns-remap" {
			values = append(values, f.Value)
		}
	}
	return slices.ContainsFunc(values, func(v string) bool {
		name, _, _ := strings.Cut(v, ":")
		return name == p.name || name == "default" && p.name == Default ||
			p.user != nil && name == fmt.Sprint(p.user.UID)
	})
}

// dataRoot reads the ids off the data root of a remapped daemon,
// /var/lib/docker/231072.231072.
func dataRoot(e resource.Engine) (uid, gid uint32, ok bool) {
	u, g, _ := strings.Cut(path.Base(e.RootDir), ".")
	uid, err1 := id(u)
	gid, err2 := id(g)
	return uid, gid, effective(e) && err1 == nil && err2 == nil
}

// effective reports whether the daemon runs with user namespaces on.
func effective(e resource.Engine) bool {
	return slices.ContainsFunc(e.SecurityOptions, func(o string) bool {
		return o == "name=userns" || strings.HasPrefix(o, "name=userns,")
	})
}
