package control_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/control"
)

var update = flag.Bool("update", false, "write docs/controls")

const pages = "../../../docs/controls"

// Each control has a page, made from the catalogue, and no page is of another.
func TestPages(t *testing.T) {
	want := map[string]string{"README.md": index()}
	for _, c := range control.Catalogue() {
		want[c.ID+".md"] = page(c)
	}
	if *update {
		writePages(t, want)
	}
	for name, text := range want {
		if have, err := os.ReadFile(filepath.Join(pages, name)); err != nil || string(have) != text {
			t.Errorf("docs/controls/%s is behind the catalogue: go test ./remediate/internal/control -update (%v)", name, err)
		}
	}
	entries, err := os.ReadDir(pages)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := want[e.Name()]; !ok {
			t.Errorf("docs/controls/%s is of no control", e.Name())
		}
	}
}

func writePages(t *testing.T, want map[string]string) {
	t.Helper()
	if err := os.RemoveAll(pages); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(pages, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		if err := os.WriteFile(filepath.Join(pages, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func page(c control.Control) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n", c.ID, c.Title)
	fmt.Fprintf(&b, "| severity | level | OWASP Docker Top 10 | CIS 1.6, 1.7 | CIS 1.8 |\n|---|---|---|---|---|\n")
	fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n\n", c.Severity, c.Level, strings.Join(c.OWASP, ", "), dash(c.CIS["1.6"]), dash(c.CIS["1.8"]))
	fmt.Fprintf(&b, "**Why.** %s\n\n**How it is judged.** %s\n\n**Remedy.** ", c.Why, c.How)
	if c.Key != "" {
		fmt.Fprintf(&b, "The key `%s` of a policy, with `bulwark plan` and `bulwark apply` (see [policy](../policy.md)). ", c.Key)
	}
	if c.Remedy != "" {
		fmt.Fprintf(&b, "%s.", strings.ToUpper(c.Remedy[:1])+c.Remedy[1:])
	}
	fmt.Fprintf(&b, "\n\n    bulwark check --only %s\n", c.ID)
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

func index() string {
	var b strings.Builder
	b.WriteString("# Controls\n\nWhat `bulwark check` judges. Made from the catalogue by `go test ./remediate/internal/control -update`.\n\n")
	b.WriteString("| control | severity | areas | CIS 1.6 | CIS 1.8 | |\n|---|---|---|---|---|---|\n")
	for _, c := range control.Catalogue() {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s | %s | %s |\n", c.ID, c.ID, c.Severity, strings.Join(c.OWASP, ", "), dash(c.CIS["1.6"]), dash(c.CIS["1.8"]), c.Title)
	}
	return b.String()
}

func dash(numbers []string) string {
	if len(numbers) == 0 {
		return "-"
	}
	return strings.Join(numbers, ", ")
}
