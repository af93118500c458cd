package daemonjson_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
)

var update = flag.Bool("update", false, "write the table of keys into the documentation")

const docPath = "../../../docs/daemon-json.md"

func TestDocHasTheTable(t *testing.T) {
	b, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	const start, end = "<!-- keys -->\n", "<!-- /keys -->"
	head, rest, ok := strings.Cut(string(b), start)
	table, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no marks for the table", docPath)
	}
	want := keyTable()
	if *update {
		if err := os.WriteFile(docPath, []byte(head+start+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, table); d != "" {
		t.Errorf("run go test -run TestDocHasTheTable -update (-want +got):\n%s", d)
	}
}

func keyTable() string {
	var b strings.Builder
	b.WriteString("| key | type | flags | engine | default | taken up by | effective value | remarks |\n|---|---|---|---|---|---|---|---|\n")
	keys := daemonjson.Keys()
	slices.SortFunc(keys, func(a, b daemonjson.Key) int { return strings.Compare(a.Name, b.Name) })
	for _, k := range keys {
		var flags []string
		for _, f := range k.Flags {
			flags = append(flags, "`--"+f+"`")
		}
		def := ""
		if k.Default != "" {
			def = "`" + k.Default + "`"
		}
		note := k.Note
		if k.Network {
			note = strings.TrimSuffix("Network. "+note, " ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n",
			k.Name, k.Type, strings.Join(flags, ", "), engines(k), def, takenUp(k), k.Read, note)
	}
	return b.String()
}

func engines(k daemonjson.Key) string {
	short := func(v daemonjson.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }
	var zero daemonjson.Version
	switch {
	case k.Since != zero:
		return "since " + short(k.Since)
	case k.Tolerated:
		return "ignored since " + short(k.Removed)
	case k.Removed != zero:
		return "before " + short(k.Removed)
	}
	return "all"
}

func takenUp(k daemonjson.Key) string {
	switch {
	case k.Live && k.KeptWhenAbsent:
		return "reload; removal: restart"
	case k.Live:
		return "reload"
	}
	return "restart"
}

// TestTableIsSound: rows are unique and contradict neither themselves nor the
// order of releases; defaults are of the key's type.
func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range daemonjson.Keys() {
		if seen[k.Name] || k.Name == "" || k.Type == "" {
			t.Errorf("%+v is there twice or incomplete", k)
		}
		seen[k.Name] = true
		if k.KeptWhenAbsent && !k.Live || k.Live && k.Network {
			t.Errorf("%s contradicts itself", k.Name)
		}
		if k.ValidIn(v2010) != (k.Since == daemonjson.Version{}) {
			t.Errorf("%s: 20.10 is wrong", k.Name)
		}
		if k.Default == "" || !k.ValidIn(v29) {
			continue
		}
		for _, p := range refused([]byte(fmt.Sprintf("{%q: %s}", k.Name, k.Default)), v29) {
			t.Errorf("default of %s: %s", k.Name, p)
		}
	}
	if len(seen) < 90 {
		t.Errorf("only %d keys", len(seen))
	}
}
