package plans

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// maxExtends bounds a chain of extends.
const maxExtends = 16

// Load reads, checks and resolves a policy. ref is the name of a shipped
// policy, or a file: it then contains a slash or ends in .yaml or .yml.
// Files, relative ones too, are read through read, which may be nil if there
// are none. The error is an Errors with everything that is wrong.
func Load(ref string, read func(path string) ([]byte, error)) (*Policy, error) {
	l := loader{read: read}
	root := l.load(ref, nil, nil)
	if len(l.errs) > 0 {
		return nil, l.errs.sorted()
	}
	if errs := crossCheck(root); len(errs) > 0 {
		return nil, errs.sorted()
	}
	p, err := resolve(root, ref)
	if err != nil { // the Go types and schema.json disagree
		return nil, fmt.Errorf("internal error: cannot resolve policy %s: %w", ref, err)
	}
	return p, nil
}

type loader struct {
	read func(string) ([]byte, error)
	errs Errors
}

// load returns the merged policy. trail is how we came here and at the value
// of the extends that led here.
func (l *loader) load(ref string, trail []string, at *node) *node {
	file, b, err := l.fetch(ref)
	if err != nil {
		l.unreadable(ref, at, err)
		return nil
	}
	root, errs := parse(file, b)
	if at != nil && isFile(ref) && (root == nil || root.get("version") == nil) {
		l.noPolicy(ref, at)
		return nil
	}
	if root == nil {
		l.errs = append(l.errs, errs...)
		return nil
	}
	w := walker{errs: errs}
	w.walk(schema(), root, "")
	l.errs = append(l.errs, w.errs...)
	return l.extend(root, ref, trail)
}

// extend merges root over what it extends.
func (l *loader) extend(root *node, ref string, trail []string) *node {
	own := root
	if root.get("name") == nil {
		name := &node{kind: text, text: baseName(ref), file: root.file, line: root.line}
		own = root.with("name", name)
	}
	extends := root.get("extends")
	if extends == nil || extends.kind != text || extends.text == "" {
		l.checkUnmanaged(nil, root)
		return own
	}
	trail = append(trail, ref)
	base := relative(extends.text, ref)
	if l.cycle(base, trail, extends) {
		return own
	}
	parent := l.load(base, trail, extends)
	if parent == nil {
		return own
	}
	l.checkUnmanaged(parent, root)
	return merge(inherit(parent, root), own, "")
}

func (l *loader) cycle(base string, trail []string, at *node) bool {
	fail := func(want, got string) bool {
		l.errs.add(&Error{File: at.file, Line: at.line, Column: at.col, Key: "extends", Want: want, Got: got})
		return true
	}
	for i, ref := range trail {
		if sameRef(ref, base) {
			return fail("a chain that ends", "a cycle: "+strings.Join(append(trail[i:], base), " extends "))
		}
	}
	if len(trail) >= maxExtends {
		return fail(fmt.Sprintf("at most %d files", maxExtends), "more")
	}
	return false
}

// fetch returns the name for messages and the text.
func (l *loader) fetch(ref string) (string, []byte, error) {
	if !isFile(ref) {
		b, err := Source(ref)
		return ref + ".yaml", b, err
	}
	if l.read == nil {
		return ref, nil, errors.New("files cannot be read here")
	}
	b, err := l.read(ref)
	return ref, b, err
}

func (l *loader) unreadable(ref string, at *node, err error) {
	e := &Error{File: ref, Want: "a policy that can be read", Got: err.Error(), cause: err}
	if !isFile(ref) {
		e.File, e.Want, e.Got = "policy", "one of "+strings.Join(names(), ", ")+" or a file", fmt.Sprintf("%q", shorten(ref))
		e.Hint = "a file contains a slash or ends in .yaml"
		if near := resource.Nearest(ref, names()); near != "" {
			e.Hint = fmt.Sprintf("did you mean %s?", near)
		}
	}
	if at != nil {
		e.File, e.Line, e.Column, e.Key = at.file, at.line, at.col, "extends"
	}
	l.errs.add(e)
}

// noPolicy refuses what a policy extends and is none, without a word of what is
// in it: who writes policies must not learn from root's errors what a file holds
// that only root reads.
func (l *loader) noPolicy(ref string, at *node) {
	l.errs.add(&Error{
		File: at.file, Line: at.line, Column: at.col, Key: "extends", Want: "a policy", Got: fmt.Sprintf("%q, which is none", shorten(ref)),
		Hint: "bulwark policy validate " + shorten(ref) + " says why",
	})
}

// isFile tells a file from the name of a shipped policy.
func isFile(ref string) bool {
	return strings.Contains(ref, "/") || strings.HasSuffix(ref, ".yaml") || strings.HasSuffix(ref, ".yml")
}

// relative resolves the extends of the file from.
func relative(ref, from string) string {
	if !isFile(ref) || !isFile(from) || filepath.IsAbs(ref) {
		return ref
	}
	return filepath.Join(filepath.Dir(from), ref)
}

func sameRef(a, b string) bool {
	return isFile(a) == isFile(b) && filepath.Clean(a) == filepath.Clean(b)
}

// baseName makes a name of a file's: "My hosts.yaml" is "my-hosts".
func baseName(ref string) string {
	name := filepath.Base(ref)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml")
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	name = strings.TrimLeft(name, "._-")
	return cmp.Or(name[:min(len(name), 64)], "policy")
}

// resolve turns the merged nodes into a Policy.
func resolve(root *node, ref string) (*Policy, error) {
	origins := originsOf(root)
	prune(root)
	root = root.drop("unmanaged")
	fill(schema(), root)
	p := &Policy{}
	if err := json.Unmarshal(root.json(nil), p); err != nil {
		return nil, err
	}
	p.Source, p.origins = ref, origins
	if !isFile(ref) {
		p.Source = ref + ".yaml"
	}
	var err error
	p.SHA256, err = p.digest()
	return p, err
}

// originsOf notes where each section, daemon key and line of egress.allow and
// audit.rules is stated.
func originsOf(root *node) map[string]string {
	at := map[string]string{}
	for _, f := range root.fields {
		at[f.key] = fmt.Sprintf("%s:%d", f.value.file, f.line)
		if f.key == "egress" {
			listOrigins(at, "egress.allow", f.value.get("allow"))
		}
		if f.key == "audit" {
			listOrigins(at, "audit.rules", f.value.get("rules"))
		}
		if f.key != "daemon" {
			continue
		}
		for _, d := range f.value.fields {
			at["daemon."+d.key] = fmt.Sprintf("%s:%d", d.value.file, d.line)
		}
	}
	return at
}

func listOrigins(at map[string]string, key string, list *node) {
	if list == nil {
		return
	}
	for i, line := range list.items {
		at[fmt.Sprintf("%s[%d]", key, i)] = fmt.Sprintf("%s:%d", line.file, line.line)
	}
}
