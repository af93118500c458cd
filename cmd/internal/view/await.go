package view

import (
	"io"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate"
)

// awaiting tells what to do before the time is over.
func awaiting(out *printer, r *remediate.ApplyResult, s Style) {
	out.f("%s transaction %s waits to be confirmed until %s\n", s.paint(yellow, "applied:"), r.ID, r.ConfirmBy.Local().Format(time.DateTime+" MST"))
	out.f("  to keep it: bulwark confirm, over a new connection, to see that one can still be made\n")
	out.f("  to undo it at once: bulwark rollback\n")
	out.f("  without either it is rolled back then, and at a reboot\n")
}

// ConfirmText writes what a confirmation kept.
func ConfirmText(w io.Writer, r *remediate.ConfirmResult, s Style) error {
	out := &printer{w: w}
	if r.Outcome == string(remediate.RolledBack) {
		out.f("%s the host is as before (transaction %s)\n", s.paint(red, "rolled back:"), r.ID)
		out.f("  because: %s\n", r.Cause)
	} else {
		out.f("%s transaction %s is kept\n", s.paint(green, "confirmed:"), r.ID)
		kept(out, r, s)
		out.f("  to undo: bulwark rollback\n")
	}
	for _, n := range r.Notes {
		out.f("  note: %s\n", n)
	}
	return out.err
}

func kept(out *printer, r *remediate.ConfirmResult, s Style) {
	for _, f := range r.Files {
		m, col := marker(f.Action)
		out.f("  %s %s\n", s.paint(col, m), f.Path)
	}
	if r.Rules {
		out.f("  %s rules in the kernel\n", s.paint(yellow, "~"))
	}
	limitsOf(out, r.Limits, s)
}

func limitsOf(out *printer, names []string, s Style) {
	if len(names) > 0 {
		out.f("  %s limits of %s: %s\n", s.paint(yellow, "~"), count(len(names), "container"), strings.Join(names, ", "))
	}
}
