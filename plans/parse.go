package plans

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

const (
	maxBytes = 1 << 20
	maxDepth = 32
	maxKeys  = 256 // of one map: each is one edit of daemon.json
)

// parse turns the text of one file into nodes. It takes the part of YAML that
// has one meaning: no anchors, aliases, merge keys, tags or second document.
func parse(file string, b []byte) (*node, Errors) {
	p := parser{file: file}
	if len(b) > maxBytes {
		p.fail(0, 0, "", "at most 1 MiB", fmt.Sprintf("%d bytes", len(b)), "")
		return nil, p.errs
	}
	doc := p.document(b)
	if doc == nil {
		return nil, p.errs
	}
	root := p.value(doc, "", 0)
	if root.kind != object {
		p.fail(root.line, root.col, "", "a map of keys", root.describe(true), "")
		return nil, p.errs
	}
	return root, p.errs
}

type parser struct {
	file string
	errs Errors
}

func (p *parser) fail(line, col int, key, want, got, hint string) {
	p.errs.add(&Error{File: p.file, Line: line, Column: col, Key: key, Want: want, Got: got, Hint: hint})
}

// document returns the root of the only document.
func (p *parser) document(b []byte) *yaml.Node {
	loader, err := yaml.NewLoader(bytes.NewReader(b))
	if err != nil {
		p.syntax(err)
		return nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		p.fail(1, 1, "", "a policy", "an empty file", "the shortest policy is \"version: 1\"")
		return nil
	case err != nil:
		p.syntax(err)
		return nil
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		p.syntax(err)
		return nil
	default:
		p.fail(second.Line, second.Column, "", "one document", "a second one", "write one policy to a file and use extends")
		return nil
	}
	return p.root(&doc)
}

func (p *parser) root(doc *yaml.Node) *yaml.Node {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		doc = doc.Content[0]
	}
	if doc.Kind == yaml.ScalarNode && doc.ShortTag() == "!!null" {
		p.fail(1, 1, "", "a policy", "an empty file", "the shortest policy is \"version: 1\"")
		return nil
	}
	return doc
}

// syntax reports what the YAML reader refuses.
func (p *parser) syntax(err error) {
	line, col, msg := 1, 0, err.Error()
	if le, ok := errors.AsType[*yaml.LoadError](err); ok {
		line, col, msg = max(le.Mark.Line, 1), le.Mark.Column, le.Message
	}
	hint := ""
	if strings.Contains(msg, "tab") || strings.Contains(msg, "cannot start any token") {
		hint = "YAML is indented with spaces, never with tabs"
	}
	p.fail(line, col, "", "YAML", "a syntax error: "+printable(msg), hint)
}

// value converts n. It always returns a node, so that the walk can go on.
func (p *parser) value(n *yaml.Node, path string, depth int) *node {
	v := &node{kind: null, text: "null", file: p.file, line: n.Line, col: n.Column}
	if depth > maxDepth {
		p.fail(n.Line, n.Column, shorten(path), fmt.Sprintf("at most %d levels", maxDepth), "more", "")
		return v
	}
	if !p.plain(n, path) {
		return v
	}
	switch n.Kind {
	case yaml.MappingNode:
		v.kind, v.text = object, ""
		p.mapping(v, n, path, depth)
	case yaml.SequenceNode:
		v.kind, v.text = array, ""
		for i, item := range n.Content {
			v.items = append(v.items, p.value(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	default:
		p.scalar(v, n, path)
	}
	return v
}

// plain refuses what gives a value a meaning that its text does not show.
func (p *parser) plain(n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		p.fail(n.Line, n.Column, path, "a value", "an alias (*"+shorten(n.Value)+")", "aliases are not supported: write the value out")
	case n.Anchor != "":
		p.fail(n.Line, n.Column, path, "a value", "an anchor (&"+shorten(n.Anchor)+")", "anchors are not supported: write the value where it is needed")
	case n.Style&yaml.TaggedStyle != 0:
		p.fail(n.Line, n.Column, path, "a value without a tag", fmt.Sprintf("the tag %q", shorten(n.Tag)), "")
	default:
		return true
	}
	return false
}

func (p *parser) mapping(v *node, n *yaml.Node, path string, depth int) {
	if keys := len(n.Content) / 2; keys > maxKeys {
		p.fail(n.Line, n.Column, path, fmt.Sprintf("at most %d keys", maxKeys), strconv.Itoa(keys), "")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if !p.key(k, path) {
			continue
		}
		name := join(path, k.Value)
		if line, ok := first[k.Value]; ok {
			p.fail(k.Line, k.Column, name, "each key once", fmt.Sprintf("a duplicate of line %d", line), "")
			continue
		}
		first[k.Value] = k.Line
		v.fields = append(v.fields, field{k.Value, k.Line, k.Column, p.value(n.Content[i+1], name, depth+1)})
	}
}

func (p *parser) key(k *yaml.Node, path string) bool {
	if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
		p.fail(k.Line, k.Column, path, "a key", "a merge key (<<)", "merge keys are not supported: use extends")
		return false
	}
	if k.Kind != yaml.ScalarNode {
		p.fail(k.Line, k.Column, path, "a text as key", "a list, map or alias", "")
		return false
	}
	if tag := k.ShortTag(); tag != "!!str" {
		p.fail(k.Line, k.Column, path, "a text as key", fmt.Sprintf("%q", shorten(k.Value)), "quote the key")
		return false
	}
	return p.plain(k, path)
}

func (p *parser) scalar(v *node, n *yaml.Node, path string) {
	v.text = n.Value
	switch tag := n.ShortTag(); tag {
	case "!!null":
		v.text = "null"
	case "!!bool":
		v.kind, v.text = boolean, strings.ToLower(n.Value)
	case "!!int", "!!float":
		v.kind = number
		if !validNumber(n.Value) {
			p.fail(n.Line, n.Column, path, "a decimal number", hide(n.Value, resource.NamesSecret(path)), "quote it if a text is meant")
			v.text = "0"
		}
	case "!!str", "!!timestamp": // a date is a text here
		v.kind = text
	default:
		p.fail(n.Line, n.Column, path, "a text, number or boolean", fmt.Sprintf("a value of type %q", shorten(tag)), "")
	}
}

// join appends key to path. A key that could upset a terminal or be mistaken
// for two is quoted.
func join(path, key string) string {
	if !plainPath.MatchString(key) {
		key = strconv.Quote(shorten(key))
	}
	if path == "" {
		return shorten(key)
	}
	return path + "." + shorten(key)
}

var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./:@-]+$`)
