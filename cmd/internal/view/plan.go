package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// PlanJSON writes the plan as one indented JSON document.
func PlanJSON(w io.Writer, p *resource.Plan) error { return JSON(w, p) }

// JSON writes any versioned result as one indented JSON document.
func JSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(resource.PrintableJSON(b.Bytes()))
	return err
}

// PlanText writes the plan for people: changes of files and of the kernel with
// their diffs, controls, and last the summary with what restarts, stops,
// cannot be undone and could not be read.
func PlanText(w io.Writer, p *resource.Plan, s Style) error {
	out := &printer{w: w}
	if !s.Summary {
		changes(out, p, s)
		operations(out, p, s)
	}
	controls(out, p, s)
	summary(out, p, s)
	return out.err
}

func changes(out *printer, p *resource.Plan, s Style) {
	var told []string
	for _, c := range p.Changes {
		m, col := marker(c.Action)
		out.f("%s %s  %s\n", s.paint(col, m), s.paint(bold, c.Path), strings.Join(c.Controls, ", "))
		// The account files change for the same reasons: once is enough.
		if !slices.Equal(c.Why, told) {
			for _, why := range c.Why {
				out.f("    %s\n", why)
			}
		}
		told = c.Why
		if c.Sensitive {
			out.f("    (content not shown: the file holds secrets)\n")
		}
		if !repeated(p, c) {
			diff(out, c.Diff, s)
		}
		out.f("\n")
	}
}

// repeated reports whether a change of the kernel shows the same: of a file
// that records it, or of the file that audit rules are loaded from.
func repeated(p *resource.Plan, c resource.Change) bool {
	if strings.HasSuffix(c.Path, ".rules") && slices.ContainsFunc(p.Operations, func(o resource.Operation) bool { return o.Kind == c.Kind }) {
		return true
	}
	text := hunks(c.Diff)
	return text != "" && slices.ContainsFunc(p.Operations, func(o resource.Operation) bool { return hunks(o.Diff) == text })
}

// hunks is a diff without the names of its two sides.
func hunks(diff string) string {
	_, text, _ := strings.Cut(diff, "\n@@")
	return text
}

// operations are told like files: what, for which controls, why, and how.
func operations(out *printer, p *resource.Plan, s Style) {
	for _, o := range p.Operations {
		m, col := marker(o.Action)
		out.f("%s %s  %s\n", s.paint(col, m), s.paint(bold, o.Target), strings.Join(o.Controls, ", "))
		for _, why := range o.Why {
			out.f("    %s\n", why)
		}
		diff(out, o.Diff, s)
		out.f("\n")
	}
}

// statusOrder is the order in which controls are listed: what needs eyes first.
var statusOrder = []struct {
	status resource.Status
	color  color
}{
	{resource.Blocked, red},
	{resource.Unread, red},
	{resource.Manual, yellow},
	{resource.Changing, yellow},
}

func controls(out *printer, p *resource.Plan, s Style) {
	if len(p.Controls) == 0 {
		return
	}
	out.f("%s\n", s.paint(bold, "Controls"))
	told := func(id string) bool { return false }
	if !s.Summary {
		told = func(id string) bool { return explained(p, id) }
	}
	openControls(out, p, s, told)
	if ids := where(p, resource.Changing, told); len(ids) > 0 {
		out.f("  %s  %s\n", s.paint(yellow, "change "), strings.Join(ids, ", "))
	}
	if ids := where(p, resource.OK, func(string) bool { return true }); len(ids) > 0 {
		out.f("  %s  %s\n", s.paint(green, "ok     "), strings.Join(ids, ", "))
	}
	out.f("\n")
}

// explained reports whether a change above tells why the control is not ok.
func explained(p *resource.Plan, id string) bool {
	return slices.ContainsFunc(p.Changes, func(c resource.Change) bool {
		return slices.Contains(c.Controls, id) && len(c.Why) > 0
	}) || slices.ContainsFunc(p.Operations, func(o resource.Operation) bool {
		return slices.Contains(o.Controls, id) && len(o.Why) > 0
	})
}

// openControls lists controls that are not ok, each with its reason, but for
// the changes that were told before. Controls that stand for the same reason
// share a line.
func openControls(out *printer, p *resource.Plan, s Style, told func(id string) bool) {
	for _, o := range statusOrder {
		var shown []resource.ControlResult
		for _, c := range p.Controls {
			if c.Status == o.status && !(c.Status == resource.Changing && told(c.ID)) {
				shown = append(shown, c)
			}
		}
		for _, group := range alike(shown) {
			control(out, group, s.paint(o.color, fmt.Sprintf("%-7s", o.status)))
		}
	}
}

// alike groups controls with the same reason and remedy, in order.
func alike(all []resource.ControlResult) [][]resource.ControlResult {
	var groups [][]resource.ControlResult
	for _, c := range all {
		i := slices.IndexFunc(groups, func(g []resource.ControlResult) bool {
			return g[0].Reason == c.Reason && g[0].Remedy == c.Remedy
		})
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

// control writes one line, which can be searched for, and the remedy.
func control(out *printer, group []resource.ControlResult, status painted) {
	var ids []string
	for _, c := range group {
		ids = append(ids, c.ID)
	}
	out.f("  %s  %s  %s\n", status, strings.Join(ids, ", "), group[0].Reason)
	if remedy := group[0].Remedy; remedy != "" {
		out.f("           remedy: %s\n", remedy)
	}
}

func where(p *resource.Plan, s resource.Status, keep func(id string) bool) []string {
	var ids []string
	for _, c := range p.Controls {
		if c.Status == s && keep(c.ID) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
