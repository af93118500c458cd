package view

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// checkFormats are the forms of a report, the default first.
var checkFormats = []struct {
	name  string
	write func(io.Writer, *resource.Report, Style) error
}{
	{"text", CheckText},
	{"json", plainly(CheckJSON)},
	{"junit", plainly(CheckJUnit)},
	{"sarif", plainly(CheckSARIF)},
	{"html", plainly(CheckHTML)},
	{"prometheus", plainly(CheckPrometheus)},
	{"docker-bench", plainly(CheckDockerBench)},
}

// plainly is for formats that have no style.
func plainly(write func(io.Writer, *resource.Report) error) func(io.Writer, *resource.Report, Style) error {
	return func(w io.Writer, r *resource.Report, _ Style) error { return write(w, r) }
}

// CheckFormats are the names that Check knows, the default first.
func CheckFormats() []string {
	names := make([]string, 0, len(checkFormats))
	for _, f := range checkFormats {
		names = append(names, f.name)
	}
	return names
}

// Check writes a report in one of CheckFormats.
func Check(w io.Writer, format string, r *resource.Report, s Style) error {
	for _, f := range checkFormats {
		if f.name == format {
			return f.write(w, r, s)
		}
	}
	return fmt.Errorf("unknown format %q: it is one of %s", format, strings.Join(CheckFormats(), ", "))
}

// CheckJSON writes the report as one indented JSON document.
func CheckJSON(w io.Writer, r *resource.Report) error { return JSON(w, r) }

// verdictOrder is the order in which verdicts are told: what needs eyes first.
var verdictOrder = []resource.Verdict{resource.Fails, resource.Unjudged, resource.ByHand, resource.Holds, resource.NoObject}

// withVerdict are the controls of one verdict, the worst first; those of one
// severity stay in the order of the report.
func withVerdict(r *resource.Report, v resource.Verdict) []resource.ControlReport {
	var found []resource.ControlReport
	for _, c := range r.Controls {
		if c.Verdict == v {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b resource.ControlReport) int {
		return cmp.Or(b.Severity.Rank()-a.Severity.Rank(), a.Level-b.Level)
	})
	return found
}

// open are the findings with a verdict that are not waived.
func open(c resource.ControlReport, v resource.Verdict) []resource.Finding {
	var found []resource.Finding
	for _, f := range c.Findings {
		if f.Verdict == v && f.Waiver == nil {
			found = append(found, f)
		}
	}
	return found
}

// A waived finding, with its control.
type waivedFinding struct {
	Control string
	resource.Finding
}

func waivedFindings(r *resource.Report) []waivedFinding {
	var found []waivedFinding
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Waiver != nil {
				found = append(found, waivedFinding{c.ID, f})
			}
		}
	}
	return found
}

// waivedUntil is what a waiver says, in one line.
func waivedUntil(w *resource.WaiverNote) string {
	text := fmt.Sprintf("waived until %s: %s", w.Expires, w.Reason)
	if w.Owner != "" {
		text += " (" + w.Owner + ")"
	}
	return text
}

// ofJudged is "3 of 40 containers"; "" for what there is only one of, or when
// nothing was counted.
func ofJudged(c resource.ControlReport) string {
	if c.Judged == 0 || c.Judged == 1 && c.Failed == 1 {
		return ""
	}
	return fmt.Sprintf("%d of %s", c.Failed, count(c.Judged, kindOf(c)))
}

// kindOf is the kind of all findings of a control, else "object".
func kindOf(c resource.ControlReport) string {
	kind := ""
	for _, f := range c.Findings {
		if kind != "" && f.Kind != kind {
			return "object"
		}
		kind = f.Kind
	}
	if kind == "" {
		return "object"
	}
	return kind
}

// newestCIS is the newest version of the CIS benchmark that has the control,
// and its numbers there.
func newestCIS(c resource.ControlReport) (version string, ids []string) {
	versions := slices.SortedFunc(maps.Keys(c.CIS), byNumbers)
	if len(versions) == 0 {
		return "", nil
	}
	version = versions[len(versions)-1]
	return version, c.CIS[version]
}

// references is "D04, D01; CIS 1.8: 5.32".
func references(c resource.ControlReport) string {
	var parts []string
	if len(c.OWASP) > 0 {
		parts = append(parts, strings.Join(c.OWASP, ", "))
	}
	if version, ids := newestCIS(c); len(ids) > 0 {
		parts = append(parts, "CIS "+version+": "+strings.Join(ids, ", "))
	}
	return strings.Join(parts, "; ")
}

// byNumbers orders dotted numbers: 2.9 before 2.10.
func byNumbers(a, b string) int {
	return cmp.Or(slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		if errX != nil || errY != nil {
			return cmp.Compare(a, b)
		}
		return cmp.Compare(x, y)
	}), cmp.Compare(a, b))
}

// instant is a time of a report, in UTC.
func instant(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05 UTC") }

// counted are the controls by verdict, in words: "2 fail", "1 could not be
// judged". What nothing is said of is left out.
func counted(r *resource.Report) []string {
	words := map[resource.Verdict]string{
		resource.Fails: "fail", resource.Unjudged: "could not be judged", resource.ByHand: "to judge by hand",
		resource.Holds: "ok", resource.NoObject: "with nothing to judge",
	}
	var parts []string
	for _, v := range verdictOrder {
		if n := len(withVerdict(r, v)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[v]))
		}
	}
	return parts
}

// since counts findings that are new and the same; fixed ones are in r.Fixed.
func since(r *resource.Report, what string) int {
	n := 0
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Since == what && f.Verdict == resource.Fails {
				n++
			}
		}
	}
	return n
}

// nextStep is the command that shows what a policy can remedy; "" if nothing
// fails.
func nextStep(r *resource.Report) string {
	if len(withVerdict(r, resource.Fails)) == 0 {
		return ""
	}
	return "bulwark plan --policy strict"
}
