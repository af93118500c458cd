package view

import (
	"io"

	"github.com/bulwark-project/bulwark/remediate"
)

// RecoveryText writes what a recovery found and did.
func RecoveryText(w io.Writer, r *remediate.RecoverResult) error {
	out := &printer{w: w}
	if r.ID == "" {
		out.f("nothing to recover\n")
		return out.err
	}
	out.f("transaction %s: %s\n", r.ID, r.Outcome)
	for _, n := range r.Notes {
		out.f("  note: %s\n", n)
	}
	return out.err
}
