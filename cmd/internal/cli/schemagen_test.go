package cli_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A schema is one JSON Schema, made from a Go type and its comments.
type schema map[string]any

// generator turns Go types into schemas. Types with a name go to $defs.
type generator struct {
	comments map[string]string // "resource.Plan.Digest" to its comment
	defs     map[string]schema
}

// enums are the types whose values are a fixed list.
func enum(t reflect.Type) []any {
	switch t {
	case reflect.TypeFor[resource.Status]():
		return []any{resource.OK, resource.Changing, resource.Blocked, resource.Unread, resource.Manual}
	case reflect.TypeFor[resource.Action]():
		return []any{resource.Create, resource.Update, resource.Delete}
	case reflect.TypeFor[resource.ServiceAction]():
		return []any{resource.NoAction.String(), resource.Reload.String(), resource.Restart.String()}
	case reflect.TypeFor[resource.FileType]():
		return []any{resource.Absent, resource.Regular, resource.Dir, resource.Symlink, resource.Other, ""}
	case reflect.TypeFor[remediate.Outcome]():
		return []any{remediate.Unchanged, remediate.Applied, remediate.RolledBack, remediate.Awaiting, remediate.TakenBack}
	}
	return nil
}

func (g *generator) of(t reflect.Type) schema {
	if values := enum(t); values != nil {
		return schema{"enum": values}
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[[]byte]():
		return schema{"type": "string", "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.Array:
		return schema{"type": "array", "items": g.of(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Slice:
		return schema{"type": "array", "items": g.of(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": g.of(t.Elem())}
	case reflect.Struct:
		return g.ref(t)
	}
	return schema{"type": "integer"}
}

// ref puts a struct into $defs and refers to it.
func (g *generator) ref(t reflect.Type) schema {
	name := shortName(t)
	if _, ok := g.defs[name]; !ok {
		g.defs[name] = schema{} // ends recursion
		g.defs[name] = g.object(t)
	}
	return schema{"$ref": "#/$defs/" + name}
}

// shortName is the name without packages: "Fact_Engine" of Fact[resource.Engine].
func shortName(t reflect.Type) string {
	var words []string
	for _, w := range strings.FieldsFunc(t.Name(), func(r rune) bool { return strings.ContainsRune("[]", r) }) {
		words = append(words, w[strings.LastIndexByte(w, '.')+1:])
	}
	return strings.Join(words, "_")
}

func (g *generator) object(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		s := g.of(f.Type)
		if nullable(f.Type) && options == "" {
			s = schema{"anyOf": []any{s, schema{"type": "null"}}}
		}
		if c := g.comment(t, f.Name); c != "" {
			s["description"] = c
		}
		properties[name] = s
		if options == "" {
			required = append(required, name)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// nullable types are written as null when they are nil.
func nullable(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer
}

func (g *generator) comment(t reflect.Type, field string) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return g.comments[filepath.Base(t.PkgPath())+"."+name+"."+field]
}

// generate returns the indented schema of T.
func generate(t *testing.T, title string, of reflect.Type, comments map[string]string) []byte {
	t.Helper()
	g := &generator{comments: comments, defs: map[string]schema{}}
	s := g.object(of)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = title
	if len(g.defs) > 0 {
		s["$defs"] = g.defs
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// readComments finds the comment of each field of each struct.
func readComments(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	comments := map[string]string{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			fieldComments(f, comments)
		}
	}
	return comments
}

func fieldComments(f *ast.File, comments map[string]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		st, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range st.Fields.List {
			text := field.Doc.Text()
			if text == "" {
				text = field.Comment.Text()
			}
			for _, name := range field.Names {
				comments[f.Name.Name+"."+spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(text), " ")
			}
		}
		return true
	})
}
