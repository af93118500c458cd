package remediate

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"sync"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/control"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ObserveForCheck is Observe of everything, with the survey besides. p, which
// may be nil, says which names are looked up. paths names the files whose owner
// and mode matter; it sees what systemd, the daemon and daemon.json say. Nil
// stands for those that lead to the daemon.
func (h *Host) ObserveForCheck(ctx context.Context, p *plans.Policy, paths func(*resource.Snapshot) []string) *resource.Snapshot {
	if paths == nil {
		paths = func(s *resource.Snapshot) []string { return append(commanding(s), control.Paths(p, s)...) }
	}
	finish := h.reader.StartSurvey(ctx)
	s := h.observeHost(ctx)
	s.DaemonJSON = fact(h.reader.File(configPath(s)))
	want := resource.SurveyWant{Paths: paths(s), DataRoot: dataRoot(s), Daemon: s.Engine.Unknown == "", Programs: s.Engine.Value.Components}
	later, done := context.WithTimeout(ctx, 2*observeTimeout)
	defer done()
	var survey resource.Survey
	var wg sync.WaitGroup
	wg.Go(func() { survey = finish(want) })
	h.observeKinds(later, askAll(p), s)
	wg.Wait()
	s.Survey = resource.Known(finishSurvey(survey, s))
	return s
}

// askAll is a copy of the policy that asks for what is costly to read. A nil one
// asks for everything.
func askAll(p *plans.Policy) *plans.Policy {
	if p == nil {
		return nil
	}
	all := *p
	if all.Egress == nil {
		all.Egress = &plans.Egress{}
	}
	if all.Audit == nil {
		all.Audit = &plans.Audit{}
	}
	return &all
}

// finishSurvey adds what the rest of the snapshot knows: why the daemon was not
// asked, and what version dockerd is.
func finishSurvey(survey resource.Survey, s *resource.Snapshot) resource.Survey {
	if why := s.Engine.Unknown; why != "" {
		survey.Images = resource.Unknown[[]resource.Image](why)
		survey.Swarm = resource.Unknown[resource.Swarm](why)
	}
	for i, p := range survey.Packages.Value.Installed {
		if b, ok := s.Binary.Get(); ok && p.Program == "dockerd" {
			survey.Packages.Value.Installed[i].Upstream = b.Version
			survey.Packages.Value.Installed[i].Version = cmp.Or(p.Version, b.Version)
		}
	}
	return survey
}

// dataRoot is the running daemon's, else that of its next start, else "".
func dataRoot(s *resource.Snapshot) string {
	if e, ok := s.Engine.Get(); ok && filepath.IsAbs(e.RootDir) {
		return filepath.Clean(e.RootDir)
	}
	if given := givenPaths(s, "data-root"); len(given) > 0 {
		return given[len(given)-1]
	}
	return ""
}

// givenPaths are the paths that daemon.json, the flags of the next start and
// those of the running daemon have for one of the keys.
func givenPaths(s *resource.Snapshot, keys ...string) []string {
	var out []string
	add := func(p string) {
		if filepath.IsAbs(p) {
			out = append(out, filepath.Clean(p))
		}
	}
	file := map[string]any{}
	_ = json.Unmarshal(s.DaemonJSON.Value.Content, &file) // what is no JSON names no file
	for _, k := range keys {
		if p, ok := file[k].(string); ok {
			add(p)
		}
	}
	flags := s.Flags.Value
	if argv := s.Process.Value.Argv; len(argv) > 0 {
		flags = append(daemonjson.ParseFlags(argv[1:], nil), flags...)
	}
	for _, f := range flags {
		if slices.Contains(keys, f.Name) {
			add(f.Value)
		}
	}
	return out
}

// commanding are the files by which one commands the daemon: sockets, units,
// configuration, keys.
func commanding(s *resource.Snapshot) []string {
	all := []string{
		"/etc/docker", "/etc/docker/certs.d/**", "/etc/default/docker", "/etc/sysconfig/docker",
		"/run/docker.sock", "/run/containerd/containerd.sock", configPath(s),
	}
	for _, u := range []resource.Unit{s.Unit.Value, s.Socket.Value} {
		all = append(append(all, u.FragmentPath), u.DropIns...)
	}
	all = append(all, givenPaths(s, "tlscacert", "tlscert", "tlskey")...)
	all = slices.DeleteFunc(all, func(p string) bool { return !filepath.IsAbs(p) })
	slices.Sort(all)
	return slices.Compact(all)
}
