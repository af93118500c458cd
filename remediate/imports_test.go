package remediate_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bulwark-project/bulwark/"

// A room may import the rooms named after it, and nothing else of ours.
// Longest prefix wins. See docs/architecture.md.
var rooms = map[string][]string{
	"cmd/bulwark":                   {"cmd/internal/cli"},
	"cmd/internal/cli":              {"cmd/internal/view", "remediate", "remediate/resource", "plans"},
	"cmd/internal/view":             {"remediate", "remediate/resource", "plans"},
	"plans":                         {"remediate/resource"},
	"templates":                     {},
	"remediate":                     {"remediate/internal/", "remediate/resource", "plans", "templates"},
	"remediate/resource":            {},
	"remediate/internal/control":    {"remediate/internal/auditrules", "remediate/internal/daemonjson", "remediate/internal/engine", "remediate/resource", "plans"},
	"remediate/internal/probe":      {"remediate/resource", "plans"},
	"remediate/internal/inside":     {},
	"remediate/internal/lab":        {"remediate/internal/probe", "remediate/internal/inside", "remediate/internal/host", "remediate/resource", "plans"},
	"remediate/internal/daemonjson": {"remediate/internal/engine", "remediate/resource", "templates"},
	"remediate/internal/engine":     {},
	"remediate/internal/filter":     {},
	"remediate/internal/seccomp":    {"remediate/internal/engine", "remediate/internal/filter", "remediate/resource"},
	"remediate/internal/kinds":      {"remediate/internal/audit", "remediate/internal/daemonjson", "remediate/internal/egress", "remediate/internal/limits", "remediate/internal/seccomp", "remediate/internal/subid", "remediate/resource", "plans"},
	"remediate/internal/subid":      {"remediate/resource", "templates"},
	"remediate/internal/ruleset":    {"remediate/resource"},
	"remediate/internal/egress":     {"remediate/internal/ruleset", "remediate/resource", "templates"},
	"remediate/internal/firewall":   {"remediate/internal/ruleset", "remediate/internal/host", "remediate/internal/txn", "remediate/resource"},
	"remediate/internal/audit":      {"remediate/internal/auditrules", "remediate/resource"},
	"remediate/internal/auditrules": {"remediate/resource"},
	"remediate/internal/auditd":     {"remediate/internal/auditrules", "remediate/internal/host", "remediate/internal/txn", "remediate/resource"},
	"remediate/internal/limits":     {"remediate/resource"},
	"remediate/internal/containers": {"remediate/internal/limits", "remediate/internal/host", "remediate/internal/txn", "remediate/resource"},
	"remediate/internal/packages":   {"remediate/internal/host", "remediate/internal/txn", "remediate/resource"},
	"remediate/internal/execstart":  {},
	"remediate/internal/fsys":       {"remediate/resource"},
	"remediate/internal/scratch":    {}, // tests only
	"remediate/internal/host":       {"remediate/resource", "remediate/internal/auditrules", "remediate/internal/execstart", "remediate/internal/filter", "remediate/internal/fsys", "remediate/internal/ruleset"},
	"remediate/internal/txn":        {"remediate/resource", "remediate/internal/fsys"},
	"remediate/internal/dockerd":    {"remediate/resource", "remediate/internal/host", "remediate/internal/txn"},
	"rig":                           {"rig/", "remediate/resource"},
}

// Packages that only some rooms may import, and why.
var guarded = map[string]struct {
	rooms []string
	why   string
}{
	"github.com/spf13/cobra":                     {[]string{"cmd/internal/cli"}, "commands are one room's business"},
	"github.com/moby/moby/client":                {[]string{"remediate/internal/host"}, "one door to the Docker API"},
	"github.com/vishvananda/netlink":             {[]string{"remediate/internal/host"}, "one door to netlink"},
	"github.com/vishvananda/netlink/nl":          {[]string{"remediate/internal/host"}, "one door to netlink"},
	"github.com/elastic/go-libaudit/v2":          {[]string{"remediate/internal/host"}, "one door to netlink"},
	"github.com/coreos/go-systemd/v22/dbus":      {[]string{"remediate/internal/host"}, "one door to systemd"},
	"os/exec":                                    {[]string{"remediate/internal/host", "remediate/internal/scratch", "remediate", "rig"}, "one door to programs"},
	"golang.org/x/sys/unix":                      {[]string{"remediate/internal/host", "remediate/internal/inside", "remediate/internal/lab", "remediate/internal/fsys", "remediate/internal/scratch", "remediate/internal/txn", "rig"}, "pure rooms make no system calls"},
	"os":                                         {[]string{"cmd/", "remediate", "remediate/internal/host", "remediate/internal/inside", "remediate/internal/lab", "remediate/internal/firewall", "remediate/internal/fsys", "remediate/internal/packages", "remediate/internal/scratch", "remediate/internal/txn", "rig"}, "kinds, plans and views are pure"},
	"go.yaml.in/yaml/v4":                         {[]string{"plans"}, "YAML is read in one place"},
	"github.com/rogpeppe/go-internal/testscript": {[]string{}, "tests only"},
}

// The imports are parsed in process: go list in a subprocess would be cached
// over a violation, since go test caches by the files that the test opens.
func TestImports(t *testing.T) {
	checked := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		checked++
		checkFile(t, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 40 {
		t.Fatalf("only %d files were found: the test looks in the wrong place", checked)
	}
}

func checkFile(t *testing.T, file string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	dir := path.Dir(strings.TrimPrefix(filepath.ToSlash(file), "../"))
	room, allowed := roomOf(dir)
	if room == "" {
		t.Errorf("%s: package %s belongs to no room; add it to the table and to docs/architecture.md", file, dir)
	}
	for _, spec := range f.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if g, ok := guarded[name]; ok && !within(room, g.rooms) {
			t.Errorf("%s imports %s: %s", file, name, g.why)
		}
		if own, ok := strings.CutPrefix(name, module); ok && own != dir && !within(own, allowed) && !strings.HasPrefix(own, room+"/internal/") {
			t.Errorf("%s imports %s: imports run downward only", file, own)
		}
	}
}

func roomOf(dir string) (room string, allowed []string) {
	for r, a := range rooms {
		if (dir == r || strings.HasPrefix(dir, r+"/")) && len(r) > len(room) {
			room, allowed = r, a
		}
	}
	return room, allowed
}

// within reports whether name is one of the rooms; one that ends in a slash
// stands for all below it.
func within(name string, rooms []string) bool {
	for _, r := range rooms {
		if name == r || strings.HasSuffix(r, "/") && strings.HasPrefix(name, r) {
			return true
		}
	}
	return false
}
