package view

import (
	"io"
	"strings"

	"github.com/bulwark-project/bulwark/remediate"
)

// Controls lists the catalogue, a line each: slug, severity, areas, number of the
// CIS benchmark 1.8, title.
func Controls(w io.Writer, all []remediate.ControlInfo, s Style) error {
	out := &printer{w: w}
	for _, c := range all {
		out.f("%-30s %-8s %-9s %-7s %s\n", c.ID, c.Severity, strings.Join(c.OWASP, ","), strings.Join(c.CIS["1.8"], ","), c.Title)
	}
	out.f("%s\n", s.paint(bold, count(len(all), "control")))
	return out.err
}
