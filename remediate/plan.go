package remediate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/kinds"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// NewPlan computes how the host of a snapshot differs from a policy. It is a
// pure function: the same policy and snapshot give the same plan.
func NewPlan(policy *plans.Policy, s *resource.Snapshot) *resource.Plan {
	r := kinds.Diff(policy, s, configPath(s))
	p := &resource.Plan{
		Format:     resource.PlanFormat,
		Tool:       s.Tool,
		Root:       s.Root,
		Policy:     resource.PolicyRef{Name: policy.Name, Source: policy.Source, SHA256: policy.SHA256},
		Controls:   nonNil(r.Controls),
		Changes:    nonNil(r.Changes),
		Operations: nonNil(r.Operations),
		Service:    r.Service,
		Impacts:    nonNil(r.Impacts),
		Unread:     unreadForPlan(s),
	}
	for i, c := range p.Changes {
		p.Changes[i].Diff = unified(c, policy.Name)
	}
	for i, o := range p.Operations {
		p.Operations[i].Diff = udiff.Unified("current "+o.Target+" (host)", "desired "+o.Target+" (policy "+policy.Name+")", o.Old, o.New)
	}
	settleService(p, s)
	p.Facts = facts(p, s)
	p.Digest = p.ComputeDigest()
	return p
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// settleService drops the restart of a daemon that does not run: bulwark does
// not start what an admin has stopped. The new files hold at its next start.
func settleService(p *resource.Plan, s *resource.Snapshot) {
	why := stopped(s)
	if why == "" || p.Service.Action == resource.NoAction {
		return
	}
	p.Service = resource.Service{}
	p.Impacts = slices.DeleteFunc(p.Impacts, aboutRestart)
	if len(p.Changes) > 0 {
		p.Impacts = append(p.Impacts, resource.Impact{
			Level: resource.NoteImpact,
			Text:  why + ": the change takes effect at dockerd's next start and cannot be proven now",
		})
	}
}

// aboutRestart finds the warning that only a restart justifies.
func aboutRestart(i resource.Impact) bool {
	return strings.HasPrefix(i.Text, "containers could not be read")
}

func stopped(s *resource.Snapshot) string {
	if s.Root != "/" {
		return "this is an image"
	}
	u, ok := s.Unit.Get()
	if !ok || u.LoadState != "loaded" {
		if _, runs := s.Process.Get(); !runs {
			return "docker is not running"
		}
		return ""
	}
	if u.ActiveState == "inactive" || u.ActiveState == "failed" {
		return "docker.service is " + u.ActiveState
	}
	return ""
}

// hostFact is the fact that names the machine.
const hostFact = "host"

// fileFact begins the name of each fact about a file that the plan changes.
const fileFact = "file "

func factOf(facts []resource.PlanFact, name string) string {
	for _, f := range facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// facts are what the plan rested on, as comparable text without secrets.
func facts(p *resource.Plan, s *resource.Snapshot) []resource.PlanFact {
	var out []resource.PlanFact
	add := func(name, value string) { out = append(out, resource.PlanFact{Name: name, Value: value}) }
	if h, ok := s.Host.Get(); ok {
		add(hostFact, h.ID)
	}
	if e, ok := s.Engine.Get(); ok {
		add("engine version", e.Version)
		add("live-restore in effect", fmt.Sprint(e.LiveRestore))
		add("data root", e.RootDir)
		add("swarm", e.Swarm)
	}
	if u, ok := s.Unit.Get(); ok {
		add("docker.service", u.LoadState+" "+u.ActiveState)
		add("unit files", strings.Join(append([]string{u.FragmentPath}, u.DropIns...), " "))
	}
	add("dockerd flags", resource.Sum(fmt.Append(nil, s.Flags)))
	for _, c := range p.Changes {
		add(fileFact+c.Path, describe(c.Before))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Resolved)) {
		add("addresses of "+name, strings.Join(s.Resolved[name].Value, " ")+s.Resolved[name].Unknown)
	}
	for _, o := range p.Operations {
		add(o.Kind+" "+o.Target, "sha256:"+resource.Sum([]byte(o.Old)))
	}
	if p.Service.Action == resource.Restart {
		add("running containers", strings.Join(up(s), " "))
	}
	if lost := p.Irreversible(); len(lost) > 0 {
		add("what cannot be undone", describeImpacts(lost))
	}
	// The rest follows from facts like these, but not only from those above.
	add("need of dockerd", describeService(p.Service))
	for _, c := range p.Changes {
		add("change of "+c.Path, c.Digest())
	}
	for _, o := range p.Operations {
		add("change of "+o.Kind+" "+o.Target, o.Digest())
	}
	return out
}

// up names the containers that a restart may stop, with what else decides about
// their fate.
func up(s *resource.Snapshot) []string {
	var names []string
	all, _ := s.Containers.Get()
	for _, c := range all {
		switch {
		case c.State != "running" && c.State != "paused":
			continue
		case c.AutoRemove:
			names = append(names, c.Name+"(--rm)")
		case c.State == "paused":
			names = append(names, c.Name+"(paused)")
		default:
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

func describeImpacts(all []resource.Impact) string {
	var texts []string
	for _, i := range all {
		texts = append(texts, strings.Join(append([]string{i.Text}, i.Subjects...), " "))
	}
	return strings.Join(texts, "; ")
}

func describeService(svc resource.Service) string {
	text := svc.Action.String()
	for _, also := range []struct {
		holds bool
		text  string
	}{
		{svc.StopContainers, "containers are stopped before"},
		{svc.DataRootMoves, "the data root moves"},
		{svc.LiveRestoreFirst, "live-restore is switched on before"},
	} {
		if also.holds {
			text += ", " + also.text
		}
	}
	return text
}

func describe(f resource.Fingerprint) string {
	if !f.Exists() {
		return string(resource.Absent)
	}
	text := fmt.Sprintf("%s sha256:%s mode %04o owner %d:%d", f.Type, f.SHA256, f.Mode, f.UID, f.GID)
	if len(f.Xattrs) > 0 {
		text += " xattrs " + resource.Sum(fmt.Append(nil, f.Xattrs))[:12]
	}
	return text
}

// Running returns the names of the containers that run.
func Running(s *resource.Snapshot) []string {
	var names []string
	all, _ := s.Containers.Get()
	for _, c := range all {
		if c.State == "running" {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Drift compares the facts of a saved plan with those of now and names the
// first that differs, or returns "".
func Drift(saved, now []resource.PlanFact) string {
	for _, old := range saved {
		i := slices.IndexFunc(now, func(f resource.PlanFact) bool { return f.Name == old.Name })
		switch {
		case i < 0 && strings.HasPrefix(old.Name, fileFact):
			return old.Name + ": the saved plan changes it, a plan made now would not"
		case i < 0:
			return fmt.Sprintf("%s: was %q, now not there", old.Name, old.Value)
		case now[i].Value != old.Value:
			return fmt.Sprintf("%s: was %q, now %q", old.Name, old.Value, now[i].Value)
		}
	}
	for _, f := range now {
		if !slices.ContainsFunc(saved, func(o resource.PlanFact) bool { return o.Name == f.Name }) {
			return fmt.Sprintf("%s: was not there, now %q", f.Name, f.Value)
		}
	}
	return ""
}
