package seccomp

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
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

// Explain compares a profile with the default of an engine, the zero Version
// being the pinned base, on a machine. Of a profile that dockerd would not take
// only the problems are told.
func Explain(content []byte, e engine.Version, m Machine, o Options) Explanation {
	x := Explanation{Problems: Check(content, o)}
	if x.Problems == nil {
		x.Problems = []Problem{}
	}
	p, ok := usable(content)
	if !ok {
		return x
	}
	x.DefaultAction = string(p.DefaultAction)
	def := EngineDefault(e)
	x.Looser, x.Stricter = compare(p, def, m), compare(def, p, m)
	return x
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
// those with capabilities that one of them has a rule for.
func compare(a, b *Profile, m Machine) []Difference {
	found := map[string][]string{}
	always := against(a, b, m, nil, nil)
	some := conditionalCalls(a, b)
	for name, when := range always {
		found[name] = when
	}
	for _, caps := range conditional(a, b) {
		for name, when := range against(a, b, m, caps, some) {
			for _, w := range when {
				if !slices.Contains(always[name], w) && !slices.Contains(always[name], "") {
					found[name] = append(found[name], strings.TrimSuffix("with "+strings.Join(caps, " and ")+", "+w, ", "))
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

// conditional are the sets of capabilities that decide about a rule of one of the
// profiles: each one of them, and those that a rule wants together.
func conditional(all ...*Profile) [][]string {
	sets := map[string][]string{}
	for _, p := range all {
		for _, r := range p.Syscalls {
			for _, f := range []*profiles.Filter{r.Includes, r.Excludes} {
				if f == nil || len(f.Caps) == 0 {
					continue
				}
				sets[strings.Join(f.Caps, " ")] = f.Caps
				for _, c := range f.Caps {
					sets[c] = []string{c}
				}
			}
		}
	}
	var out [][]string
	for _, key := range slices.Sorted(maps.Keys(sets)) {
		out = append(out, sets[key])
	}
	return out
}

// conditionalCalls are the calls of rules that capabilities decide about, and the
// multiplexers of those: for all others no set of capabilities tells anything new.
func conditionalCalls(all ...*Profile) map[string]bool {
	calls := map[string]bool{}
	for _, p := range all {
		for _, r := range p.Syscalls {
			if (r.Includes == nil || len(r.Includes.Caps) == 0) && (r.Excludes == nil || len(r.Excludes.Caps) == 0) {
				continue
			}
			for _, name := range r.Names {
				calls[name] = true
				if m := multiplexerOf(name); m != "" {
					for _, member := range append(multiplexers()[m], m) {
						calls[member] = true
					}
				}
			}
		}
	}
	return calls
}

// against returns the conditions, "" for none, under which a lets a call through
// and b does not. What b lets through always it lets through under every
// condition; two different conditions count as different, though one might
// imply the other.
func against(a, b *Profile, m Machine, caps []string, only map[string]bool) map[string][]string {
	in, out := accessesOf(a, m, caps, only), accessesOf(b, m, caps, only)
	found := map[string][]string{}
	for _, name := range callsOn(m.Arch) {
		if only != nil && !only[name] {
			continue
		}
		mine, theirs := open(a, in, name), open(b, out, name)
		if theirs[""] {
			continue
		}
		for _, c := range slices.SortedFunc(maps.Keys(mine), byNumber) {
			if !theirs[c] {
				found[name] = append(found[name], c)
			}
		}
	}
	return found
}

// byNumber orders "address family 9" before "address family 10".
func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

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
