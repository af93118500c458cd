package host

import (
	"errors"
	"fmt"
	"strings"
)

// yamlScalars reads the simple part of YAML that configuration files of
// Kubernetes are written in: maps by indentation whose values are plain or
// quoted words. It returns the words by their path, "authorization.mode".
// Lists are passed over. What could mean something else than it seems to is an
// error: tabs, maps in braces, anchors, tags, several documents.
func yamlScalars(text string) (map[string]string, error) {
	out := map[string]string{}
	var at yamlPath
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		body := strings.TrimLeft(line, " ")
		indent := len(line) - len(body)
		if skip, err := at.skips(indent, body, len(out) > 0); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		} else if skip {
			continue
		}
		key, value, err := yamlPair(body)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		path := at.enter(indent, key)
		if _, twice := out[path]; twice {
			return nil, fmt.Errorf("line %d: %s is there twice", n+1, path)
		}
		if strings.HasPrefix(value, "|") || strings.HasPrefix(value, ">") {
			at.block, at.blockIndent = true, indent
		} else if value != "" {
			out[path] = value
		}
	}
	return out, nil
}

// A yamlPath is the place in the maps of a document.
type yamlPath struct {
	indents []int
	keys    []string
	// block is on within a text that is indented more than blockIndent, or a
	// list that is not less.
	block       bool
	blockIndent int
}

// skips reports lines without a key: empty ones, comments, lists, texts.
func (p *yamlPath) skips(indent int, body string, begun bool) (bool, error) {
	switch {
	case body == "" || strings.HasPrefix(body, "#"):
		return true, nil
	case p.block && indent > p.blockIndent:
		return true, nil
	case strings.HasPrefix(body, "\t"):
		return false, errors.New("it is indented with a tab")
	case body == "---" && !begun:
		return true, nil
	case body == "---" || body == "..." || strings.HasPrefix(body, "%"):
		return false, errors.New("there is more than one document")
	}
	p.block = strings.HasPrefix(body, "- ") || body == "-"
	p.blockIndent = indent
	return p.block, nil
}

// enter goes to a key and returns its whole path.
func (p *yamlPath) enter(indent int, key string) string {
	for n := len(p.indents); n > 0 && p.indents[n-1] >= indent; n-- {
		p.indents, p.keys = p.indents[:n-1], p.keys[:n-1]
	}
	p.indents, p.keys = append(p.indents, indent), append(p.keys, key)
	return strings.Join(p.keys, ".")
}

// yamlPair splits "key: value". An empty value begins a map.
func yamlPair(body string) (key, value string, err error) {
	key, value, ok := strings.Cut(body, ":")
	if !ok || value != "" && value[0] != ' ' || strings.HasPrefix(key, "{") || strings.HasPrefix(key, "[") {
		return "", "", errors.New("it is no plain key and value")
	}
	if key, err = yamlWord(key); err != nil {
		return "", "", err
	}
	value = strings.TrimSpace(value)
	switch {
	case value == "{}" || strings.HasPrefix(value, "["):
		return key, "", nil
	case strings.HasPrefix(value, "{"):
		return "", "", errors.New("it is a map in braces")
	}
	value, err = yamlWord(value)
	return key, value, err
}

// yamlWord takes quotes and a comment away.
func yamlWord(s string) (string, error) {
	switch {
	case s == "":
		return "", nil
	case strings.ContainsAny(s[:1], "&*!?@`"):
		return "", fmt.Errorf("%.20q is not plain", s)
	case s[0] == '"' || s[0] == '\'':
		word, rest, ok := strings.Cut(s[1:], s[:1])
		if rest = strings.TrimSpace(rest); !ok || rest != "" && rest[0] != '#' || strings.Contains(word, `\`) {
			return "", fmt.Errorf("%.20q is not plainly quoted", s)
		}
		return word, nil
	}
	if i := strings.Index(s, " #"); i >= 0 {
		s = s[:i]
	}
	if strings.HasPrefix(s, "#") {
		return "", nil
	}
	return strings.TrimSpace(s), nil
}

// yamlFlags are the items of lists that are flags, "- --client-cert-auth=true".
func yamlFlags(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		item, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if word, err := yamlWord(strings.TrimSpace(item)); ok && err == nil && strings.HasPrefix(word, "--") {
			out = append(out, word)
		}
	}
	return out
}
