package view

import (
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A pageGroup is the controls of one verdict.
type pageGroup struct {
	ID, Heading, About string
	Compact            bool // of which a line each will do
	Controls           []pageControl
}

type pageControl struct {
	ID, Anchor, Title, Severity, Badge, Counted, References string
	Reason, Why, Remedy                                     string
	Open                                                    bool
	New, Waived                                             int
	Shown, Hidden                                           []pageObject
	Evidence                                                []string
}

type pageObject struct {
	Control, Anchor                        string
	Kind, Name, Observed, Expected, Remedy string
	Since                                  string
	Note                                   string
	Unjudged                               bool
}

// pageGroups say of each verdict what it means.
var pageGroups = map[resource.Verdict]pageGroup{
	resource.Fails:    {ID: "fails", Heading: "Fails", About: "The worst first."},
	resource.Unjudged: {ID: "unknown", Heading: "Could not be judged", Compact: true, About: "What these rest on could not be read. They may hold or not."},
	resource.ByHand:   {ID: "manual", Heading: "To judge by hand", About: "Only a person can judge these; what there is to judge by is given."},
	resource.Holds:    {ID: "holds", Heading: "Holds", Compact: true, About: "Judged, and in order."},
	resource.NoObject: {ID: "none", Heading: "Nothing to judge", Compact: true, About: "There is nothing on this host that these could be about."},
}

func groups(r *resource.Report) []pageGroup {
	var all []pageGroup
	for _, v := range verdictOrder {
		g := pageGroups[v]
		for _, c := range withVerdict(r, v) {
			g.Controls = append(g.Controls, controlOnPage(c))
		}
		if len(g.Controls) > 0 {
			all = append(all, g)
		}
	}
	return all
}

// first are the failing controls that cannot wait.
func first(r *resource.Report) []pageControl {
	var all []pageControl
	for _, c := range withVerdict(r, resource.Fails) {
		if c.Severity.Rank() < resource.High.Rank() {
			continue
		}
		shown := controlOnPage(c)
		if failed := open(c, resource.Fails); shown.Remedy == "" && len(failed) > 0 {
			shown.Remedy = resource.Printable(failed[0].Remedy)
		}
		all = append(all, shown)
	}
	return all
}

func controlOnPage(c resource.ControlReport) pageControl {
	shown := pageControl{
		ID: resource.Printable(c.ID), Anchor: anchor(c.ID), Title: resource.Printable(c.Title), Severity: resource.Printable(string(c.Severity)),
		Counted: counts(c), References: resource.Printable(references(c)),
		Reason: resource.Printable(c.Reason), Why: paragraphs(c.Why), Remedy: paragraphs(c.Remedy),
		Open: c.Verdict == resource.Fails && c.Severity.Rank() >= resource.High.Rank(), Waived: c.Waived,
	}
	// A colour is for what is wrong, or may be.
	if c.Verdict == resource.Fails || c.Verdict == resource.Unjudged {
		shown.Badge = shown.Severity
	}
	for _, f := range c.Findings {
		if f.Since == resource.SinceNew {
			shown.New++
		}
		if f.Verdict != resource.Unjudged || f.Observed != c.Reason { // else it is said
			shown.Shown = append(shown.Shown, objectOnPage(c.ID, f))
		}
	}
	if len(shown.Shown) > folded+1 {
		shown.Shown, shown.Hidden = shown.Shown[:folded], shown.Shown[folded:]
	}
	for _, e := range c.Evidence {
		shown.Evidence = append(shown.Evidence, resource.Printable(e))
	}
	return shown
}

// counts is said of controls that fail only.
func counts(c resource.ControlReport) string {
	if c.Verdict != resource.Fails {
		return ""
	}
	return resource.Printable(ofJudged(c))
}

func objectOnPage(control string, f resource.Finding) pageObject {
	shown := pageObject{
		Control: resource.Printable(control), Anchor: anchor(control),
		Kind: resource.Printable(f.Kind), Name: resource.Printable(f.Object), Observed: resource.Printable(f.Observed),
		Expected: resource.Printable(f.Expected), Remedy: resource.Printable(f.Remedy), Since: resource.Printable(f.Since),
		Unjudged: f.Verdict == resource.Unjudged,
	}
	if f.Since == resource.SinceSame {
		shown.Since = ""
	}
	if f.Waiver != nil {
		shown.Note = resource.Printable(waivedUntil(f.Waiver))
	}
	return shown
}

func pageWaived(r *resource.Report) []pageObject {
	var all []pageObject
	for _, f := range waivedFindings(r) {
		all = append(all, objectOnPage(f.Control, f.Finding))
	}
	return all
}

func pageFixed(r *resource.Report) []pageObject {
	var all []pageObject
	for _, f := range r.Fixed {
		shown := objectOnPage(f.Control, f.Finding)
		if !slices.ContainsFunc(r.Controls, func(c resource.ControlReport) bool { return c.ID == f.Control }) {
			shown.Anchor = ""
		}
		all = append(all, shown)
	}
	return all
}

// anchor is the id of a control on the page.
func anchor(id string) string {
	return "control-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '_'
	}, id)
}

// paragraphs is text of our own, whose lines stay lines.
func paragraphs(s string) string {
	all := strings.Split(s, "\n")
	for i := range all {
		all[i] = resource.Printable(all[i])
	}
	return strings.Join(all, "\n")
}
