package plans

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A walker judges nodes by the schema.
type walker struct{ errs Errors }

func (w *walker) fail(s *spec, n *node, path, want, hint string) {
	if hint == "" {
		hint = s.Hint
	}
	w.errs.add(&Error{
		File: n.file, Line: n.line, Column: n.col, Key: path, Hint: hint,
		Want: want, Got: n.describe(secretPath(path)),
	})
}

// walk reports everything in n that s forbids.
func (w *walker) walk(s *spec, n *node, path string) {
	s = s.deref()
	if w.errs.full() {
		return
	}
	switch {
	case s.refused():
		w.errs.add(&Error{File: n.file, Line: n.line, Column: n.col, Key: path, Want: s.want(), Got: "the key", Hint: s.Hint})
	case len(s.AnyOf) > 0:
		w.anyOf(s, n, path)
	case len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, n.equals):
		w.fail(s, n, path, s.want(), enumHint(s, n))
	case len(s.Const) > 0 && string(n.json(nil)) != string(s.Const):
		w.fail(s, n, path, s.want(), "")
	case len(s.Type) > 0 && !n.fits(s.Type):
		w.fail(s, n, path, s.want(), typeHint(s, n))
	case s.Not != nil && fits(s.Not, n):
		w.fail(s, n, path, s.want(), "")
	default:
		w.inside(s, n, path)
	}
}

func (w *walker) inside(s *spec, n *node, path string) {
	switch n.kind {
	case object:
		w.object(s, n, path)
	case array:
		w.array(s, n, path)
	case text:
		if !s.takesText(n.text) {
			w.fail(s, n, path, s.want(), "")
		}
	case number:
		if !s.takesNumber(n.text) {
			w.fail(s, n, path, s.want(), "")
		}
	}
}

// anyOf reports the faults by the first branch that is meant for n's type.
func (w *walker) anyOf(s *spec, n *node, path string) {
	var meant *spec
	for _, branch := range s.AnyOf {
		if fits(branch, n) {
			return
		}
		if b := branch.deref(); meant == nil && n.kind == array && slices.Contains(b.Type, array) {
			meant = b
		}
	}
	if meant != nil {
		w.walk(meant, n, path)
		return
	}
	w.fail(s, n, path, s.want(), enumHint(s, n))
}

// fits reports whether n has no fault by s.
func fits(s *spec, n *node) bool {
	var w walker
	w.walk(s, n, "")
	return len(w.errs) == 0
}

func (w *walker) object(s *spec, n *node, path string) {
	for _, f := range n.fields {
		if w.errs.full() {
			return
		}
		w.field(s, f, n.file, join(path, f.key))
	}
	for _, key := range s.Required {
		if n.get(key) == nil {
			w.errs.add(&Error{
				File: n.file, Line: n.line, Column: n.col, Key: join(path, key),
				Want: s.Properties[key].deref().want(), Got: "no such key", Hint: s.Properties[key].Hint,
			})
		}
	}
	if len(n.fields) < s.MinProperties {
		w.fail(s, n, path, "one of "+strings.Join(s.keys(), ", "), "")
	}
	if s.MaxProperties > 0 && len(n.fields) > s.MaxProperties {
		w.fail(s, n, path, "only one of "+strings.Join(s.keys(), ", "), "")
	}
}

func (w *walker) field(s *spec, f field, file, path string) {
	if prop, ok := s.Properties[f.key]; ok {
		w.walk(prop, f.value, path)
		return
	}
	more := s.AdditionalProperties
	if more != nil && more.spec != nil {
		w.walk(more.spec, f.value, path)
		return
	}
	near := resource.Nearest(f.key, s.keys())
	if more == nil && near == "" { // an open map: dockerd may know the key
		return
	}
	hint := ""
	if near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	} else if len(s.Properties) <= 20 {
		hint = "the keys here are " + strings.Join(s.keys(), ", ")
	}
	w.errs.add(&Error{File: file, Line: f.line, Column: f.col, Key: path, Want: "a known key", Got: fmt.Sprintf("%q", shorten(f.key)), Hint: hint})
}

// keys lists the keys that may be written, sorted.
func (s *spec) keys() []string {
	var keys []string
	for _, k := range slices.Sorted(maps.Keys(s.Properties)) {
		if !s.Properties[k].refused() {
			keys = append(keys, k)
		}
	}
	return keys
}

func (w *walker) array(s *spec, n *node, path string) {
	if len(n.items) < s.MinItems {
		w.fail(s, n, path, "at least one item", "leave the key out for the default")
	}
	first := map[string]int{}
	for i, item := range n.items {
		p := fmt.Sprintf("%s[%d]", path, i)
		if s.Items != nil {
			w.walk(s.Items, item, p)
		}
		key := string(item.json(nil))
		if line, ok := first[key]; ok && s.UniqueItems {
			w.fail(s, item, p, fmt.Sprintf("each item once (it is on line %d too)", line), "")
		}
		first[key] = item.line
	}
}

// fits reports whether n is of one of these types.
func (n *node) fits(types []kind) bool {
	return slices.Contains(types, n.kind) || n.kind == number &&
		slices.Contains(types, integer) && !strings.ContainsAny(n.text, ".eE")
}

func (n *node) equals(v any) bool {
	if v == nil {
		return n.kind == null
	}
	return n.kind == text && n.text == v
}

func (s *spec) takesText(t string) bool {
	length := utf8.RuneCountInString(t)
	return length >= s.MinLength && (s.MaxLength == 0 || length <= s.MaxLength) &&
		(s.Pattern == nil || s.Pattern.MatchString(t)) && validFormat(s.Format, t)
}

func (s *spec) takesNumber(t string) bool {
	if len(t) > 30 { // 1e999999999 would take all memory
		return false
	}
	if s.Minimum == nil && s.Maximum == nil {
		return true
	}
	v, _, err := big.ParseFloat(t, 10, 128, big.ToNearestEven)
	if err != nil {
		return false
	}
	return (s.Minimum == nil || v.Cmp(bound(s.Minimum.String())) >= 0) &&
		(s.Maximum == nil || v.Cmp(bound(s.Maximum.String())) <= 0)
}

func bound(s string) *big.Float {
	v, _, _ := big.ParseFloat(s, 10, 128, big.ToNearestEven) // part of schema.json
	return v
}

// typeHint explains the mix-ups of YAML's types.
func typeHint(s *spec, n *node) string {
	switch {
	case s.Hint != "":
		return s.Hint
	case slices.Contains(s.Type, text) && (n.kind == number || n.kind == boolean):
		return "quote it"
	case slices.Contains(s.Type, boolean) && n.kind == text:
		return "write true or false without quotes"
	case slices.Contains(s.Type, array) && n.kind == text:
		return "write a list: [a, b]"
	case n.kind == null && !strings.Contains(s.want(), "null"):
		return "leave the key out to say nothing; unmanaged drops what an extended policy says"
	}
	return ""
}

func enumHint(s *spec, n *node) string {
	words := map[string]bool{}
	for _, b := range append([]*spec{s}, s.AnyOf...) {
		for _, v := range b.Enum {
			words[fmt.Sprint(v)] = true
		}
	}
	if near := resource.Nearest(n.text, slices.Sorted(maps.Keys(words))); near != "" && n.kind == text {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}
