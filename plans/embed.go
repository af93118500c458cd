package plans

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed baseline.yaml strict.yaml
var shipped embed.FS

//go:embed schema.json
var schemaJSON []byte

// Info describes a policy that ships with the program.
type Info struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// names of the shipped policies, mildest first.
func names() []string { return []string{"baseline", "strict"} }

// Embedded lists the shipped policies, mildest first.
func Embedded() []Info {
	infos := make([]Info, 0, len(names()))
	for _, name := range names() {
		b, _ := Source(name)
		root, _ := parse(name+".yaml", b)
		info := Info{Name: name}
		if n := root.get("description"); n != nil {
			info.Description = n.text
		}
		infos = append(infos, info)
	}
	return infos
}

// Source returns the text of a shipped policy, comments included.
func Source(name string) ([]byte, error) {
	if !slices.Contains(names(), name) {
		return nil, fmt.Errorf("cannot find policy %q: the built-in ones are %s", name, strings.Join(names(), ", "))
	}
	return shipped.ReadFile(name + ".yaml")
}

// Schema returns the JSON Schema (2020-12) of policy files. Keywords that
// begin with x- are annotations for the loader's messages.
func Schema() []byte { return slices.Clone(schemaJSON) }

// schema is the parsed form of schema.json. It is part of the program, so
// that a fault in it is a bug that every test finds.
var schema = sync.OnceValue(func() *spec {
	var s spec
	if err := json.Unmarshal(schemaJSON, &s); err != nil {
		panic("internal error: schema.json: " + err.Error())
	}
	return &s
})
