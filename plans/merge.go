package plans

import (
	"encoding/json"
	"slices"
	"strings"
)

// merge lays child over parent: maps key by key, anything else as a whole.
// The result shares nodes with both and changes neither.
func merge(parent, child *node, path string) *node {
	if parent == nil || parent.kind != object || child.kind != object {
		return child
	}
	if path == "daemon" {
		parent = forgetLogOpts(parent, child)
	}
	m := *child
	m.fields = slices.Clone(parent.fields)
	for _, f := range child.fields {
		i := slices.IndexFunc(parent.fields, func(p field) bool { return p.key == f.key })
		if i < 0 {
			m.fields = append(m.fields, f)
			continue
		}
		f.value = merge(m.fields[i].value, f.value, join(path, f.key))
		m.fields[i] = f
	}
	return &m
}

// forgetLogOpts drops inherited log-opts when child changes the driver:
// dockerd does not start with options that its log driver does not know.
func forgetLogOpts(parent, child *node) *node {
	was := "json-file" // what options without a driver are for
	if old := parent.get("log-driver"); old != nil {
		was = old.text
	}
	if driver := child.get("log-driver"); driver == nil || driver.text == was {
		return parent
	}
	return parent.drop("log-opts")
}

// inherit returns what child gets of parent: not its name, and nothing that
// child lists as unmanaged.
func inherit(parent, child *node) *node {
	for _, key := range []string{"name", "description", "extends"} {
		parent = parent.drop(key)
	}
	list := child.get("unmanaged")
	if list == nil {
		return parent
	}
	for _, item := range list.items {
		key, ok := strings.CutPrefix(item.text, "daemon.")
		daemon := parent.get("daemon")
		switch {
		case !ok:
			parent = parent.drop(item.text)
		case daemon != nil:
			parent = parent.with("daemon", daemon.drop(key))
		}
	}
	return parent
}

// prune removes null entries from the maps below daemon's keys. Only a null
// right below daemon has a meaning left after the merge: the key is absent.
func prune(root *node) {
	daemon := root.get("daemon")
	if daemon == nil {
		return
	}
	for i, f := range daemon.fields {
		daemon.fields[i].value = withoutNull(f.value)
	}
}

func withoutNull(n *node) *node {
	if n.kind != object {
		return n
	}
	c := *n
	c.fields = nil
	for _, f := range n.fields {
		if f.value.kind != null {
			f.value = withoutNull(f.value)
			c.fields = append(c.fields, f)
		}
	}
	return &c
}

// fill adds the defaults of the schema to the sections that are there.
func fill(s *spec, n *node) {
	def := s.deref()
	if n.kind == array && def.Items != nil {
		for _, item := range n.items {
			fill(def.Items, item)
		}
	}
	if n.kind != object {
		return
	}
	for _, key := range def.keys() {
		prop := def.Properties[key]
		if n.get(key) == nil && prop.Default != nil {
			n.fields = append(n.fields, field{key: key, line: n.line, value: defaultNode(prop.Default, n)})
		}
		if v := n.get(key); v != nil {
			fill(prop, v)
		}
	}
}

// defaultNode is a default of the schema (a text, number, boolean or {}) as
// if it stood where n does.
func defaultNode(raw json.RawMessage, n *node) *node {
	v := &node{kind: number, text: string(raw), file: n.file, line: n.line}
	switch raw[0] {
	case '{':
		v.kind, v.text = object, ""
	case '"':
		v.kind, v.text = text, strings.Trim(v.text, `"`)
	case 't', 'f':
		v.kind = boolean
	}
	return v
}
