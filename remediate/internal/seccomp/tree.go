package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A node is one JSON value with its place. Go's decoder, which dockerd uses,
// takes the last of two equal keys, any case of a key, and unknown keys in
// silence: a profile that means something else than it says.
type node struct {
	line   int
	fields []field // of an object
	items  []*node // of an array
	text   string  // of a string or a number
	kind   kind
}

type field struct {
	key   string
	line  int
	value *node
}

type kind string

const (
	isObject kind = "an object"
	isArray  kind = "a list"
	isString kind = "a text"
	isNumber kind = "a number"
	isBool   kind = "true or false"
	isNull   kind = "null"
)

// maxDepth is more than a profile has.
const maxDepth = 16

type treeReader struct {
	dec     *json.Decoder
	content []byte
	line    int   // of the offset counted so far
	counted int64 // offset
}

// parseTree reads exactly one JSON value.
func parseTree(content []byte) (*node, error) {
	r := &treeReader{dec: json.NewDecoder(bytes.NewReader(content)), content: content, line: 1}
	r.dec.UseNumber()
	n, err := r.value(0)
	if err == nil {
		if _, err = r.dec.Token(); err == nil {
			err = errors.New("something follows the JSON")
		} else if errors.Is(err, io.EOF) {
			return n, nil
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the JSON ends too early")
	}
	return nil, fmt.Errorf("line %d: %w", r.at(), err)
}

// at is the line that has been read up to.
func (r *treeReader) at() int {
	end := min(r.dec.InputOffset(), int64(len(r.content)))
	r.line += bytes.Count(r.content[r.counted:end], []byte("\n"))
	r.counted = end
	return r.line
}

func (r *treeReader) value(depth int) (*node, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	n := &node{line: r.at()}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return n, r.object(n, depth)
		}
		return n, r.array(n, depth)
	case string:
		n.kind, n.text = isString, v
	case json.Number:
		n.kind, n.text = isNumber, v.String()
	case bool:
		n.kind = isBool
	default:
		n.kind = isNull
	}
	return n, nil
}

func (r *treeReader) object(n *node, depth int) error {
	n.kind = isObject
	for r.dec.More() {
		t, err := r.dec.Token()
		if err != nil {
			return err
		}
		key, line := t.(string), r.at() // the decoder lets nothing else stand for a key
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.fields = append(n.fields, field{key, line, v})
	}
	_, err := r.dec.Token()
	return err
}

func (r *treeReader) array(n *node, depth int) error {
	n.kind = isArray
	for r.dec.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, v)
	}
	_, err := r.dec.Token()
	return err
}

// get returns the value of a key in any case, as Go's decoder finds it.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if strings.EqualFold(f.key, key) {
			return f.value
		}
	}
	return nil
}
