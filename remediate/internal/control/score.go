package control

import (
	"math"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// areas are the OWASP Docker Top 10.
var areas = []struct{ id, title string }{
	{"D01", "Secure user mapping"},
	{"D02", "Patch management"},
	{"D03", "Network segmentation and firewalling"},
	{"D04", "Secure defaults and hardening"},
	{"D05", "Security contexts"},
	{"D06", "Protect secrets"},
	{"D07", "Resource protection"},
	{"D08", "Image integrity and origin"},
	{"D09", "Immutable paradigm"},
	{"D10", "Logging"},
}

// weight is what a control counts in a score.
func weight(s resource.Severity) float64 { return float64(int(1) << max(s.Rank(), 0)) }

// Score sums the reports up by area. A control counts in its chief area only.
func Score(reports []resource.ControlReport) []resource.Area {
	out := make([]resource.Area, 0, len(areas))
	for _, a := range areas {
		out = append(out, area(a.id, a.title, reports))
	}
	return out
}

func area(id, title string, reports []resource.ControlReport) resource.Area {
	a := resource.Area{ID: id, Title: title, Score: -1}
	var have, whole float64
	for _, r := range reports {
		if len(r.OWASP) == 0 || r.OWASP[0] != id {
			continue
		}
		a.Controls++
		a.Objects += r.Judged
		a.Bad += r.Failed
		switch r.Verdict {
		case resource.Fails:
			a.Failed++
		case resource.Unjudged:
			a.Unknown++
		}
		if r.Judged > 0 && (r.Verdict == resource.Fails || r.Verdict == resource.Holds) {
			whole += weight(r.Severity)
			have += weight(r.Severity) * float64(r.Judged-r.Failed) / float64(r.Judged)
		}
	}
	if whole > 0 {
		a.Score = int(math.Floor(100 * have / whole)) // never 100 while something fails
	}
	return a
}

// Worst is the highest severity of what fails.
func Worst(reports []resource.ControlReport) resource.Severity {
	var worst resource.Severity
	for _, r := range reports {
		if r.Verdict == resource.Fails && r.Severity.Rank() > worst.Rank() {
			worst = r.Severity
		}
	}
	return worst
}

// Area reports whether id is one of D01 to D10.
func Area(id string) bool {
	return slices.ContainsFunc(areas, func(a struct{ id, title string }) bool { return a.id == id })
}
