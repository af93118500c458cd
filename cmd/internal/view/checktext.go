package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// folded is how many findings of one control are shown without Verbose.
const folded = 8

// CheckText writes a report for people: what fails, the worst first, what could
// not be judged, what a person must judge, the areas, what is waived and fixed,
// and last the summary.
func CheckText(w io.Writer, r *resource.Report, s Style) error {
	out := &printer{w: w}
	failedControls(out, r, s)
	openReport(out, r, s, resource.Unjudged, "Could not be judged")
	openReport(out, r, s, resource.ByHand, "To judge by hand")
	if s.Verbose {
		openReport(out, r, s, resource.Holds, "Holds")
		openReport(out, r, s, resource.NoObject, "Nothing to judge on this host")
	}
	areas(out, r, s)
	waivers(out, r, s)
	fixedFindings(out, r, s)
	checkSummary(out, r, s)
	return out.err
}

var severityColor = map[resource.Severity]color{resource.Critical: red, resource.High: red, resource.Medium: yellow}

func failedControls(out *printer, r *resource.Report, s Style) {
	failed := withVerdict(r, resource.Fails)
	if len(failed) == 0 {
		return
	}
	out.f("%s\n", s.paint(bold, "Fails"))
	for _, c := range failed {
		out.f("  %s  %s  %s\n", s.paint(severityColor[c.Severity], fmt.Sprintf("%-8s", c.Severity)), s.paint(bold, c.ID), c.Title)
		if about := aboutControl(c); about != "" {
			out.f("            %s\n", about)
		}
		findings(out, open(c, resource.Fails), s)
		findings(out, open(c, resource.Unjudged), s)
		if !remedied(c) {
			lines(out, "            ", "remedy: ", c.Remedy)
		}
		out.f("\n")
	}
}

// remedied reports whether each object that fails has a remedy of its own, so
// that the control's, which is less exact, need not be told.
func remedied(c resource.ControlReport) bool {
	failed := open(c, resource.Fails)
	return len(failed) > 0 && !slices.ContainsFunc(failed, func(f resource.Finding) bool { return f.Remedy == "" })
}

