package auditrules_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestCompile compares with what augenrules itself wrote, with the awks that
// distributions have (testdata/augenrules). A case in which all agree has one
// file audit.rules.
func TestCompile(t *testing.T) {
	cases, err := filepath.Glob("testdata/augenrules/*")
	if err != nil || len(cases) < 5 {
		t.Fatalf("found %d cases: %v", len(cases), err)
	}
	for _, dir := range cases {
		for _, awk := range []string{"mawk", "gawk"} {
			for _, version := range []string{"3.0.9", "4.0.2"} {
				want, err := os.ReadFile(fmt.Sprintf("%s/audit.rules.%s-%s", dir, awk, version))
				if err != nil {
					want, err = os.ReadFile(dir + "/audit.rules")
				}
				if err != nil {
					t.Fatal(err)
				}
				got := auditrules.Compile(rulesDir(t, dir+"/rules.d"), auditrules.ScriptFor(version, awk))
				if d := cmp.Diff(string(want), string(got)); d != "" {
					t.Errorf("%s with %s and augenrules %s (-want +got):\n%s", dir, awk, version, d)
				}
			}
		}
	}
}

// rulesDir reads a folder, in no particular order.
func rulesDir(t *testing.T, dir string) []resource.File {
	t.Helper()
	names, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	var files []resource.File
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, resource.File{Path: n, Content: b})
	}
	rand.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	return files
}

// TestOrder: what `LC_ALL=C ls -1v | grep '\.rules$'` of coreutils 9.1 printed.
func TestOrder(t *testing.T) {
	want := strings.Fields(`~.rules 001.rules 01.rules 1.rules 1a.rules 2.rules 9z.rules 10.b.rules 10.rules 10b.rules
		10-b.rules 10-b-c.rules 10.5.rules A.rules Z.rules a~.rules a.b.rules a.c.d.rules a.rules a01.rules a1.rules
		aa.rules a-b.rules y.rules _.rules é.rules`)
	names := append(slices.Clone(want), ".hidden.rules", ".rules", "b.rulesx", "b.rules.old", "x y.rules")
	for range 100 {
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		if d := cmp.Diff(want, auditrules.Order(names)); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	}
}

func TestScriptFor(t *testing.T) {
	for _, tt := range []struct {
		version, awk string
		want         auditrules.Script
	}{
		{"3.0.9", "mawk", auditrules.Script{}},
		{"4.1.2", "mawk", auditrules.Script{Returns: true}},
		{"3.1.5", "gawk", auditrules.Script{Blanks: true}},
		{"", "", auditrules.Script{Blanks: true}},
		{"10.0", "original-awk", auditrules.Script{Returns: true}},
	} {
		if got := auditrules.ScriptFor(tt.version, tt.awk); got != tt.want {
			t.Errorf("%q %q: %+v", tt.version, tt.awk, got)
		}
	}
}
