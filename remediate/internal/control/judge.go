package control

import (
	"slices"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Judge judges the controls over a snapshot. It is pure: the clock is the time
// at which the snapshot was taken. A nil policy has no waivers and no bounds of
// its own.
func Judge(controls []Control, p *plans.Policy, s *resource.Snapshot) []resource.ControlReport {
	in := newInput(p, s)
	w := newWaivers(in.p, s)
	out := make([]resource.ControlReport, 0, len(controls))
	for i := range controls {
		t := &tally{input: in, control: &controls[i]}
		controls[i].judge(t)
		w.apply(t)
		out = append(out, t.report())
	}
	return append(out, w.report(controls)...)
}

// there leaves out the paths at which the survey saw nothing.
func there(s *resource.Snapshot, paths []string) []string {
	return slices.DeleteFunc(paths, func(p string) bool {
		f, looked := s.Survey.Value.Paths[p]
		return looked && f.Unknown == "" && !f.Value.Exists()
	})
}

func (t *tally) report() resource.ControlReport {
	c := t.control
	r := resource.ControlReport{
		ID: c.ID, Title: c.Title, Severity: c.Severity, Level: c.Level, OWASP: c.OWASP, CIS: c.CIS,
		Why: c.Why, Remedy: c.remedy(), Judged: t.judged, Findings: t.findings, Evidence: t.evidence,
	}
	r.Verdict, r.Reason = t.verdict()
	for _, f := range t.findings {
		switch {
		case f.Verdict == resource.Fails && f.Waiver != nil:
			r.Waived++
		case f.Verdict == resource.Fails:
			r.Failed++
		}
	}
	return r
}

// remedy says which key of a policy does it, where one does.
func (c *Control) remedy() string {
	if c.Key == "" {
		return c.Remedy
	}
	text := "policy key " + c.Key + ", then bulwark plan and apply"
	if c.Remedy != "" {
		text += "; " + c.Remedy
	}
	return text
}
