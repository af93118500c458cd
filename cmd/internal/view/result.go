package view

import (
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
	return out.err
}

func unchanged(out *printer, r *remediate.ApplyResult, s Style) {
	if r.Plan == nil {
		out.f("nothing to do\n")
		return
	}
	out.f("%s\n", s.paint(green, nothing(r.Plan)))
	for _, o := range statusOrder {
		for _, c := range r.Plan.Controls {
			if c.Status == o.status {
				control(out, c, len(c.ID), s.paint(o.color, string(c.Status)))
			}
		}
	}
}

// ReversalText writes what a rollback will do.
func ReversalText(w io.Writer, r remediate.Reversal, s Style) error {
	out := &printer{w: w}
	out.f("%s\n", s.paint(bold, "Roll back"))
	for _, p := range r.Paths {
		out.f("  %s %s\n", s.paint(yellow, "~"), p)
	}
	switch r.Service.Action {
	case resource.Restart:
		out.f("  %s\n", s.paint(yellow, "dockerd restarts once"))
	case resource.Reload:
		out.f("  dockerd reloads\n")
	case resource.NoAction:
	}
	if len(r.Stops) > 0 {
		out.f("  containers that stop: %s\n", strings.Join(r.Stops, ", "))
	}
	return out.err
}
