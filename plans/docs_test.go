package plans_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/policy.md")

const page = "../docs/policy.md"

func TestExamplesOfThePagesLoad(t *testing.T) {
	for file, atLeast := range map[string]int{page: 15, "../docs/egress.md": 1, "../docs/audit.md": 1, "../docs/limits.md": 1} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examplesLoad(t, file, string(b), atLeast)
	}
}

func examplesLoad(t *testing.T, file, text string, atLeast int) {
	t.Helper()
	blocks := regexp.MustCompile("(?s)<!-- policy -->\n```yaml\n(.*?)```").FindAllStringSubmatch(text, -1)
	if n := strings.Count(text, "```yaml"); len(blocks) < atLeast || len(blocks) != n {
		t.Errorf("%s: %d examples are run, %d are there", file, len(blocks), n)
	}
	s := compiled(t)
	for _, m := range blocks {
		if _, err := load(m[1]); err != nil {
			t.Errorf("%s\n%v", m[1], err)
		}
		if err := s.Validate(asJSON(t, []byte(m[1]))); err != nil {
			t.Errorf("%s\n%v", m[1], err)
		}
	}
}

func TestExampleFilesLoad(t *testing.T) {
	found, err := filepath.Glob("../docs/examples/*.yaml")
	if err != nil || len(found) < 4 {
		t.Fatal(found, err)
	}
	s := compiled(t)
	for _, file := range found {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plans.Load(file, os.ReadFile); err != nil {
			t.Errorf("%v", err)
		}
		if err := s.Validate(asJSON(t, b)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The tables of the page say what the schema says.
func TestPageMatchesSchema(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(plans.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	defs := root["$defs"].(map[string]any)
	seen := map[string]bool{}
	tables := regexp.MustCompile(`(?s)<!-- keys (\S+) -->\n.*?<!-- /keys -->`)
	got := tables.ReplaceAllStringFunc(string(b), func(block string) string {
		name := tables.FindStringSubmatch(block)[1]
		seen[name] = true
		s := root
		if name != "policy" {
			s = defs[name].(map[string]any)
		}
		return "<!-- keys " + name + " -->\n" + table(s, defs) + "<!-- /keys -->"
	})
	for name := range defs {
		if !seen[name] {
			t.Errorf("the page has no table for %s", name)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(b) {
		t.Error("docs/policy.md is behind the schema: go test ./plans -update")
	}
}

// table renders the keys that may be written.
func table(s, defs map[string]any) string {
	var b strings.Builder
	b.WriteString("| key | takes | default | |\n|---|---|---|---|\n")
	required, _ := s["required"].([]any)
	props := s["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(props)) {
		p := props[key].(map[string]any)
		if not, ok := p["not"].(map[string]any); ok && len(not) == 0 {
			continue
		}
		def := ""
		switch d := p["default"].(type) {
		case nil, map[string]any:
		default:
			def = fmt.Sprintf("`%v`", d)
		}
		if slices.Contains(required, any(key)) {
			def = "required"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", key, takes(p), def, describe(p, defs))
	}
	return b.String()
}

func describe(p, defs map[string]any) any {
	if p["description"] != nil {
		return p["description"]
	}
	name := strings.TrimPrefix(p["$ref"].(string), "#/$defs/")
	if d := defs[name].(map[string]any)["description"]; d != nil {
		return d
	}
	return ""
}

func takes(p map[string]any) string {
	if s, ok := p["x-expected"].(string); ok {
		return strings.ReplaceAll(s, "|", "\\|")
	}
	var words []string
	list, _ := p["type"].([]any)
	if one, ok := p["type"].(string); ok {
		list = []any{one}
	}
	if enum, ok := p["enum"].([]any); ok {
		list = enum
	}
	for _, w := range list {
		if w == nil {
			w = "null"
		}
		words = append(words, map[any]string{"array": "list", "object": "map", "string": "text", "integer": "whole number"}[w])
		if words[len(words)-1] == "" {
			words[len(words)-1] = fmt.Sprint(w)
		}
	}
	if p["$ref"] != nil {
		words = []string{"map"}
	}
	out := strings.Join(words, ", ")
	if items, ok := p["items"].(map[string]any); ok {
		if of := takes(items); of != "text" && of != "map" {
			out += " of: " + of
		}
	}
	return out
}
