package view

import (
	"io"
	"strings"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// LoadedText writes what a load of the recorded rules did.
func LoadedText(w io.Writer, e *remediate.Egress, s Style) error {
	out := &printer{w: w}
	switch {
	case e.Outcome == remediate.EgressNone:
		out.f("nothing to load: no rules are recorded on this host\n")
	case len(e.Rules) == 0:
		out.f("%s no rules, as the record wants it\n", s.paint(green, "loaded:"))
	}
	for _, r := range e.Rules {
		chains, rules, sets := sizes(r)
		out.f("%s %s: %s, %s, %s\n", s.paint(green, "loaded:"), backend(r), count(chains, "chain"), count(rules, "rule"), count(sets, "set"))
	}
	return out.err
}

func sizes(r resource.Ruleset) (chains, rules, sets int) {
	for _, t := range r.Tables {
		chains += len(t.Chains)
		sets += len(t.Sets)
		for _, c := range t.Chains {
			rules += len(c.Rules)
		}
	}
	return chains, rules, sets
}

// EgressText writes bulwark's rules in the kernel in the words of the tool
// that lists them, but without what belongs to others.
func EgressText(w io.Writer, e *remediate.Egress, s Style) error {
	out := &printer{w: w}
	if len(e.Rules) == 0 {
		out.f("bulwark has no rules in the kernel\n")
	}
	for _, r := range e.Rules {
		for _, t := range r.Tables {
			out.f("%s\n", s.paint(bold, backend(r)+", "+family(t.Family)))
			table(out, t)
		}
	}
	return out.err
}

func table(out *printer, t resource.RuleTable) {
	for _, j := range t.Jumps {
		out.f("  %s, rule %d: -j %s\n", j.From, j.At, j.To)
	}
	for _, c := range t.Chains {
		out.f("  %s\n", strings.TrimSpace(c.Name+"  "+c.Hook))
		for _, rule := range c.Rules {
			out.f("    %s\n", rule)
		}
	}
	for _, set := range t.Sets {
		out.f("  set %s (%d)\n", set.Name, len(set.Members))
		for _, m := range set.Members {
			out.f("    %s\n", m)
		}
	}
}

func backend(r resource.Ruleset) string {
	if r.Variant == "" {
		return r.Backend
	}
	return r.Backend + " (" + r.Variant + ")"
}

func family(f string) string {
	switch f {
	case resource.FamilyIP4:
		return "IPv4"
	case resource.FamilyIP6:
		return "IPv6"
	}
	return "IPv4 and IPv6"
}
