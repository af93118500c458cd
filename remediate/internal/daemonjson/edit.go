package daemonjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tailscale/hujson"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Edit returns content with the named top-level keys as wanted and every other
// byte as it was: order, indentation, newlines, byte order mark, numbers.
//
// A nil Value (or null) removes the key. An object value is a JSON merge patch
// (RFC 7396): members that it names are set, those it names with null are
// removed, all others stay. Lists are replaced as a whole. A value that
// already means the same is not touched. New members come last, in the style
// of the file. No file, an empty one and null become a new object, indented by
// four spaces.
//
// Edit fails, naming line and column, on everything of the file's form that
// dockerd refuses: invalid JSON, comments, trailing commas, and on duplicate
// keys. It also fails if a Value is no JSON.
func Edit(content []byte, keys []resource.DaemonKey) ([]byte, error) {
	out := bytes.Clone(content)
	for _, k := range keys {
		var err error
		if out, err = editKey(out, k.Key, k.Value); err != nil {
			return nil, fmt.Errorf("cannot set %q: %w", k.Key, err)
		}
	}
	return out, nil
}

func editKey(content []byte, key string, value json.RawMessage) ([]byte, error) {
	d, faults := parse(content)
	if len(faults) > 0 {
		line, col := lineColumn(content, faults[0].offset)
		return nil, fmt.Errorf("%d:%d: %s", line, col, faults[0].text)
	}
	want, err := parseWanted(value)
	if err != nil {
		return nil, err
	}
	if d.obj == nil {
		return d.create(key, want), nil
	}
	return d.splice(d.set(d.obj, d.root, d.topStyle(), key, want)), nil
}

// maxWanted bounds the nesting of a value that is written: dockerd knows none
// of more than six levels, and laying out costs time with depth.
const maxWanted = 64

// parseWanted parses a policy's value; nil means that the key is to go.
func parseWanted(value json.RawMessage) (*hujson.Value, error) {
	if value == nil {
		return nil, nil
	}
	if tooDeep(value, maxWanted) >= 0 {
		return nil, fmt.Errorf("the value is nested more than %d levels deep", maxWanted)
	}
	v, faults := parse(value)
	if v.blank() {
		return nil, errors.New("the value is empty")
	}
	for _, f := range faults {
		if f.text != notObject {
			return nil, fmt.Errorf("the value is not JSON: %s", f.text)
		}
	}
	if v.root.Value.Kind() == 'n' {
		return nil, nil
	}
	return &v.root, nil
}

// create replaces an empty file or null by an object with one key.
func (d *document) create(key string, want *hujson.Value) []byte {
	if want == nil || prune(want) == nil {
		return slices.Concat(d.bom, d.body)
	}
	s := freshStyle()
	obj := "{" + s.prefix(1) + s.member(key, *prune(want), 1) + s.prefix(0) + "}"
	if d.blank() {
		return slices.Concat(d.bom, []byte(obj+"\n"))
	}
	return d.splice(edit{d.root.StartOffset, d.root.EndOffset, obj})
}

// An edit replaces the bytes of body from start to end by text.
type edit struct {
	start, end int
	text       string
}

