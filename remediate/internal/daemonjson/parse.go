package daemonjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

const notObject = "the top level is not an object"

// maxDepth is the nesting that encoding/json, and so dockerd, refuses.
const maxDepth = 10000

func utf8BOM() []byte { return []byte("\xef\xbb\xbf") }

// A document is a daemon.json that parsed. Offsets in root count from body.
type document struct {
	bom, body []byte
	root      hujson.Value
	// obj is nil for an empty file and for null.
	obj *hujson.Object
}

// A syntaxError is a reason why bytes are no JSON document that dockerd and
// the editor agree upon. Offset counts bytes of the whole file.
type syntaxError struct {
	offset       int
	key          string
	text, remedy string
}

func (e *syntaxError) Error() string { return e.text }

// parse reads a file and reports everything about its form that dockerd
// refuses (comments, trailing commas, wrong top level) or reads in a way that
// people do not expect (duplicate keys: the last wins).
func parse(content []byte) (*document, []*syntaxError) {
	d, e := open(content)
	if e != nil || d.blank() {
		return d, list(e)
	}
	v, e := parseValue(d.body)
	if e != nil {
		e.offset += len(d.bom)
		return d, list(e)
	}
	d.root = v
	w := walker{base: len(d.bom)}
	w.value(&d.root, "")
	switch t := v.Value.(type) {
	case *hujson.Object:
		d.obj = t
	case hujson.Literal:
		if t.Kind() != 'n' {
			w.add(v.StartOffset, "", notObject, "write the keys inside { }")
		}
	default:
		w.add(v.StartOffset, "", notObject, "write the keys inside { }")
	}
	return d, w.found
}

func list(e *syntaxError) []*syntaxError {
	if e == nil {
		return nil
	}
	return []*syntaxError{e}
}

// MaxSize is the size in bytes above which a file is not looked into. Each key
// is judged on the whole file, and no configuration is that large.
const MaxSize = 1 << 20

// open takes the byte order mark off and refuses other encodings than UTF-8.
func open(content []byte) (*document, *syntaxError) {
	if len(content) > MaxSize {
		return &document{}, &syntaxError{text: "the file is too large", remedy: "remove what does not belong into it"}
	}
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return &document{body: content}, &syntaxError{text: "the file is UTF-16", remedy: "save it as UTF-8"}
	}
	d := &document{body: content}
	if bytes.HasPrefix(content, utf8BOM()) {
		d.bom, d.body = content[:3], content[3:]
	}
	for i := 0; i < len(d.body); {
		r, n := utf8.DecodeRune(d.body[i:])
		if r == utf8.RuneError && n == 1 {
			return d, &syntaxError{offset: i + len(d.bom), text: "the file is not UTF-8", remedy: "save it as UTF-8"}
		}
		i += n
	}
	return d, nil
}

// blank reports whether there is nothing but white space.
func (d *document) blank() bool { return len(bytes.Trim(d.body, " \t\r\n")) == 0 }

// parseValue parses JSON with comments and trailing commas. Its errors are
// those of encoding/json, whose words dockerd prints too.
func parseValue(b []byte) (hujson.Value, *syntaxError) {
	if i := tooDeep(b, maxDepth); i >= 0 {
		return hujson.Value{}, &syntaxError{offset: i, text: "invalid JSON: nested too deeply"}
	}
	v, err := hujson.Parse(b)
	if err == nil {
		return v, nil
	}
	var se *json.SyntaxError
	if errors.As(json.Unmarshal(b, new(any)), &se) {
		return v, syntax(b, se)
	}
	return v, &syntaxError{text: "invalid JSON: " + strings.TrimPrefix(err.Error(), "hujson: ")}
}

// syntax adds the remedy for the mistakes that are made most often.
func syntax(b []byte, se *json.SyntaxError) *syntaxError {
	e := &syntaxError{offset: max(int(se.Offset)-1, 0), text: "invalid JSON: " + se.Error()}
	switch at := b[min(e.offset, len(b)-1)]; {
	case strings.Contains(e.text, "unexpected end"):
		e.offset, e.remedy = len(b), "close every quote, bracket and brace"
	case strings.Contains(e.text, "after object key:value"), strings.Contains(e.text, "after array element"):
		e.remedy = "a comma is missing before this"
	case strings.Contains(e.text, "after top-level value"):
		e.remedy = "remove everything after the closing brace; engines before 23.0 ignore it silently"
	case at == '\'':
		e.remedy = "use double quotes"
	}
	return e
}

// tooDeep returns the offset at which nesting passes the limit, or -1. The
// parser recurses, so it has to be asked before. After a comment, in which
// quotes mean nothing, every opening bracket counts.
func tooDeep(b []byte, limit int) int {
	depth, inString, comment := 0, false, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"' && !comment:
			inString = !inString
		case inString:
		case c == '/':
			comment = true
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return i
			}
		case (c == '}' || c == ']') && !comment:
			depth--
		}
	}
	return -1
}

