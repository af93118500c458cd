package view

import (
	"errors"
	"io"
	"strings"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ResultText writes how an apply or rollback ended.
func ResultText(w io.Writer, r *remediate.ApplyResult, s Style) error {
	out := &printer{w: w}
	switch r.Outcome {
	case remediate.Unchanged:
		unchanged(out, r, s)
	case remediate.Applied:
		out.f("%s transaction %s\n", s.paint(green, "done:"), r.ID)
		out.f("  to undo: bulwark rollback\n")
	case remediate.Awaiting:
		awaiting(out, r, s)
	case remediate.TakenBack:
		out.f("%s the host is as before (transaction %s)\n", s.paint(green, "taken back:"), r.ID)
	case remediate.RolledBack:
		out.f("%s the host is as before (transaction %s)\n", s.paint(red, "rolled back:"), r.ID)
		out.f("  because: %s\n", r.Cause)
		for _, l := range r.Daemon {
			out.f("  dockerd: %s\n", l)
		}
	}
	for _, n := range r.Notes {
		out.f("  note: %s\n", n)
	}
	if r.Proof != nil {
		out.f("\n")
		return errors.Join(out.err, proofText(w, r.Proof, s))
	}
	return out.err
}

// unchanged is one line, and those controls that are not ok.
func unchanged(out *printer, r *remediate.ApplyResult, s Style) {
	if r.Plan == nil {
		out.f("nothing to do\n")
		return
	}
	out.f("%s\n", s.paint(openColor(r.Plan), nothing(r.Plan)))
	openControls(out, r.Plan, s, func(string) bool { return false })
}

// ReversalText writes what a rollback will do.
func ReversalText(w io.Writer, r remediate.Reversal, s Style) error {
	out := &printer{w: w}
	out.f("%s\n", s.paint(bold, "Roll back"))
	for _, p := range r.Paths {
		out.f("  %s %s\n", s.paint(yellow, "~"), p)
	}
	if r.Rules {
		out.f("  %s rules in the kernel\n", s.paint(yellow, "~"))
	}
	limitsOf(out, r.Limits, s)
	switch r.Service.Action {
	case resource.Restart:
		out.f("  %s\n", s.paint(yellow, "dockerd restarts once"))
	case resource.Reload:
		out.f("  dockerd reloads, no container stops\n")
	case resource.NoAction:
		out.f("  dockerd is neither reloaded nor restarted\n")
	}
	if len(r.Stops) > 0 {
		out.f("  %s (%d): %s\n", s.paint(yellow, "containers that stop"), len(r.Stops), strings.Join(r.Stops, ", "))
	}
	return out.err
}
