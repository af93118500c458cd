// Package view turns plans, histories and findings into text and JSON. It is
// pure: what it prints depends on its arguments alone.
package view

import (
	"fmt"
	"io"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Style is how text is printed.
type Style struct {
	Color bool
	// Summary leaves the diffs out.
	Summary bool
}

type color string

const (
	green  color = "32"
	yellow color = "33"
	red    color = "31"
	bold   color = "1"
	plain  color = ""
)

func (s Style) paint(c color, text string) string {
	if !s.Color || c == plain {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// printer remembers the first write error, so that every line need not.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// marker is the sign in front of a change: + ~ -.
func marker(a resource.Action) (string, color) {
	switch a {
	case resource.Create:
		return "+", green
	case resource.Delete:
		return "-", red
	}
	return "~", yellow
}
