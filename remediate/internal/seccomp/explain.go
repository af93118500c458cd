package seccomp

import (
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A Difference is one system call for which two profiles differ.
type Difference struct {
	Syscall string `json:"syscall"`
	// When says under which conditions; empty is always.
	When []string `json:"when,omitempty"`
}

// An Explanation says what a profile does, and how it differs from the default.
type Explanation struct {
	DefaultAction string    `json:"default_action"`
	Problems      []Problem `json:"problems"`
	// Looser are calls that the profile lets through and the default does not,
	// Stricter those of which it is the other way round. Both are nil for a
	// profile that cannot be compared.
	Looser   []Difference `json:"looser"`
	Stricter []Difference `json:"stricter"`
}

// Explain compares a profile with what the recipe gives, on a machine. Of a
// profile that is refused only the problems are told.
func Explain(content []byte, r Recipe, m Machine, o Options) Explanation {
	e := Explanation{Problems: Check(content, o)}
	if e.Problems == nil {
		e.Problems = []Problem{}
	}
	p, ok := usable(content)
	if !ok {
		return e
	}
	e.DefaultAction = string(p.DefaultAction)
	def := Derive(r)
	e.Looser, e.Stricter = compare(p, def, m), compare(def, p, m)
	return e
}

// usable decodes a profile that dockerd would take, whatever it lets through.
func usable(content []byte) (*Profile, bool) {
	if len(Refusals(Check(content, Options{DefaultAllow: true}))) > 0 {
		return nil, false
	}
	root, err := parseTree(content)
	if err != nil {
		return nil, false
	}
	p, err := decode(content, root)
	return p, err == nil
}

// compare lists what a lets through and b does not: to every container, and to
// those with a capability that one of them has a rule for.
func compare(a, b *Profile, m Machine) []Difference {
	found := map[string][]string{}
	always := against(a, b, m, "")
	for name, when := range always {
		found[name] = when
	}
	for _, c := range conditional(a, b) {
		for name, when := range against(a, b, m, c) {
			for _, w := range when {
				if !slices.Contains(always[name], w) && !slices.Contains(always[name], "") {
					found[name] = append(found[name], strings.TrimSuffix("with "+c+", "+w, ", "))
				}
			}
		}
	}
	diffs := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		diffs = append(diffs, Difference{name, without(found[name], "")})
	}
	return diffs
}

// against returns the conditions, "" for none, under which a lets a call through
// and b does not. What b lets through always it lets through under every
// condition; two different conditions count as different, though one might
// imply the other.
func against(a, b *Profile, m Machine, capability string) map[string][]string {
	in, out := accesses(a, m, capability), accesses(b, m, capability)
	found := map[string][]string{}
	for _, name := range callsOn(m.Arch) {
		mine, theirs := open(a, in, name), open(b, out, name)
		for _, c := range slices.Sorted(maps.Keys(mine)) {
			if !theirs[c] && !theirs[""] && !slices.Contains(found[name], c) {
				found[name] = append(found[name], c)
			}
		}
	}
	return found
}

// open returns the conditions under which a profile lets a call through.
func open(p *Profile, all map[string]access, name string) map[string]bool {
	a, ok := all[name]
	byDefault := p.DefaultAction == specs.ActAllow || p.DefaultAction == specs.ActLog
	switch {
	case !byDefault:
		return a.allowed
	case !ok || len(a.denied) == 0:
		return map[string]bool{"": true}
	case a.denied[""]:
		return nil
	}
	left := map[string]bool{}
	for c := range a.denied {
		left["unless "+c] = true
	}
	return left
}
