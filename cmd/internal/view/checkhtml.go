package view

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

var (
	//go:embed report.html
	pageText string
	//go:embed report.css
	pageSheet string

	pageTemplate = template.Must(template.New("report").Parse(pageText))
)

// pagePolicy allows the page its own style sheet, by digest, and nothing else:
// no script, no style from elsewhere, no request. The icon is empty data, so
// that a browser asks no server for one.
func pagePolicy() string {
	sum := sha256.Sum256([]byte(pageSheet))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'"
}

// A page is what report.html shows. All of its texts are printable.
type page struct {
	Policy   string
	Sheet    template.CSS
	Headline string
	Tool     string
	Next     string
	Tiles    []pageTile
	Facts    []pageFact
	Sections []pageSection
	First    []pageControl
	Areas    []pageArea
	Groups   []pageGroup
	Waived   []pageObject
	Fixed    []pageObject
	Unread   []resource.UnreadFact
}

type (
	pageTile struct {
		Class, Text string
		Number      int
	}
	pageFact    struct{ Name, Value string }
	pageSection struct{ ID, Heading string }
	pageArea    struct {
		resource.Area
		Class  string
		Judged bool
	}
)

// CheckHTML writes one page that needs nothing else: no script, no other file,
// no network.
func CheckHTML(w io.Writer, r *resource.Report) error {
	p := page{
		Policy: pagePolicy(), Sheet: template.CSS(pageSheet), Headline: headline(r), Tool: resource.Printable(r.Tool), Next: nextStep(r),
		Tiles: tiles(r), Facts: facts(r), First: first(r), Areas: pageAreas(r), Groups: groups(r),
		Waived: pageWaived(r), Fixed: pageFixed(r), Unread: pageUnread(r),
	}
	p.Sections = sections(p)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// headline is the one sentence that somebody takes home.
func headline(r *resource.Report) string {
	failed := len(withVerdict(r, resource.Fails))
	if failed == 0 {
		text, _ := bottomLine(r)
		return strings.ToUpper(text[:1]) + text[1:] + "."
	}
	return resource.Printable(fmt.Sprintf("%d of %s fail; the worst is %s.", failed, count(len(r.Controls), "control"), r.Worst))
}

func tiles(r *resource.Report) []pageTile {
	all := []pageTile{
		{Class: string(resource.Fails), Text: "fail"},
		{Class: string(resource.Unjudged), Text: "could not be judged"},
		{Class: string(resource.ByHand), Text: "to judge by hand"},
		{Class: string(resource.Holds), Text: "hold"},
		{Class: string(resource.NoObject), Text: "nothing to judge"},
	}
	for i := range all {
		all[i].Number = len(withVerdict(r, resource.Verdict(all[i].Class)))
	}
	return all
}

func facts(r *resource.Report) []pageFact {
	all := []pageFact{{"Host", r.Root}}
	if r.HostID != "" {
		all[0].Value += " (" + r.HostID + ")"
	}
	if r.Engine != "" {
		all = append(all, pageFact{"Docker Engine", r.Engine})
	}
	all = append(all, pageFact{"Read", instant(r.TakenNS)})
	if r.Policy != nil {
		all = append(all, pageFact{"Policy", r.Policy.Name + " (" + r.Policy.Source + ")"})
	}
	if r.AgainstNS != 0 {
		all = append(all, pageFact{"Compared", fmt.Sprintf("with the report of %s: %d new, %d the same, %d fixed",
			instant(r.AgainstNS), since(r, resource.SinceNew), since(r, resource.SinceSame), len(r.Fixed))})
	}
	for i := range all {
		all[i].Value = resource.Printable(all[i].Value)
	}
	return all
}

func pageAreas(r *resource.Report) []pageArea {
	var all []pageArea
	for _, a := range r.Areas {
		a.ID, a.Title = resource.Printable(a.ID), resource.Printable(a.Title)
		class := map[color]string{green: "good", yellow: "medium", red: "high"}[scoreColor(a)]
		all = append(all, pageArea{a, class, a.Score >= 0})
	}
	return all
}

func pageUnread(r *resource.Report) []resource.UnreadFact {
	all := byReason(r.Unread)
	for i := range all {
		all[i].What, all[i].Reason = resource.Printable(all[i].What), resource.Printable(all[i].Reason)
	}
	return all
}

// sections are the links on top, to what the page has.
func sections(p page) []pageSection {
	var all []pageSection
	add := func(there bool, id, heading string) {
		if there {
			all = append(all, pageSection{id, heading})
		}
	}
	add(len(p.First) > 0, "first", "What to do first")
	add(len(p.Areas) > 0, "areas", "Top 10")
	for _, g := range p.Groups {
		add(true, g.ID, g.Heading)
	}
	add(len(p.Waived) > 0, "waived", "Waived")
	add(len(p.Fixed) > 0, "fixed", "Fixed")
	add(len(p.Unread) > 0, "unread", "Not read")
	return all
}
