package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// defaultLimit bounds a probe that names no limit.
const defaultLimit = 10 * time.Second

// Select returns the probes that only names, or all; a name is a slug, with * as
// wildcard, or an area D01 to D10.
func Select(all []Probe, only []string) ([]Probe, error) {
	for _, name := range only {
		if !slices.ContainsFunc(all, func(p Probe) bool { return p.named(name) }) {
			return nil, noProbe(all, name)
		}
	}
	var out []Probe
	for _, p := range all {
		if len(only) == 0 || slices.ContainsFunc(only, p.named) {
			out = append(out, p)
		}
	}
	return out, nil
}

func noProbe(all []Probe, name string) error {
	var ids []string
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	if near := resource.Nearest(name, ids); near != "" {
		return fmt.Errorf("cannot probe %q: there is no such probe; did you mean %s?", name, near)
	}
	return fmt.Errorf("cannot probe %q: there is no such probe; bulwark prove --list names them", name)
}

func (p Probe) named(name string) bool {
	before, after, wild := strings.Cut(name, "*")
	return p.ID == name || wild && strings.HasPrefix(p.ID, before) && strings.HasSuffix(p.ID, after) ||
		slices.ContainsFunc(p.OWASP, func(a string) bool { return strings.EqualFold(a, name) })
}

// Make makes the probes one after the other, and tells each before it begins.
// When ctx ends, those that were not made are unable.
func Make(ctx context.Context, probes []Probe, policy *plans.Policy, l Lab, tell func(string)) []resource.Attempt {
	var out []resource.Attempt
	for _, p := range probes {
		tell(p.ID)
		out = append(out, p.attempt(ctx, policy, l))
	}
	return out
}

func (p Probe) attempt(ctx context.Context, policy *plans.Policy, l Lab) resource.Attempt {
	a := resource.Attempt{ID: p.ID, Title: p.Title, OWASP: p.OWASP, Tries: p.Tries, Must: p.Must}
	start := time.Now()
	var o Outcome
	switch {
	case ctx.Err() != nil:
		o = Outcome{Verdict: resource.Unable, Observed: "interrupted"}
	case policy != nil && p.Wanted != nil && !p.Wanted(policy):
		o = Outcome{Verdict: resource.NotWanted, Observed: "the policy does not ask for it"}
	default:
		o = p.bounded(ctx, l)
	}
	a.Verdict, a.Observed, a.Positive, a.Evidence = o.Verdict, oneLine(o.Observed), o.Positive, o.Evidence
	a.TookNS = time.Since(start).Nanoseconds()
	return a
}

// oneLine parts by semicolons what several containers said, which errors.Join
// parts by lines.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// bounded ends a probe that takes too long. One that was cut off proves nothing,
// whatever it said.
func (p Probe) bounded(ctx context.Context, l Lab) Outcome {
	limit := p.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	o := p.Run(within, l)
	switch {
	case errors.Is(within.Err(), context.DeadlineExceeded) && o.Verdict != resource.Fails:
		return Outcome{Verdict: resource.Unable, Observed: fmt.Sprintf("it did not end within %s", limit)}
	case o.Verdict == "":
		return Outcome{Verdict: resource.Unable, Observed: "it came to no verdict"}
	}
	return o
}
