package probe_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

var update = flag.Bool("update", false, "write the list of probes into docs/prove.md")

const (
	page  = "../../../docs/prove.md"
	begin = "<!-- probes -->\n"
	end   = "<!-- end of probes -->\n"
)

// TestPage: docs/prove.md says of each probe what it shows and what it does not.
func TestPage(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the probes", page)
	}
	want := before + begin + list() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(b) {
		t.Error("docs/prove.md is behind the catalogue: go test ./remediate/internal/probe -update")
	}
}

func list() string {
	var b strings.Builder
	for _, p := range probe.All() {
		fmt.Fprintf(&b, "\n### %s\n\n%s (%s).\n\n", p.ID, p.Title, strings.Join(p.OWASP, ", "))
		for _, line := range [][2]string{{"Tries", p.Tries}, {"Must happen", p.Must}, {"Shows", p.Shows}, {"Does not show", p.Not}} {
			fmt.Fprintf(&b, "- **%s:** %s\n", line[0], line[1])
		}
	}
	return b.String() + "\n"
}
