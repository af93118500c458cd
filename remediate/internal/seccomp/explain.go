package seccomp

import (
	"encoding/json"
	"maps"
	"slices"

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
	// Stricter those of which it is the other way round.
	Looser   []Difference `json:"looser"`
	Stricter []Difference `json:"stricter"`
}

// Explain compares a profile with what the recipe gives, on a machine. Of a
// profile that is refused only the problems are told.
func Explain(content []byte, r Recipe, m Machine, o Options) Explanation {
	e := Explanation{Problems: Check(content, o), Looser: []Difference{}, Stricter: []Difference{}}
	if e.Problems == nil {
		e.Problems = []Problem{}
	}
	var p Profile
	if json.Unmarshal(content, &p) != nil || len(p.Syscalls) == 0 && p.DefaultAction == "" {
		return e
	}
	e.DefaultAction = string(p.DefaultAction)
	if slices.ContainsFunc(p.Syscalls, isNil) || len(Refusals(Check(content, Options{DefaultAllow: true}))) > 0 {
		return e
	}
	def := Derive(r)
	e.Looser, e.Stricter = compare(&p, def, m), compare(def, &p, m)
	return e
}

func isNil[T any](p *T) bool { return p == nil }

// compare lists what a lets through and b does not.
func compare(a, b *Profile, m Machine) []Difference {
	names := syscalls()
	in, out := accesses(a, m), accesses(b, m)
	for name := range in {
		names = append(names, name)
	}
	slices.Sort(names)
	diffs := []Difference{}
	for _, name := range slices.Compact(names) {
		if d, ok := differs(name, open(a, in, name), open(b, out, name)); ok {
			diffs = append(diffs, d)
		}
	}
	return diffs
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

// differs reports the conditions of a that b does not have. What b lets through
// always it lets through under every condition; two different conditions count
// as different, though one might imply the other.
func differs(name string, a, b map[string]bool) (Difference, bool) {
	if len(a) == 0 || b[""] {
		return Difference{}, false
	}
	d := Difference{Syscall: name}
	if a[""] {
		return d, true
	}
	for _, c := range slices.Sorted(maps.Keys(a)) {
		if !b[c] {
			d.When = append(d.When, c)
		}
	}
	return d, len(d.When) > 0
}
