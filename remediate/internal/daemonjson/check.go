package daemonjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// A Severity says what a Problem leads to.
type Severity string

// Refused keeps dockerd from starting or containers from running, or leaves
// it open what a file means. A Hazard is accepted by dockerd, but does not do
// what it seems to do or bites later.
const (
	Refused Severity = "refused"
	Hazard  Severity = "hazard"
)

// A Problem is one thing in a daemon.json that must or should not be there.
type Problem struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`   // from 1; 0 if it has no place
	Column   int      `json:"column,omitempty"` // in characters, from 1
	Key      string   `json:"key,omitempty"`    // path, such as "log-opts.max-size"
	// Related are other top-level keys that take part in the problem.
	Related []string `json:"related,omitempty"`
	Text    string   `json:"text"`
	Remedy  string   `json:"remedy,omitempty"`
}

// String writes "file:line:column: key: text", with what there is of it.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Key != "" && !strings.Contains(p.Text, fmt.Sprintf("%q", p.Key)) {
		fmt.Fprintf(&b, "%s: ", p.Key)
	}
	return b.String() + p.Text
}

// concerns reports whether one of the top-level keys takes part in p.
func (p Problem) concerns(key string) bool {
	top, _, _ := strings.Cut(p.Key, ".")
	return top == key || slices.Contains(p.Related, key)
}

// Check returns everything in a file that the engine refuses or silently
// mistreats, in the order of the file. path is only for the problems' File.
// With an unknown engine, what depends on the release is a Hazard.
//
// Not checked, because it needs the host: that files, groups, users, plugins
// and storage drivers exist.
func Check(path string, content []byte, engine Version) []Problem {
	c := &checker{path: path, content: content, engine: engine, count: map[Severity]int{}}
	var faults []*syntaxError
	c.doc, faults = parse(content)
	c.encoding()
	for _, f := range faults {
		c.at(Refused, f.offset, f.key, f.text, f.remedy)
	}
	if c.doc.obj == nil || len(faults) > 0 && !onlyForm(faults) {
		return c.found
	}
	if plain, err := hujson.Standardize(bytes.Clone(c.doc.body)); err == nil {
		c.doc.body = plain // comments and commas are blanked, offsets stay
	}
	for _, m := range c.doc.obj.Members {
		if !c.full() {
			c.member(m)
		}
	}
	c.rules()
	slices.SortStableFunc(c.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return c.found
}

// onlyForm reports whether the document could be parsed in spite of faults.
func onlyForm(faults []*syntaxError) bool {
	return !slices.ContainsFunc(faults, func(f *syntaxError) bool {
		return f.text == notObject || strings.HasPrefix(f.text, "invalid JSON") || strings.HasPrefix(f.text, "the file is")
	})
}

type checker struct {
	path    string
	content []byte
	engine  Version
	doc     *document
	found   []Problem
	count   map[Severity]int
}

// maxProblems bounds those of one severity: nobody reads more, and each is
// compared with all others.
const maxProblems = 100

// full says that no more refusals are reported: the file is refused, whatever
// else is in it.
func (c *checker) full() bool { return c.count[Refused] >= maxProblems }

// at reports a problem at an offset of the whole file.
func (c *checker) at(s Severity, offset int, key, text, remedy string, related ...string) {
	if c.count[s]++; c.count[s] > maxProblems {
		return
	}
	line, col := lineColumn(c.content, offset)
	c.found = append(c.found, Problem{s, c.path, line, col, key, related, text, remedy})
}

// on reports a problem at a top-level key, whose name it starts with.
func (c *checker) on(s Severity, key, text, remedy string, related ...string) {
	offset := 0
	if i, ok := find(c.doc.obj, key); ok {
		offset = c.doc.obj.Members[i].Name.StartOffset
	}
	c.at(s, len(c.doc.bom)+offset, key, text, remedy, related...)
}

// depends is the severity of something that only some releases refuse.
func (c *checker) depends(refuses bool) Severity {
	if !c.engine.Known() || !refuses {
		return Hazard
	}
	return Refused
}

// encoding reports what engines before 23.0 do not read: a byte order mark
// and an empty file (daemon/config/config.go, getConflictFreeConfiguration).
func (c *checker) encoding() {
	if c.engine.AtLeast(23, 0) {
		return
	}
	old := c.depends(true)
	if len(c.doc.bom) > 0 {
		c.at(old, 0, "", "the file begins with a byte order mark, which engines before 23.0 do not read", "save it as UTF-8 without BOM")
	}
	if c.doc.blank() && len(c.content) > 0 || c.content != nil && len(c.content) == 0 {
		c.at(old, 0, "", "the file is empty, which engines before 23.0 do not read", "write {} or remove the file")
	}
}

func (c *checker) member(m hujson.ObjectMember) {
	name, offset := nameOf(m), len(c.doc.bom)+m.Name.StartOffset
	c.numbers(name, m.Value)
	k, ok := Lookup(name)
	if !ok {
		_, nested := m.Value.Value.(*hujson.Object)
		p := unknownKey(name, nested, c.engine)
		c.at(p.Severity, offset, name, p.Text, p.Remedy)
		return
	}
	if p, ok := wrongRelease(k, c.engine); ok {
		c.at(p.Severity, offset, name, p.Text, p.Remedy)
		if p.Severity == Refused {
			return
		}
	}
	c.types(k, m)
}

// numbers refuses those that are beyond a 64-bit float anywhere in a value:
// before dockerd decodes a key as its type, it reads the whole file into a map
// (daemon/config/config.go, getConflictFreeConfiguration).
func (c *checker) numbers(key string, v hujson.Value) {
	for part := range v.All() {
		lit, ok := part.Value.(hujson.Literal)
		if !ok || lit.Kind() != '0' {
			continue
		}
		if _, err := strconv.ParseFloat(string(lit), 64); err != nil {
			c.at(Refused, len(c.doc.bom)+part.StartOffset, key, "the number is out of range", "use one that a 64-bit float can hold")
		}
	}
}

// types decodes a value as dockerd would, an object member by member so that
// the wrong one can be named.
func (c *checker) types(k Key, m hujson.ObjectMember) {
	obj, ok := m.Value.Value.(*hujson.Object)
	if !ok || !k.Type.object() {
		if text, remedy := typeError(k, k.Name, c.doc.raw(m.Value)); text != "" {
			c.at(Refused, len(c.doc.bom)+m.Value.StartOffset, k.Name, text, remedy)
		}
		return
	}
	for _, sub := range obj.Members {
		path := join(k.Name, nameOf(sub))
		if names := k.members(); names != nil && !slices.Contains(names, nameOf(sub)) {
			c.at(Refused, len(c.doc.bom)+sub.Name.StartOffset, path, fmt.Sprintf("unknown key %q", path), "use one of "+strings.Join(names, ", "))
			continue
		}
		one := "{" + string(c.doc.raw(sub.Name)) + ":" + string(c.doc.raw(sub.Value)) + "}"
		if text, remedy := typeError(k, path, json.RawMessage(one)); text != "" {
			c.at(Refused, len(c.doc.bom)+sub.Value.StartOffset, path, text, remedy)
		}
	}
}

// typeError returns what is wrong with the type of a value, or "".
func typeError(k Key, path string, raw json.RawMessage) (text, remedy string) {
	if k.Type == Size && raw[0] != '"' && string(raw) != "null" {
		return fmt.Sprintf("%q must be a string with a size", path), `write it with its unit, such as "64m"`
	}
	err := json.Unmarshal(raw, k.target())
	if err == nil {
		return "", ""
	}
	text = fmt.Sprintf("%q has the wrong type: the key is a %s", path, k.Type)
	var te *json.UnmarshalTypeError
	if !errors.As(err, &te) {
		return fmt.Sprintf("%q is no valid %s", path, k.Type), ""
	}
	return text, typeRemedy(k, te)
}

func typeRemedy(k Key, te *json.UnmarshalTypeError) string {
	switch {
	case te.Value == "string" && (k.Type == Bool || k.Type == Int || k.Type == BoolMap):
		return "write it without quotes"
	case k.Type == Ulimits:
		return `write {"Name": "nofile", "Soft": 1024, "Hard": 4096}`
	case k.Type == StringMap || k.Type == MapOfMaps || k.Type == String:
		return "put it in quotes"
	case k.Type == StringList || k.Type == IPList:
		return "write a list: [ \"...\" ]"
	}
	return ""
}
