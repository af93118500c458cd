package subid_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// hostFiles is a host as its files, absent ones left out. It is the Reader.
type hostFiles map[string]string

// debian is a plain host without any subordinate ids.
func debian() hostFiles {
	return hostFiles{
		"/etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n" +
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nalice:x:1000:1000:Alice:/home/alice:/bin/bash\n",
		"/etc/group":      "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\nalice:x:1000:\ndocker:x:998:alice\n",
		"/etc/shadow":     "root:$y$secret:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\nalice:$y$secret:19000:0:99999:7:::\n",
		"/etc/gshadow":    "root:*::\ndaemon:*::\nnogroup:*::\nalice:!::\ndocker:!::alice\n",
		"/etc/subuid":     "",
		"/etc/subgid":     "",
		"/etc/login.defs": "UID_MIN 1000\nUID_MAX 60000\n",
	}
}

const dockremapUser = "dockremap:x:995:995::/nonexistent:/usr/sbin/nologin\n"

// remap is debian with the account dockremap, whose lines are as given.
func remap(subuid, subgid string) hostFiles {
	h := debian()
	h["/etc/passwd"] += dockremapUser
	h["/etc/group"] += "dockremap:x:995:\n"
	h["/etc/shadow"] += "dockremap:!:::::::\n"
	h["/etc/gshadow"] += "dockremap:!::\n"
	h["/etc/subuid"], h["/etc/subgid"] = subuid, subgid
	return h
}

// with returns a copy of h in which path has content, or is gone if that is "-".
func (h hostFiles) with(path, content string) hostFiles {
	h = maps.Clone(h)
	h[path] = content
	if content == "-" {
		delete(h, path)
	}
	return h
}

func (h hostFiles) snapshot() *resource.Snapshot {
	s := &resource.Snapshot{
		Engine:     resource.Unknown[resource.Engine]("docker is not running"),
		Containers: resource.Unknown[[]resource.Container]("docker is not running"),
		DaemonJSON: resource.Known(resource.File{}),
		Binary:     resource.Known(resource.Binary{Version: "29.7.2"}),
	}
	subid.Kind{}.Observe(context.Background(), h, s)
	return s
}

// apply carries changes out as the transaction does: under the comparison of
// fingerprints.
func (h hostFiles) apply(t *testing.T, changes []resource.Change) hostFiles {
	t.Helper()
	h = maps.Clone(h)
	for _, c := range changes {
		f, _ := h.File(c.Path)
		if d := f.Print.Differs(c.Before); d != "" {
			t.Fatalf("%s: stale: %s", c.Path, d)
		}
		if c.Lock != resource.LockAccounts || c.Kind != "subid" || (c.Action == resource.Create) == f.Print.Exists() {
			t.Errorf("%s: lock %q, kind %q, action %q", c.Path, c.Lock, c.Kind, c.Action)
		}
		b, err := resource.ApplyLines(f.Content, *c.Lines)
		if err != nil {
			t.Fatalf("%s: %v", c.Path, err)
		}
		h[c.Path] = string(b)
	}
	return h
}

func (h hostFiles) File(path string) (resource.File, error) {
	c, ok := h[path]
	switch {
	case !ok:
		return resource.File{Path: path, Print: resource.Fingerprint{Type: resource.Absent}}, nil
	case c == "denied":
		return resource.File{}, errors.New("needs root")
	case c == "link":
		return resource.File{Path: path, Print: resource.Fingerprint{Type: resource.Symlink}}, nil
	}
	p := resource.Fingerprint{Type: resource.Regular, SHA256: resource.Sum([]byte(c)), Size: int64(len(c)), Mode: 0o644}
	if flag, ok := h["flags:"+path]; ok {
		p.Flags = map[string]uint32{"i": resource.FlagImmutable, "a": resource.FlagAppend}[flag]
	}
	return resource.File{Path: path, Print: p, Content: []byte(c)}, nil
}

func (h hostFiles) Fingerprint(path string) (resource.Fingerprint, error) {
	f, err := h.File(path)
	return f.Print, err
}

var errUnused = errors.New("not for this kind")

func (hostFiles) Root() string { return "/" }

func (hostFiles) Unit(context.Context, string) (resource.Unit, error) {
	return resource.Unit{}, errUnused
}
func (hostFiles) Process(int) (resource.Process, error) { return resource.Process{}, errUnused }
func (hostFiles) Engine(context.Context) (resource.Engine, error) {
	return resource.Engine{}, errUnused
}

func (hostFiles) Containers(context.Context) ([]resource.Container, error) {
	return nil, errUnused
}

func (hostFiles) Networks(context.Context) ([]resource.Network, error) { return nil, errUnused }

func (hostFiles) Firewall(context.Context) (resource.Firewall, error) {
	return resource.Firewall{}, errUnused
}

func (hostFiles) Flows(context.Context, []string) ([]resource.Flow, error) { return nil, errUnused }

func (hostFiles) Resolve(context.Context, string) ([]string, error) { return nil, errUnused }

func (hostFiles) Survey(context.Context, resource.SurveyWant) resource.Survey {
	return resource.Survey{}
}

func (hostFiles) Query(context.Context, ...string) ([]byte, error) { return nil, errUnused }

// live makes s that of a daemon remapped to root.
func live(s *resource.Snapshot, version, root string) *resource.Snapshot {
	s.Engine = resource.Known(resource.Engine{
		Version: version, RootDir: "/var/lib/docker/" + root,
		SecurityOptions: []string{"name=seccomp,profile=builtin", "name=userns"},
	})
	return s
}

// added lists "path: line" of all additions, and removals with a "-".
func added(changes []resource.Change) []string {
	var out []string
	for _, c := range changes {
		for _, l := range c.Lines.Remove {
			out = append(out, c.Path+": -"+l)
		}
		for _, l := range c.Lines.Add {
			out = append(out, c.Path+": "+l)
		}
	}
	slices.Sort(out)
	return out
}

func (hostFiles) Audit(context.Context, []string) (resource.Audit, error) {
	return resource.Audit{}, nil
}

func (hostFiles) Usage(context.Context, []resource.Container) map[string]resource.Usage {
	return nil
}

func (hostFiles) Filters(context.Context, []resource.Container) map[string]resource.SeccompFilter {
	return nil
}
