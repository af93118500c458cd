package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/bulwark-project/bulwark/remediate"
)

// SeccompText writes what a profile does.
func SeccompText(w io.Writer, r *remediate.SeccompReport, s Style) error {
	out := &printer{w: w}
	if r.DefaultAction != "" {
		out.f("%s: what it does not name is met by %s\n", s.paint(bold, r.File), r.DefaultAction)
	}
	for _, p := range r.Problems {
		if p.Refused {
			out.f("  %s  %s\n", s.paint(red, "refused"), p.String())
		} else {
			out.f("  %s  %s\n", s.paint(yellow, "look at"), p.String())
		}
	}
	if r.Looser == nil && r.Stricter == nil {
		return out.err
	}
	out.f("Compared with the default of %s, %s:\n", engineName(r), r.Arch)
	differences(out, "lets through what the default does not", r.Looser)
	differences(out, "does not let through what the default does", r.Stricter)
	if !r.Usable {
		out.f("%s a policy cannot use it as it is\n", s.paint(red, "refused:"))
	}
	return out.err
}

func engineName(r *remediate.SeccompReport) string {
	if r.Engine == "" {
		return "the pinned base (github.com/moby/profiles/seccomp " + r.Base + ")"
	}
	return "Engine " + r.Engine
}

func differences(out *printer, what string, all []remediate.SeccompDifference) {
	if len(all) == 0 {
		out.f("  %s: nothing\n", what)
		return
	}
	out.f("  %s (%d):\n", what, len(all))
	for _, d := range all {
		out.f("    %s\n", strings.TrimRight(fmt.Sprintf("%-24s  %s", d.Syscall, strings.Join(d.When, "; ")), " "))
	}
}
