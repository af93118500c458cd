package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// summary is what must be read before a yes: what changes, which daemon
// restarts, which containers stop, what cannot be undone, what could not be
// read. It comes last, where the eye and a scrolled terminal end.
func summary(out *printer, p *resource.Plan, s Style) {
	out.f("%s\n", s.paint(bold, "Summary"))
	out.f("  policy %s (%s): %s\n", p.Policy.Name, p.Policy.Source, tally(p))
	if p.Pending() {
		for _, g := range []struct {
			verb   string
			action resource.Action
		}{{"create", resource.Create}, {"change", resource.Update}, {"delete", resource.Delete}} {
			if paths := touched(p, g.action); len(paths) > 0 {
				out.f("  %s to %s: %s\n", count(len(paths), "file"), g.verb, strings.Join(paths, ", "))
			}
		}
		for _, line := range kernel(p) {
			out.f("  %s\n", line)
		}
		service(out, p.Service, s)
	} else {
		out.f("  %s\n", s.paint(openColor(p), nothing(p)))
	}
	impacts(out, p, s)
	unreadFacts(out, p.Unread, s)
}

// tally counts the controls by status: "12 controls, 3 ok, 9 change".
func tally(p *resource.Plan) string {
	parts := []string{count(len(p.Controls), "control")}
	for _, st := range []resource.Status{resource.OK, resource.Changing, resource.Blocked, resource.Unread, resource.Manual} {
		if n := p.Count(st); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, st))
		}
	}
	return strings.Join(parts, ", ")
}

// nothing is honest about what a plan without changes leaves open.
func nothing(p *resource.Plan) string {
	open := len(p.Controls) - p.Count(resource.OK)
	if open == 0 {
		return "no changes: the host is as the policy wants it"
	}
	verb := "are"
	if open == 1 {
		verb = "is"
	}
	return fmt.Sprintf("no changes, but %d of %s %s not ok", open, count(len(p.Controls), "control"), verb)
}

func openColor(p *resource.Plan) color {
	if len(p.Controls) > p.Count(resource.OK) {
		return yellow
	}
	return green
}

func touched(p *resource.Plan, a resource.Action) []string {
	var paths []string
	for _, c := range p.Changes {
		if c.Action == a {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// installs is the kind of an operation that installs a package.
const installs = "packages"

// kernel counts the changes of the running kernel: "rules: 1 update: iptables
// (nft)". Packages come first, as they do in the transaction.
func kernel(p *resource.Plan) []string {
	var lines []string
	for _, o := range p.Operations {
		if o.Kind == installs {
			lines = append(lines, "installs the "+o.Target)
		}
	}
	for _, a := range []resource.Action{resource.Create, resource.Update, resource.Delete} {
		var targets []string
		for _, o := range p.Operations {
			if o.Action == a && o.Kind != installs && o.Kind != limits {
				targets = append(targets, o.Target)
			}
		}
		if len(targets) > 0 {
			lines = append(lines, fmt.Sprintf("rules: %s: %s", count(len(targets), string(a)), strings.Join(targets, ", ")))
		}
	}
	return append(lines, limited(p)...)
}

// limits is the kind of an operation that changes limits of a container.
const limits = "limits"

// limited names the containers, which docker calls by name alone.
func limited(p *resource.Plan) []string {
	var names []string
	for _, o := range p.Operations {
		if o.Kind == limits {
			names = append(names, strings.TrimPrefix(o.Target, "container "))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("limits of %s, without a restart: %s", count(len(names), "container"), strings.Join(names, ", "))}
}

func service(out *printer, svc resource.Service, s Style) {
	switch svc.Action {
	case resource.Reload:
		out.f("  dockerd reloads, no container stops%s\n", because(svc))
	case resource.Restart:
		out.f("  %s%s\n", s.paint(yellow, "dockerd restarts once"), because(svc))
		if svc.LiveRestoreFirst {
			out.f("  live-restore is switched on before the restart, so that containers run on\n")
		}
	case resource.NoAction:
		out.f("  dockerd is neither reloaded nor restarted\n")
	}
}

// Endings of the reasons that only name a key. Those of a restart are its
// cause; in a plan that restarts, keys that a reload would do need no word.
const (
	atStart  = " is read only when dockerd starts"
	byReload = " is taken up by a reload"
)

// because names the keys, and in full the reasons that are more than a key.
func because(svc resource.Service) string {
	var keys, sentences []string
	for _, r := range svc.Reasons {
		if key, ok := strings.CutSuffix(r, atStart); ok {
			keys = append(keys, key)
			continue
		}
		if key, ok := strings.CutSuffix(r, byReload); ok {
			if svc.Action == resource.Reload {
				keys = append(keys, key)
			}
			continue
		}
		sentences = append(sentences, r)
	}
	if len(keys) > 0 {
		sentences = slices.Insert(sentences, 0, strings.Join(keys, ", "))
	}
	if len(sentences) == 0 {
		return ""
	}
	return " (" + strings.Join(sentences, "; ") + ")"
}

// impacts go from warnings over what cannot be undone to notes; notes that
// hold on any host are folded.
func impacts(out *printer, p *resource.Plan, s Style) {
	folded := 0
	for _, level := range []struct {
		name  string
		color color
	}{{resource.WarningImpact, yellow}, {resource.IrreversibleImpact, red}, {resource.NoteImpact, plain}} {
		for _, i := range p.Impacts {
			switch {
			case i.Level != level.name:
			case i.Generic && !s.Verbose:
				folded++
			default:
				out.f("  %s %s\n", s.paint(level.color, i.Level+":"), impact(i))
			}
		}
	}
	if folded > 0 {
		out.f("  %s on the keys that change: bulwark plan --verbose\n", count(folded, "note"))
	}
}

// impact writes "text (2): a, b".
func impact(i resource.Impact) string {
	n := len(i.Subjects)
	if n == 0 {
		return i.Text
	}
	text := strings.TrimSuffix(i.Text, fmt.Sprintf(": %d", n))
	return fmt.Sprintf("%s (%d): %s", text, n, strings.Join(i.Subjects, ", "))
}

func count(n int, what string) string { return plural(n, what, what+"s") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
