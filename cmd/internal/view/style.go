// Package view turns plans, histories and findings into text and JSON. It is
// pure: what it prints depends on its arguments alone.
package view

import (
	"fmt"
	"io"
	"reflect"
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
	text = resource.Printable(text)
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

// f prints; whatever is text is made printable.
func (p *printer) f(format string, args ...any) {
	if p.err != nil {
		return
	}
	for i, a := range args {
		args[i] = printable(a)
	}
	_, p.err = fmt.Fprintf(p.w, format, args...)
}

func printable(a any) any {
	switch v := a.(type) {
	case painted:
		return v
	case string:
		return resource.Printable(v)
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.String {
		return resource.Printable(v.String())
	}
	return a
}

// Note writes a line for people that is no result: an error, a hint, progress.
func Note(w io.Writer, format string, args ...any) {
	(&printer{w: w}).f(format, args...)
}

// Lines writes text of several lines, each made printable.
func Lines(w io.Writer, text string) {
	out := &printer{w: w}
	for line := range strings.Lines(text) {
		out.f("%s\n", strings.TrimRight(line, "\n"))
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
