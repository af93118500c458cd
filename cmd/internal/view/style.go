// Package view turns plans, histories and findings into text and JSON. It is
// pure: what it prints depends on its arguments alone.
package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Style is how text is printed.
type Style struct {
	Color bool
	// Summary leaves the diffs out.
	Summary bool
	// Verbose adds the notes that are the same on every host.
	Verbose bool
}

type color string

const (
	green  color = "32"
	yellow color = "33"
	red    color = "31"
	bold   color = "1"
	plain  color = ""
)

// painted is text that may hold our own escape sequences, and no others.
type painted string

func (s Style) paint(c color, text string) painted {
	text = clean(text)
	if !s.Color || c == plain {
		return painted(text)
	}
	return painted("\x1b[" + string(c) + "m" + text + "\x1b[0m")
}

// printer remembers the first write error, so that every line need not.
type printer struct {
	w   io.Writer
	err error
}

// f prints; strings are cleaned.
func (p *printer) f(format string, args ...any) {
	if p.err != nil {
		return
	}
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = clean(s)
		}
	}
	_, p.err = fmt.Fprintf(p.w, format, args...)
}

// clean replaces what a terminal would obey: a name in somebody's snapshot
// must not move the cursor over what a warning says.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
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

// diff prints a unified diff, indented.
func diff(out *printer, text string, s Style) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		out.f("  %s\n", s.paint(diffColor(line), line))
	}
}

func diffColor(line string) color {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
		return bold
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	}
	return plain
}
