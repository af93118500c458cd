package plans

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// kind is a JSON Schema type.
type kind string

const (
	object  kind = "object"
	array   kind = "array"
	text    kind = "string"
	number  kind = "number"
	integer kind = "integer"
	boolean kind = "boolean"
	null    kind = "null"
)

// A node is one value of a policy file with the place it comes from.
type node struct {
	kind   kind
	text   string  // scalars: the text as JSON spells it, strings unquoted
	items  []*node // array
	fields []field // object, in the order of the file
	file   string
	line   int
	col    int
}

type field struct {
	key   string
	line  int // of the key
	col   int
	value *node
}

// get returns the value of key, or nil. A nil node has no keys.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// at follows keys down from n.
func (n *node) at(keys ...string) *node {
	for _, k := range keys {
		n = n.get(k)
	}
	return n
}

// drop returns n without key.
func (n *node) drop(key string) *node {
	c := *n
	c.fields = slices.DeleteFunc(slices.Clone(n.fields), func(f field) bool { return f.key == key })
	return &c
}

// with returns n with key set to value.
func (n *node) with(key string, value *node) *node {
	c := n.drop(key)
	c.fields = append(c.fields, field{key: key, line: value.line, col: value.col, value: value})
	return c
}

// is reports whether n is a scalar with this text, such as true or off.
func (n *node) is(k kind, s string) bool { return n != nil && n.kind == k && n.text == s }

// stated reports whether n has a value other than null.
func (n *node) stated() bool { return n != nil && n.kind != null }

// json appends n as compact JSON with sorted keys.
func (n *node) json(b []byte) []byte {
	switch n.kind {
	case object:
		return n.objectJSON(b)
	case array:
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.json(b)
		}
		return append(b, ']')
	case text:
		return appendString(b, n.text)
	default:
		return append(b, n.text...)
	}
}

func (n *node) objectJSON(b []byte) []byte {
	fields := slices.SortedFunc(slices.Values(n.fields), func(x, y field) int { return cmp.Compare(x.key, y.key) })
	b = append(b, '{')
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.key), ':')
		b = f.value.json(b)
	}
	return append(b, '}')
}

func appendString(b []byte, s string) []byte {
	q, _ := encode(s) // a string always encodes
	return append(b, q...)
}

// describe says in a few words what n is. Values that may be secret are not
// shown: messages end up in logs.
func (n *node) describe(secret bool) string {
	switch n.kind {
	case object:
		return "a map"
	case array:
		return "a list"
	case null:
		return "nothing (null)"
	case boolean:
		return n.text
	case number:
		return "the number " + hide(n.text, secret)
	default:
		return "the text " + hide(fmt.Sprintf("%q", shorten(n.text)), secret || resource.LooksSecret(n.text))
	}
}

func hide(s string, secret bool) string {
	if secret {
		return "(not shown)"
	}
	return shorten(s)
}

// shorten cuts what a message quotes to a readable length.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}

// printable replaces what could upset a terminal or end a line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// secretPath reports whether values at path may hold credentials.
func secretPath(path string) bool {
	for _, word := range []string{"log-opts", "prox", "token", "password", "secret"} {
		if strings.Contains(path, word) {
			return true
		}
	}
	return false
}

// validNumber reports whether s is a number as JSON spells it. YAML knows
// more (0x10, 1_000, .inf), which would surprise in daemon.json.
func validNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}