func (d *document) splice(edits ...edit) []byte {
	out := bytes.Clone(d.bom)
	at := 0
	for _, e := range edits {
		out = append(append(out, d.body[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, d.body[at:]...)
}

// nothing is the edit that changes no byte.
func nothing() edit { return edit{} }

// set computes the one edit that brings a member of obj to want (nil: gone).
// An object with several differing members is rewritten member by member by
// way of patch.
func (d *document) set(obj *hujson.Object, in hujson.Value, s style, key string, want *hujson.Value) edit {
	i, found := find(obj, key)
	switch {
	case want == nil && !found:
		return nothing()
	case want == nil:
		return removal(obj, in, i)
	case !found:
		if pruned := prune(want); pruned != nil {
			return d.insertion(obj, in, s, key, *pruned)
		}
		return nothing()
	}
	return d.replace(obj.Members[i].Value, s, want)
}

func (d *document) replace(have hujson.Value, s style, want *hujson.Value) edit {
	patch, isPatch := want.Value.(*hujson.Object)
	if _, isObject := have.Value.(*hujson.Object); isPatch && isObject {
		return d.merge(have, s, patch)
	}
	if same(have.Value, want.Value) {
		return nothing()
	}
	text := s.render(*want, s.depth)
	if pruned := prune(want); pruned != nil {
		text = s.render(*pruned, s.depth)
	}
	return edit{have.StartOffset, have.EndOffset, text}
}

// merge applies a merge patch to an object inside the file. Each member is one
// edit of the object's own bytes, parsed anew so that offsets stay true.
func (d *document) merge(have hujson.Value, s style, patch *hujson.Object) edit {
	text := bytes.Clone(d.raw(have))
	for _, m := range patch.Members {
		v, err := hujson.Parse(text)
		obj, ok := v.Value.(*hujson.Object)
		if err != nil || !ok {
			break // cannot happen: every edit leaves an object
		}
		want := &m.Value
		if want.Value.Kind() == 'n' {
			want = nil
		}
		sub := &document{body: text, root: v, obj: obj}
		text = sub.splice(sub.set(obj, v, s.inner(obj), nameOf(m), want))
	}
	if bytes.Equal(text, d.raw(have)) {
		return nothing()
	}
	return edit{have.StartOffset, have.EndOffset, string(text)}
}

// removal takes out a member with the comma that belongs to it. The last
// member goes with the comma before it, so that an insertion is undone.
func removal(obj *hujson.Object, in hujson.Value, i int) edit {
	m := obj.Members
	switch {
	case len(m) == 1:
		return edit{in.StartOffset + 1, in.EndOffset - 1, ""}
	case i == 0:
		return edit{m[0].Name.StartOffset, m[1].Name.StartOffset, ""}
	}
	return edit{m[i-1].Value.EndOffset, m[i].Value.EndOffset, ""}
}

// insertion adds a member at the end of obj.
func (d *document) insertion(obj *hujson.Object, in hujson.Value, s style, key string, v hujson.Value) edit {
	if n := len(obj.Members); n > 0 {
		at := obj.Members[n-1].Value.EndOffset
		return edit{at, at, "," + s.separator + s.member(key, v, s.depth)}
	}
	text := s.prefix(s.depth) + s.member(key, v, s.depth)
	if bytes.ContainsRune(obj.AfterExtra, '\n') { // {⏎}: the brace stays where it is
		return edit{in.StartOffset + 1, in.StartOffset + 1, text}
	}
	return edit{in.StartOffset + 1, in.EndOffset - 1, text + s.prefix(s.depth-1)}
}

// prune drops the members of a merge patch that are null; it returns nil for
// a null itself.
func prune(v *hujson.Value) *hujson.Value {
	if v.Value.Kind() == 'n' {
		return nil
	}
	obj, ok := v.Value.(*hujson.Object)
	if !ok {
		return v
	}
	out := &hujson.Object{}
	for _, m := range obj.Members {
		if p := prune(&m.Value); p != nil {
			out.Members = append(out.Members, hujson.ObjectMember{Name: m.Name, Value: *p})
		}
	}
	return &hujson.Value{Value: out}
}

// same reports whether two values mean the same to a JSON reader. Numbers are
// compared by their text: they may be larger than any Go type.
func same(a, b hujson.ValueTrimmed) bool {
	switch x := a.(type) {
	case hujson.Literal:
		y, ok := b.(hujson.Literal)
		return ok && x.Kind() == y.Kind() && (bytes.Equal(x, y) || x.Kind() == '"' && x.String() == y.String())
	case *hujson.Array:
		y, ok := b.(*hujson.Array)
		return ok && slices.EqualFunc(x.Elements, y.Elements, func(v, w hujson.Value) bool { return same(v.Value, w.Value) })
	case *hujson.Object:
		y, ok := b.(*hujson.Object)
		if !ok || len(x.Members) != len(y.Members) {
			return false
		}
		for _, m := range x.Members {
			i, found := find(y, nameOf(m))
			if !found || !same(m.Value.Value, y.Members[i].Value.Value) {
				return false
			}
		}
		return true
	}
	return false
}
