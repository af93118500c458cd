package ruleset_test

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// realTools puts the test into a network namespace of its own, so that the real
// tools can be asked; it ends with the test's thread.
func realTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			scratch.Missing(t, tool)
		}
	}
	scratch.Netns(t)
}

// try runs a program and returns what it prints, or its error text.
func try(stdin string, argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(stdin)
	var errText strings.Builder
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		return "", errors.New(strings.Join(argv, " ") + ": " + err.Error() + ": " + errText.String())
	}
	return string(out), nil
}

func must(t *testing.T, stdin string, argv ...string) string {
	t.Helper()
	out, err := try(stdin, argv...)
	if err != nil {
		t.Fatalf("%v\ninput:\n%.3000s", err, stdin)
	}
	return out
}

// An xtables is one of the four iptables filter tables.
type xtables struct{ family, variant string }

var allXtables = []xtables{
	{resource.FamilyIP4, resource.VariantNFT},
	{resource.FamilyIP4, resource.VariantLegacy},
	{resource.FamilyIP6, resource.VariantNFT},
	{resource.FamilyIP6, resource.VariantLegacy},
}

// tool is "iptables-nft", for instance.
func (x xtables) tool() string { return x.family + "tables-" + x.variant }

func (x xtables) load(t *testing.T, text string) {
	t.Helper()
	must(t, text, x.tool()+"-restore", "--noflush", "-w", "10")
}

// saved is iptables-save without what changes with time.
func (x xtables) saved(t *testing.T) string {
	t.Helper()
	lines := strings.Split(must(t, "", x.tool()+"-save", "-t", "filter"), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "#") }), "\n")
}

func (x xtables) parse(t *testing.T) (resource.RuleTable, resource.Filter) {
	t.Helper()
	own, other, err := ruleset.ParseSave(x.family, x.variant, []byte(x.saved(t)))
	if err != nil {
		t.Fatal(err)
	}
	return own, other
}

// eachXtables runs a test in a namespace of its own for each table.
func eachXtables(t *testing.T, test func(t *testing.T, x xtables)) {
	for _, x := range allXtables {
		t.Run(x.tool(), func(t *testing.T) {
			realTools(t, x.tool()+"-restore", x.tool()+"-save")
			test(t, x)
		})
	}
}

func listNFT(t *testing.T) *resource.RuleTable {
	t.Helper()
	if !strings.Contains(must(t, "", "nft", "list", "tables"), "table inet bulwark\n") {
		return nil
	}
	own, err := ruleset.ParseNFT([]byte(must(t, "", "nft", "-s", "-n", "-y", "list", "table", "inet", "bulwark")))
	if err != nil {
		t.Fatal(err)
	}
	return &own
}

func loadNFT(t *testing.T, want *resource.RuleTable) {
	t.Helper()
	sets, rules, tidy := ruleset.NFT(want, listNFT(t))
	for _, script := range []string{sets, rules, tidy} {
		if script != "" {
			must(t, script, "nft", "-f", "-")
		}
	}
}
