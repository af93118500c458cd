package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// checkSummary comes last, where the eye and a scrolled terminal end.
func checkSummary(out *printer, r *resource.Report, s Style) {
	out.f("%s\n", s.paint(bold, "Summary"))
	out.f("  %s\n", checkedHost(r))
	out.f("  %s\n", strings.Join(slices.Insert(counted(r), 0, count(len(r.Controls), "control")), ", "))
	verdict, c := bottomLine(r)
	out.f("  %s\n", s.paint(c, verdict))
	if r.AgainstNS != 0 {
		out.f("  against the report of %s: %d new, %d the same, %d fixed\n", instant(r.AgainstNS), since(r, resource.SinceNew), since(r, resource.SinceSame), len(r.Fixed))
	}
	if n := len(waivedFindings(r)); n > 0 {
		out.f("  %s waived\n", count(n, "finding"))
	}
	unreadFacts(out, r.Unread, s)
	if next := nextStep(r); next != "" {
		out.f("  next: %s shows what a policy can remedy, and what that would mean\n", s.paint(bold, next))
	}
}

// checkedHost is what was looked at, and when.
func checkedHost(r *resource.Report) string {
	text := "host " + r.Root
	if r.Engine != "" {
		text += ", Docker Engine " + r.Engine
	}
	text += ", read " + instant(r.TakenNS)
	if r.Policy != nil {
		text += fmt.Sprintf(", policy %s (%s)", r.Policy.Name, r.Policy.Source)
	}
	return text
}

// bottomLine claims nothing of what was not judged.
func bottomLine(r *resource.Report) (string, color) {
	unjudged := len(withVerdict(r, resource.Unjudged)) + len(withVerdict(r, resource.ByHand))
	switch {
	case len(withVerdict(r, resource.Fails)) > 0:
		return "worst that fails: " + string(r.Worst), red
	case unjudged > 0:
		return fmt.Sprintf("nothing that was judged fails, but %s not judged", plural(unjudged, "control was", "controls were")), yellow
	case len(r.Unread) > 0:
		return "nothing that was judged fails, but not all was read", yellow
	}
	return "nothing fails", green
}

// unreadFacts names what could not be read, one line for each reason.
func unreadFacts(out *printer, facts []resource.UnreadFact, s Style) {
	for _, u := range byReason(facts) {
		out.f("  %s %s: %s\n", s.paint(yellow, "could not read"), u.What, u.Reason)
	}
}

// byReason joins what stands for the same reason.
func byReason(facts []resource.UnreadFact) []resource.UnreadFact {
	var joined []resource.UnreadFact
	for _, f := range facts {
		i := slices.IndexFunc(joined, func(j resource.UnreadFact) bool { return j.Reason == f.Reason })
		if i < 0 {
			joined = append(joined, f)
			continue
		}
		joined[i].What += ", " + f.What
	}
	return joined
}