// A walker collects what hujson accepts and dockerd does not.
type walker struct {
	base  int // bytes before the parsed ones
	found []*syntaxError
}

func (w *walker) add(offset int, key, text, remedy string) {
	w.found = append(w.found, &syntaxError{offset: w.base + offset, key: key, text: text, remedy: remedy})
}

func (w *walker) value(v *hujson.Value, path string) {
	w.extra(v.BeforeExtra, v.StartOffset-len(v.BeforeExtra), path)
	switch t := v.Value.(type) {
	case *hujson.Object:
		w.object(t, v.EndOffset, path)
	case *hujson.Array:
		for i := range t.Elements {
			w.value(&t.Elements[i], path)
		}
		if n := len(t.Elements); n > 0 {
			w.comma(t.Elements[n-1], path)
		}
		w.extra(t.AfterExtra, v.EndOffset-1-len(t.AfterExtra), path)
	}
	w.extra(v.AfterExtra, v.EndOffset, path)
}

func (w *walker) object(o *hujson.Object, end int, path string) {
	seen := map[string]bool{}
	for i := range o.Members {
		m := &o.Members[i]
		name := nameOf(*m)
		key := join(path, name)
		w.extra(m.Name.BeforeExtra, m.Name.StartOffset-len(m.Name.BeforeExtra), path)
		w.extra(m.Name.AfterExtra, m.Name.EndOffset, key)
		if foldsCase(path) {
			name = strings.ToLower(name)
		}
		if seen[name] {
			w.add(m.Name.StartOffset, key, fmt.Sprintf("key %q is given twice", key),
				"keep one of them; dockerd takes the last without a word")
		}
		seen[name] = true
		w.value(&m.Value, key)
	}
	if n := len(o.Members); n > 0 {
		w.comma(o.Members[n-1].Value, path)
	}
	w.extra(o.AfterExtra, end-1-len(o.AfterExtra), path)
}

// foldsCase reports whether dockerd decodes the object at a path into a Go
// struct, in which "Name" and "name" are the same member.
func foldsCase(path string) bool {
	top, rest, _ := strings.Cut(path, ".")
	return (top == "default-ulimits" || top == "runtimes") && rest != "" && !strings.Contains(rest, ".options")
}

// comma reports a trailing comma. hujson marks one by a non-nil AfterExtra of
// the last value.
func (w *walker) comma(last hujson.Value, path string) {
	if last.AfterExtra != nil {
		w.add(last.EndOffset+len(last.AfterExtra), path, "trailing comma", "remove the comma: JSON allows none after the last member")
	}
}

func (w *walker) extra(e hujson.Extra, offset int, path string) {
	if i := bytes.IndexByte(e, '/'); i >= 0 {
		w.add(offset+i, path, "comment", "remove it: dockerd reads plain JSON")
	}
}

// join writes a path of keys as messages show it: "log-opts.max-size".
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func nameOf(m hujson.ObjectMember) string {
	lit, _ := m.Name.Value.(hujson.Literal)
	return lit.String()
}

// named saves the copy that nameOf makes: a large file is asked for each key of
// many.
func named(m hujson.ObjectMember, name string) bool {
	lit, _ := m.Name.Value.(hujson.Literal)
	if len(lit) < 2 || bytes.IndexByte(lit, '\\') >= 0 {
		return lit.String() == name
	}
	return string(lit[1:len(lit)-1]) == name
}

// find returns the member with that name.
func find(o *hujson.Object, name string) (int, bool) {
	if o == nil {
		return 0, false
	}
	for i, m := range o.Members {
		if named(m, name) {
			return i, true
		}
	}
	return 0, false
}

// raw returns the bytes of a value.
func (d *document) raw(v hujson.Value) json.RawMessage {
	return json.RawMessage(d.body[v.StartOffset:v.EndOffset])
}

// get returns the value of a top-level key as it stands in the file.
func (d *document) get(name string) (json.RawMessage, bool) {
	i, ok := find(d.obj, name)
	if !ok {
		return nil, false
	}
	return d.raw(d.obj.Members[i].Value), true
}

// lineColumn turns an offset into a line and a column, both from 1; columns
// count characters, without a byte order mark.
func lineColumn(content []byte, offset int) (line, column int) {
	head := content[:min(offset, len(content))]
	line = 1 + bytes.Count(head, []byte("\n"))
	head = bytes.TrimPrefix(head[bytes.LastIndexByte(head, '\n')+1:], utf8BOM())
	return line, 1 + utf8.RuneCount(head)
}
