package plans

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// encode is json.Marshal without the escapes for HTML, which would end up in
// daemon.json.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (p *Policy) digest() (string, error) {
	c := *p
	c.Name, c.Description, c.Extends = "", "", ""
	b, err := encode(&c)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// YAML returns the resolved policy as a file that needs no other: Load gives
// it the same SHA256. A comment tells where each part comes from.
func (p *Policy) YAML() ([]byte, error) {
	c := *p
	c.Extends = ""
	b, err := encode(&c)
	if err != nil {
		return nil, fmt.Errorf("cannot encode policy %s: %w", p.Name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	root, err := yamlNode(dec)
	if err != nil {
		return nil, fmt.Errorf("cannot encode policy %s: %w", p.Name, err)
	}
	p.annotate(root, "")
	out, err := yaml.Dump(root, yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("cannot encode policy %s: %w", p.Name, err)
	}
	return out, nil
}

// annotate puts the origin of each section and daemon key behind its key.
func (p *Policy) annotate(root *yaml.Node, prefix string) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		origin := printable(p.Origin(prefix + key.Value)) // one line each
		switch {
		case prefix == "" && key.Value == "daemon":
			p.annotate(value, "daemon.")
		case origin == "" || value.Kind == yaml.ScalarNode && prefix == "":
		case value.Kind == yaml.ScalarNode:
			value.LineComment = "# " + origin
		default:
			key.HeadComment = "# " + origin
		}
	}
}

// yamlNode converts the next JSON value and keeps the order of its keys.
func yamlNode(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		return yamlCollection(dec, t)
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t}, nil
	case json.Number:
		tag := "!!int"
		if bytes.ContainsAny([]byte(t), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: t.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(t)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

func yamlCollection(dec *json.Decoder, open json.Delim) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if open == '[' {
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	}
	for dec.More() {
		child, err := yamlNode(dec) // a key is a string token
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, child)
	}
	_, err := dec.Token() // the closing delimiter
	return n, err
}
