package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// PlanJSON writes the plan as one indented JSON document.
func PlanJSON(w io.Writer, p *resource.Plan) error { return JSON(w, p) }

// JSON writes any versioned result as one indented JSON document.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// PlanText writes the plan for people: changes with their diffs, controls,
// and last the summary with what restarts, stops or cannot be undone.
func PlanText(w io.Writer, p *resource.Plan, s Style) error {
	out := &printer{w: w}
	if !s.Summary {
		for _, c := range p.Changes {
			change(out, c, s)
		}
	}
	controls(out, p, s)
	summary(out, p, s)
	return out.err
}

func change(out *printer, c resource.Change, s Style) {
	m, col := marker(c.Action)
	out.f("%s %s  %s\n", s.paint(col, m), s.paint(bold, c.Path), strings.Join(c.Controls, ", "))
	for _, why := range c.Why {
		out.f("    %s\n", why)
	}
	if c.Sensitive {
		out.f("    (content not shown: the file holds secrets)\n")
	}
	for line := range strings.Lines(c.Diff) {
		out.f("  %s\n", s.paint(diffColor(line), strings.TrimSuffix(line, "\n")))
	}
	out.f("\n")
}

func diffColor(line string) color {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
		return bold
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	}
	return plain
}

// statusOrder is the order in which controls are listed: what needs eyes first.
var statusOrder = []struct {
	status resource.Status
	color  color
}{
	{resource.Changing, yellow},
	{resource.Blocked, red},
	{resource.Unread, red},
	{resource.Manual, yellow},
}

func controls(out *printer, p *resource.Plan, s Style) {
	if len(p.Controls) == 0 {
		return
	}
	out.f("%s\n", s.paint(bold, "Controls"))
	width := 0
	for _, c := range p.Controls {
		width = max(width, len(c.ID))
	}
	for _, o := range statusOrder {
		for _, c := range p.Controls {
			if c.Status == o.status {
				control(out, c, width, s.paint(o.color, fmt.Sprintf("%-7s", c.Status)))
			}
		}
	}
	if names := named(p, resource.OK); len(names) > 0 {
		out.f("  %d ok: %s\n", len(names), strings.Join(names, ", "))
	}
	out.f("\n")
}

func control(out *printer, c resource.ControlResult, width int, status string) {
	out.f("  %s  %-*s  %s\n", status, width, c.ID, c.Reason)
	if c.Remedy != "" {
		out.f("  %*s  remedy: %s\n", width+9, "", c.Remedy)
	}
}

func named(p *resource.Plan, s resource.Status) []string {
	var ids []string
	for _, c := range p.Controls {
		if c.Status == s {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func summary(out *printer, p *resource.Plan, s Style) {
	out.f("%s\n", s.paint(bold, "Summary"))
	for _, i := range p.Impacts {
		impact(out, i, s)
	}
	for _, u := range p.Unread {
		out.f("  could not read %s: %s\n", u.What, u.Reason)
	}
	out.f("  policy %s (%s)\n", p.Policy.Name, p.Policy.Source)
	if !p.Pending() {
		out.f("  %s\n", s.paint(green, nothing(p)))
		return
	}
	for _, g := range []struct {
		verb   string
		action resource.Action
	}{{"create", resource.Create}, {"change", resource.Update}, {"delete", resource.Delete}} {
		if paths := touched(p, g.action); len(paths) > 0 {
			out.f("  %d to %s: %s\n", len(paths), g.verb, strings.Join(paths, ", "))
		}
	}
	service(out, p.Service, s)
}

// nothing is honest about what a plan without changes leaves open.
func nothing(p *resource.Plan) string {
	open := len(p.Controls) - p.Count(resource.OK)
	if open == 0 {
		return "no changes: the host is as the policy wants it"
	}
	return fmt.Sprintf("no changes, but %d of %d controls are not ok", open, len(p.Controls))
}

func impact(out *printer, i resource.Impact, s Style) {
	col := plain
	switch i.Level {
	case resource.WarningImpact:
		col = yellow
	case resource.IrreversibleImpact:
		col = red
	}
	out.f("  %s %s", s.paint(col, i.Level+":"), i.Text)
	if len(i.Subjects) > 0 {
		out.f(": %s", strings.Join(i.Subjects, ", "))
	}
	out.f("\n")
}

func touched(p *resource.Plan, a resource.Action) []string {
	var paths []string
	for _, c := range p.Changes {
		if c.Action == a {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

func service(out *printer, svc resource.Service, s Style) {
	switch svc.Action {
	case resource.Reload:
		out.f("  dockerd reloads (SIGHUP), no container stops: %s\n", strings.Join(svc.Reasons, "; "))
	case resource.Restart:
		out.f("  %s: %s\n", s.paint(yellow, "dockerd restarts once"), strings.Join(svc.Reasons, "; "))
	case resource.NoAction:
		out.f("  dockerd is neither reloaded nor restarted\n")
	}
}
