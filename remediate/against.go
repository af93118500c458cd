package remediate

import (
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Against compares a report with an older one. It returns a copy of now, in
// which each finding is marked new or same, with what was fixed since. What
// could not be judged now is not fixed.
func Against(old, now *resource.Report) *resource.Report {
	marked := *now
	marked.AgainstNS = old.TakenNS
	marked.Controls = slices.Clone(now.Controls)
	for i := range marked.Controls {
		c := &marked.Controls[i]
		c.Findings = since(controlOf(old, c.ID), c.Findings)
	}
	marked.Fixed = fixed(old, now)
	return &marked
}

// since marks a copy of the findings of one control.
func since(old *resource.ControlReport, findings []resource.Finding) []resource.Finding {
	findings = slices.Clone(findings)
	for i := range findings {
		f := &findings[i]
		f.Since = resource.SinceNew
		if old != nil && slices.ContainsFunc(old.Findings, func(o resource.Finding) bool { return sameObject(o, *f) && o.Verdict == f.Verdict }) {
			f.Since = resource.SinceSame
		}
	}
	return findings
}

func fixed(old, now *resource.Report) []resource.FixedFinding {
	var all []resource.FixedFinding
	for _, o := range old.Controls {
		c := controlOf(now, o.ID)
		for _, f := range o.Findings {
			if f.Verdict == resource.Fails && c != nil && holdsNow(c, f) {
				f.Since = ""
				all = append(all, resource.FixedFinding{Control: o.ID, Finding: f})
			}
		}
	}
	return all
}

// holdsNow reports whether the control was judged for all that the old finding
// could be about, and does not find it. An object that is gone counts as fixed,
// but only if nothing that may hide it was left unread.
func holdsNow(c *resource.ControlReport, old resource.Finding) bool {
	switch c.Verdict {
	case resource.Unjudged, resource.ByHand:
		return false
	case resource.Fails:
		if len(c.Findings) == 0 {
			return false
		}
	}
	return !slices.ContainsFunc(c.Findings, func(f resource.Finding) bool {
		return sameObject(f, old) || f.Verdict == resource.Unjudged && f.Kind != old.Kind
	})
}

// sameObject compares what a finding is about; what was observed may change.
func sameObject(a, b resource.Finding) bool { return a.Kind == b.Kind && a.Object == b.Object }

func controlOf(r *resource.Report, id string) *resource.ControlReport {
	if i := slices.IndexFunc(r.Controls, func(c resource.ControlReport) bool { return c.ID == id }); i >= 0 {
		return &r.Controls[i]
	}
	return nil
}
