package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ProofFormats are the names that Proof knows, the default first.
func ProofFormats() []string { return []string{"text", "json", "junit"} }

// Proof writes a proof in one of ProofFormats.
func Proof(w io.Writer, format string, p *resource.Proof, s Style) error {
	switch format {
	case "json":
		return JSON(w, p)
	case "junit":
		return proofJUnit(w, p)
	case "text":
		return proofText(w, p, s)
	}
	return fmt.Errorf("unknown format %q", format)
}

// proofOrder is the order of the groups: what needs eyes first.
var proofOrder = []struct {
	verdict resource.Verdict
	heading string
	color   color
}{
	{resource.Fails, "Did not hold", red},
	{resource.Unable, "Could not be tried", yellow},
	{resource.Holds, "Held", green},
	{resource.NotWanted, "Not asked for by the policy", plain},
}

func proofText(w io.Writer, p *resource.Proof, s Style) error {
	out := &printer{w: w}
	for _, g := range proofOrder {
		told := false
		for _, a := range p.Probes {
			if a.Verdict != g.verdict {
				continue
			}
			if !told {
				out.f("%s\n", s.paint(bold, g.heading))
				told = true
			}
			attempt(out, a, s.paint(g.color, string(a.Verdict)), s)
		}
		if told {
			out.f("\n")
		}
	}
	proofSummary(out, p, s)
	return out.err
}

func attempt(out *printer, a resource.Attempt, verdict painted, s Style) {
	out.f("  %s %s  %s\n", verdict, s.paint(bold, a.ID), a.Title)
	if a.Verdict == resource.NotWanted {
		return
	}
	out.f("      %s\n", a.Observed)
	if a.Verdict == resource.Holds && !s.Verbose {
		return
	}
	out.f("      tried: %s\n      must:  %s\n", a.Tries, a.Must)
	if a.Positive != "" {
		out.f("      with the defence off: %s\n", a.Positive)
	}
	for _, e := range a.Evidence {
		out.f("      > %s\n", e)
	}
}

func proofSummary(out *printer, p *resource.Proof, s Style) {
	var parts []string
	for _, g := range proofOrder {
		n := 0
		for _, a := range p.Probes {
			if a.Verdict == g.verdict {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(g.heading)))
		}
	}
	out.f("%s\n  %s: %s\n", s.paint(bold, "Summary"), count(len(p.Probes), "probe"), strings.Join(parts, ", "))
	engine := p.Engine
	if engine == "" {
		engine = "not known"
	}
	out.f("  Docker Engine %s, %s\n", engine, time.Duration(p.TookNS).Round(100*time.Millisecond).String())
	if p.Policy != nil {
		out.f("  policy %s (%s)\n", p.Policy.Name, p.Policy.Source)
	}
	if len(p.Targets) > 0 {
		out.f("  attacked outside: %s\n", strings.Join(p.Targets, ", "))
	}
	if len(p.Left) > 0 {
		out.f("  %s %s\n", s.paint(red, "could not be removed (the next run tries again):"), strings.Join(p.Left, ", "))
	}
}

// Probes lists the catalogue, a line each.
func Probes(w io.Writer, all []remediate.ProbeInfo, s Style) error {
	out := &printer{w: w}
	for _, p := range all {
		out.f("%-27s %-9s %s\n", p.ID, strings.Join(p.OWASP, ","), p.Title)
	}
	out.f("%s\n", s.paint(bold, count(len(all), "probe")))
	return out.err
}
