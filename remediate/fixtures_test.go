package remediate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var update = flag.Bool("update", false, "write testdata/golden/check-*.txt")

// TestFixtures judges snapshots that rig/fixture took on real hosts. What differs
// between engines shows as a difference between the files.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob("../testdata/snapshots/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d snapshots (%v), want those of 20.10, 26.1 and 28.5", len(files), err)
	}
	for _, file := range files {
		engine := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(engine, func(t *testing.T) {
			golden := "../testdata/golden/check-" + engine + ".txt"
			got := verdicts(judgeFile(t, file))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("go test ./remediate -run Fixtures -update, if it is meant:\n%s", d)
			}
		})
	}
}

func judgeFile(t *testing.T, file string) *resource.Report {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := remediate.DecodeSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := remediate.Check(nil, s, remediate.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func verdicts(r *resource.Report) string {
	var b strings.Builder
	for _, c := range r.Controls {
		fmt.Fprintf(&b, "%s: %s, %d of %d\n", c.ID, c.Verdict, c.Failed, c.Judged)
		if c.Reason != "" {
			fmt.Fprintf(&b, "  (%s)\n", c.Reason)
		}
		for _, f := range c.Findings {
			fmt.Fprintf(&b, "  %s %s: %s\n", f.Kind, f.Object, f.Observed)
		}
	}
	return b.String()
}