// aboutControl is "3 of 40 containers; D04, D01; CIS 1.8: 5.32".
func aboutControl(c resource.ControlReport) string {
	var parts []string
	for _, part := range []string{ofJudged(c), references(c)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if c.Waived > 0 {
		parts = append(parts, fmt.Sprintf("%d waived", c.Waived))
	}
	return strings.Join(parts, "; ")
}

// findings lists objects with what was observed; many are folded.
func findings(out *printer, all []resource.Finding, s Style) {
	shown := all
	if !s.Verbose && len(all) > folded+1 {
		shown = all[:folded]
	}
	for _, f := range shown {
		out.f("            - %s%s: %s\n", sinceMark(f, s), objectName(f), observed(f))
		if f.Remedy != "" {
			out.f("              remedy: %s\n", f.Remedy)
		}
	}
	if more := len(all) - len(shown); more > 0 {
		out.f("            - and %d more: --verbose lists them\n", more)
	}
}

// objectName is "container web"; what there is only one of has no name.
func objectName(f resource.Finding) string {
	if f.Object == "" || f.Object == f.Kind {
		return f.Kind
	}
	return f.Kind + " " + f.Object
}

// observed is what was seen, and what it should be.
func observed(f resource.Finding) string {
	text := f.Observed
	if f.Verdict == resource.Unjudged {
		text = "could not be judged: " + text
	}
	if f.Expected != "" {
		text += " (should be: " + f.Expected + ")"
	}
	return text
}

func sinceMark(f resource.Finding, s Style) painted {
	if f.Since != resource.SinceNew {
		return ""
	}
	return s.paint(red, "new") + " "
}

// lines writes text of our own that may have several lines.
func lines(out *printer, indent, head, text string) {
	if text == "" {
		return
	}
	for line := range strings.Lines(text) {
		out.f("%s%s%s\n", indent, head, strings.TrimRight(line, "\n"))
		head = strings.Repeat(" ", len(head))
	}
}

// openReport lists the controls of a verdict other than fail; those that stand
// for the same reason, and with nothing else to say, share a line.
func openReport(out *printer, r *resource.Report, s Style, v resource.Verdict, heading string) {
	all := withVerdict(r, v)
	if len(all) == 0 {
		return
	}
	out.f("%s\n", s.paint(bold, heading))
	for _, group := range sameReason(all, s) {
		if len(group) == 1 {
			openControl(out, group[0], s)
			continue
		}
		out.f("  %s, up to %s: %s\n            %s\n", count(len(group), "control"), group[0].Severity, group[0].Reason, strings.Join(ids(group), ", "))
	}
	out.f("\n")
}

func openControl(out *printer, c resource.ControlReport, s Style) {
	out.f("  %-8s  %s  %s\n", c.Severity, s.paint(bold, c.ID), c.Title)
	if c.Reason != "" {
		out.f("            %s\n", c.Reason)
	}
	findings(out, unsaid(c), s)
	for _, e := range evidence(c, s) {
		out.f("            > %s\n", e)
	}
}

// unsaid are the objects that could not be judged for another reason than the
// control's.
func unsaid(c resource.ControlReport) []resource.Finding {
	return slices.DeleteFunc(open(c, resource.Unjudged), func(f resource.Finding) bool { return f.Observed == c.Reason })
}

// sameReason groups controls that have a reason and nothing else, in order of
// the first of each group. Verbose tells each by itself.
func sameReason(all []resource.ControlReport, s Style) [][]resource.ControlReport {
	var groups [][]resource.ControlReport
	for _, c := range all {
		plain := c.Reason != "" && len(c.Evidence) == 0 && len(unsaid(c)) == 0
		i := slices.IndexFunc(groups, func(g []resource.ControlReport) bool {
			return plain && !s.Verbose && g[0].Reason == c.Reason && len(g[0].Evidence) == 0 && len(unsaid(g[0])) == 0
		})
		if i < 0 {
			groups = append(groups, []resource.ControlReport{c})
			continue
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

func ids(all []resource.ControlReport) []string {
	names := make([]string, 0, len(all))
	for _, c := range all {
		names = append(names, c.ID)
	}
	return names
}

// evidence is folded like findings are.
func evidence(c resource.ControlReport, s Style) []string {
	if s.Verbose || len(c.Evidence) <= folded+1 {
		return c.Evidence
	}
	more := fmt.Sprintf("and %d more: --verbose lists them", len(c.Evidence)-folded)
	return append(c.Evidence[:folded:folded], more)
}

func areas(out *printer, r *resource.Report, s Style) {
	if len(r.Areas) == 0 {
		return
	}
	width := 0
	for _, a := range r.Areas {
		width = max(width, min(len([]rune(a.Title)), 40))
	}
	out.f("%s\n", s.paint(bold, fmt.Sprintf("%-*s  score  controls that fail    objects that do not hold", width+7, "Docker Top 10")))
	for _, a := range r.Areas {
		out.f("  %-3s  %-*s  %s  %-20s  %s\n", a.ID, width, a.Title, scored(a, s), failedOf(a), fmt.Sprintf("%d of %d", a.Bad, a.Objects))
	}
	out.f("\n")
}

// failedOf is "3 of 12, 2 unknown".
func failedOf(a resource.Area) string {
	text := fmt.Sprintf("%d of %d", a.Failed, a.Controls)
	if a.Unknown > 0 {
		text += fmt.Sprintf(", %d unknown", a.Unknown)
	}
	return text
}

// scored is the score in its column; an area of which nothing was judged has
// none.
func scored(a resource.Area, s Style) painted {
	if a.Score < 0 {
		return s.paint(plain, "    -")
	}
	return s.paint(scoreColor(a), fmt.Sprintf("%5d", a.Score))
}

func scoreColor(a resource.Area) color {
	switch {
	case a.Score >= 90 && a.Unknown == 0:
		return green
	case a.Score >= 50:
		return yellow
	}
	return red
}

func waivers(out *printer, r *resource.Report, s Style) {
	all := waivedFindings(r)
	if len(all) == 0 {
		return
	}
	out.f("%s\n", s.paint(bold, "Waived"))
	for _, f := range all {
		out.f("  %s  %s: %s\n            %s\n", f.Control, objectName(f.Finding), observed(f.Finding), waivedUntil(f.Waiver))
	}
	out.f("\n")
}

func fixedFindings(out *printer, r *resource.Report, s Style) {
	if len(r.Fixed) == 0 {
		return
	}
	out.f("%s\n", s.paint(bold, "Fixed since "+instant(r.AgainstNS)))
	for _, f := range r.Fixed {
		out.f("  %s  %s  %s: was %s\n", s.paint(green, "fixed"), f.Control, objectName(f.Finding), f.Observed)
	}
	out.f("\n")
}
