package seccomp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// impacts tell what stops working with the new profile.
func (p *plan) impacts() []resource.Impact {
	out := []resource.Impact{{
		Level: resource.NoteImpact, Generic: true,
		Text: "seccomp-profile: running containers keep their filter until they start again; builds (BuildKit) always use the engine's own profile",
	}}
	for _, name := range p.want.Deny {
		if g, ok := groupOf(name); ok && g.note != "" && !slices.ContainsFunc(g.calls, func(c string) bool { return slices.Contains(p.want.Allow, c) }) {
			out = append(out, resource.Impact{Level: resource.NoteImpact, Text: "seccomp " + name + ": " + g.note})
		}
	}
	return out
}

// ownImpacts tell of an own profile what it gives away.
func (p *plan) ownImpacts() []resource.Impact {
	file := p.want.source()
	if file == "" {
		return nil
	}
	have, _ := engineOf(p.s) // unknown: the pinned base
	e := Explain(p.content, Recipe{Engine: have}, machineOf(p.s), Options{DefaultAllow: true, Libseccomp: p.s.Seccomp.Value.Libseccomp})
	var out []resource.Impact
	if len(e.Looser) > 0 {
		out = append(out, resource.Impact{
			Level: resource.WarningImpact, Text: "seccomp: " + file + " lets through what the engine's own profile does not", Subjects: namesIn(e.Looser),
		})
	}
	for _, problem := range e.Problems {
		out = append(out, resource.Impact{Level: resource.WarningImpact, Text: "seccomp: " + file + ": " + problem.String()})
	}
	return out
}

// behind is the finding that the engine is newer than what the profile is made
// of: its own default may be stricter by now.
func (p *plan) behind() []resource.ControlResult {
	have, err := engineOf(p.s)
	if err != nil || p.content == nil || p.want.File != "" || have.Compare(newestEngine()) <= 0 {
		return nil
	}
	return []resource.ControlResult{{
		ID: controlBase, Status: resource.Manual,
		Reason: fmt.Sprintf("profile behind engine: it is made of the default of Engine %s (github.com/moby/profiles/seccomp %s), and Engine %s may deny more by itself",
			newestEngine(), BaseVersion, have),
		Remedy: "upgrade bulwark, or compare with bulwark seccomp explain",
	}}
}

// containers finds those that do not run under the profile of dockerd.
func (p *plan) containers() []resource.ControlResult {
	all, ok := p.s.Containers.Get()
	if !ok {
		return []resource.ControlResult{{ID: controlContainers, Status: resource.Unread, Reason: "cannot read the containers: " + p.s.Containers.Unknown}}
	}
	var open, own, old []string
	for _, c := range all {
		switch {
		case c.State != "running" && c.State != "paused":
		case unfiltered(c):
			open = append(open, c.Name)
		case ownFilter(c):
			own = append(own, c.Name)
		case p.older(c):
			old = append(old, c.Name)
		}
	}
	return []resource.ControlResult{verdict(open, own, old)}
}

// unfiltered: by the kernel, or because it was asked for. A filter that the
// kernel shows all the same is the host's own, if that is a container itself.
func unfiltered(c resource.Container) bool {
	if c.Seccomp != nil && *c.Seccomp == resource.SeccompNone {
		return true
	}
	return c.Privileged && !ownFilter(c) || slices.ContainsFunc(c.SecurityOpt, func(o string) bool {
		return o == "seccomp=unconfined" || o == "seccomp:unconfined"
	})
}

func ownFilter(c resource.Container) bool {
	return slices.ContainsFunc(c.SecurityOpt, func(o string) bool {
		return strings.HasPrefix(o, "seccomp=") || strings.HasPrefix(o, "seccomp:")
	})
}

// older: live-restore keeps containers through the restart with which dockerd
// took the profile up. The file is as old as that.
func (p *plan) older(c resource.Container) bool {
	return p.file.Path != "" && p.inEffect() && c.StartedNS != 0 && c.StartedNS < p.file.Print.CtimeNS
}

func verdict(open, own, old []string) resource.ControlResult {
	var reasons, remedies []string
	add := func(names []string, reason, remedy string) {
		if len(names) > 0 {
			reasons, remedies = append(reasons, reason+": "+strings.Join(names, ", ")), append(remedies, remedy)
		}
	}
	add(open, "without any filter (privileged, or seccomp=unconfined)", "create them anew without --privileged and seccomp=unconfined")
	add(own, "with a profile of their own (--security-opt)", "judge it: bulwark seccomp explain FILE")
	add(old, "still under the filter of before the profile was written", "docker restart "+strings.Join(old, " "))
	if len(reasons) == 0 {
		return resource.ControlResult{ID: controlContainers, Status: resource.OK}
	}
	return resource.ControlResult{
		ID: controlContainers, Status: resource.Manual,
		Reason: "containers that run " + strings.Join(reasons, "; "), Remedy: strings.Join(remedies, "; "),
	}
}
