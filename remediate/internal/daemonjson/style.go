package daemonjson

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tailscale/hujson"
)

// A style is how a file lays its members out.
type style struct {
	newline string // "\n" or "\r\n"; "" writes everything on one line
	base    string // indentation of the top-level braces
	unit    string // one step of indentation
	// separator is what follows the comma before a new member.
	separator string
	// beforeColon, colon and comma are white space on one line.
	beforeColon, colon, comma string
	// depth is the level of the members that are edited, from 1.
	depth int
}

func freshStyle() style {
	return style{newline: "\n", unit: "    ", separator: "\n    ", colon: " ", comma: " ", depth: 1}
}

// topStyle reads the style off the top-level object.
func (d *document) topStyle() style {
	s := freshStyle()
	s.newline = newlineOf(d.body)
	s.base = tail(d.root.BeforeExtra)
	n := len(d.obj.Members)
	if n == 0 {
		s.base = ""
		return s
	}
	sample := d.obj.Members[n-1]
	s.beforeColon, s.colon = onLine(sample.Name.AfterExtra), onLine(sample.Value.BeforeExtra)
	lead, broken := leading(d.obj)
	if !broken {
		return s.oneLine(d.obj)
	}
	indent := tail(lead)
	s.unit = strings.TrimPrefix(indent, s.base)
	s.separator = string(lead)
	return s
}

// oneLine is the style of an object without line breaks between members. An
// empty file in one line says nothing about spaces: then those after colons
// decide.
func (s style) oneLine(obj *hujson.Object) style {
	s.newline = ""
	s.comma = s.colon
	if len(obj.Members) > 1 {
		s.comma = onLine(obj.Members[1].Name.BeforeExtra)
	}
	s.separator = s.comma
	return s
}

// inner is the style for the members of an object that is a member itself.
func (s style) inner(obj *hujson.Object) style {
	s.depth++
	s.separator = s.prefix(s.depth)
	if len(obj.Members) == 0 {
		return s
	}
	lead, broken := leading(obj)
	if !broken {
		return s.oneLine(obj)
	}
	s.separator = string(lead)
	return s
}

// leading returns the white space before the last member that starts a line.
func leading(obj *hujson.Object) (hujson.Extra, bool) {
	for i := len(obj.Members) - 1; i >= 0; i-- {
		if lead := obj.Members[i].Name.BeforeExtra; bytes.ContainsRune(lead, '\n') {
			return lead[bytes.LastIndexByte(lead, '\n')-carriage(lead):], true
		}
	}
	return nil, false
}

// carriage is 1 if the last newline in b is CRLF.
func carriage(b []byte) int {
	if i := bytes.LastIndexByte(b, '\n'); i > 0 && b[i-1] == '\r' {
		return 1
	}
	return 0
}

func newlineOf(b []byte) string {
	if i := bytes.IndexByte(b, '\n'); i > 0 && b[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// tail is what stands after the last newline of b.
func tail(b []byte) string { return string(b[bytes.LastIndexByte(b, '\n')+1:]) }

// onLine reduces white space around a colon or comma to what may be copied:
// columns that are aligned with many spaces are not.
func onLine(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return " "
}

// prefix starts a line at a level; on one line it is nothing.
func (s style) prefix(depth int) string {
	if s.newline == "" {
		return ""
	}
	return s.newline + s.base + strings.Repeat(s.unit, max(depth, 0))
}

// member writes "key": value without anything before or after it.
func (s style) member(key string, v hujson.Value, depth int) string {
	return quote(key) + s.beforeColon + ":" + s.colon + s.render(v, depth)
}

func quote(key string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(key) // a string and a Builder: neither can fail
	return strings.TrimSuffix(b.String(), "\n")
}

// maxLine is the length up to which a list of scalars stays on one line.
const maxLine = 72

func (s style) render(v hujson.Value, depth int) string {
	switch t := v.Value.(type) {
	case *hujson.Object:
		parts := make([]string, len(t.Members))
		for i, m := range t.Members {
			parts[i] = s.member(nameOf(m), m.Value, depth+1)
		}
		return s.block("{", parts, "}", depth)
	case *hujson.Array:
		return s.array(t, depth)
	case hujson.Literal:
		return string(t)
	}
	return "null"
}

func (s style) array(a *hujson.Array, depth int) string {
	parts, size, scalars := make([]string, len(a.Elements)), 0, true
	for i, e := range a.Elements {
		parts[i] = s.render(e, depth+1)
		size += len(parts[i]) + 2
		_, lit := e.Value.(hujson.Literal)
		scalars = scalars && lit
	}
	if scalars && size <= maxLine {
		return "[" + strings.Join(parts, ","+s.comma) + "]"
	}
	return s.block("[", parts, "]", depth)
}

func (s style) block(open string, parts []string, end string, depth int) string {
	if len(parts) == 0 {
		return open + end
	}
	sep := s.prefix(depth + 1)
	if s.newline == "" {
		return open + strings.Join(parts, ","+s.comma) + end
	}
	return open + sep + strings.Join(parts, ","+sep) + s.prefix(depth) + end
}
