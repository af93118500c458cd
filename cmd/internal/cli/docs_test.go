package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// docs/cli.md has a section for each command and no other, with all of its
// flags and exit codes and no others.
func TestDocumentation(t *testing.T) {
	common, sections := readSections(t)
	var want []string
	walk((&app{version: "dev"}).command(), func(cmd *cobra.Command) {
		if !cmd.HasParent() {
			documented(t, "bulwark", common, append(flags(cmd.PersistentFlags()), "help", "version"))
			return
		}
		if cmd.Hidden {
			return
		}
		name := cmd.CommandPath()
		want = append(want, name)
		text, ok := sections[name]
		if !ok {
			t.Errorf("docs/cli.md has no section %q", name)
			return
		}
		documented(t, name, text, flags(cmd.LocalNonPersistentFlags()))
		if diff := cmp.Diff(codes(cmd), codesOf(text)); diff != "" {
			t.Errorf("%s: exit codes (-help +docs):\n%s", name, diff)
		}
	})
	for name := range sections {
		if !slices.Contains(append(want, "bulwark completion"), name) {
			t.Errorf("docs/cli.md has a section %q, and there is no such command", name)
		}
	}
	for n, meaning := range exitMeanings {
		row := regexp.MustCompile(`(?m)^\| ` + string(rune('0'+n)) + ` \| (.*) \|$`).FindStringSubmatch(common)
		if row == nil || strings.ReplaceAll(row[1], "`", "") != meaning {
			t.Errorf("the table of exit codes says %q of %d, help %q", row, n, meaning)
		}
	}
}

// readSections returns what stands before the first command, and the text of
// each command.
func readSections(t *testing.T) (common string, sections map[string]string) {
	t.Helper()
	b, err := os.ReadFile("../../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), "\n## bulwark ")
	sections = map[string]string{}
	for _, p := range parts[1:] {
		name, text, _ := strings.Cut(p, "\n")
		sections["bulwark "+name] = text
	}
	return parts[0], sections
}

func flags(set *pflag.FlagSet) []string {
	var names []string
	set.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

func documented(t *testing.T, command, text string, want []string) {
	t.Helper()
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)").FindAllStringSubmatch(text, -1) {
		got = append(got, row[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: flags (-command +docs):\n%s", command, diff)
	}
}

func codes(cmd *cobra.Command) []string {
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^  (\d)  `).FindAllStringSubmatch(cmd.Long, -1) {
		list = append(list, m[1])
	}
	return list
}

func codesOf(text string) []string {
	m := regexp.MustCompile(`Exit codes: ([\d, ]+)\.`).FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	return strings.Split(m[1], ", ")
}

// The commands of README.md and of the pages under docs parse: command, flags
// and number of arguments.
func TestCommandsInDocsParse(t *testing.T) {
	checked := 0
	for _, file := range []string{"README.md", "docs/userns-remap.md", "docs/policy.md", "docs/daemon-json.md", "docs/json.md", "docs/egress.md", "docs/audit.md", "docs/seccomp.md", "docs/security.md"} {
		b, err := os.ReadFile("../../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandLines(string(b)) {
			checked++
			parses(t, file, line)
		}
	}
	if checked < 8 {
		t.Errorf("only %d commands were found", checked)
	}
}

// commandLines finds indented lines of commands: "    sudo bulwark apply  # why".
func commandLines(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^    (?:\$ )?((?:sudo )?bulwark .*)$`).FindAllStringSubmatch(text, -1) {
		line, _, _ := strings.Cut(m[1], " #")
		for _, one := range regexp.MustCompile(`[;|]|&&`).Split(line, -1) {
			one = strings.TrimPrefix(strings.TrimSpace(one), "sudo ")
			if strings.HasPrefix(one, "bulwark ") {
				all = append(all, one)
			}
		}
	}
	return all
}

func parses(t *testing.T, file, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, " >")
	cmd, rest, err := (&app{version: "dev"}).command().Find(strings.Fields(line)[1:])
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: %s: %v", file, line, err)
	}
}

// docs/security.md names the programs that bulwark runs, of which a rig proves
// that there are no others.
func TestProgramsInDocs(t *testing.T) {
	b, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(b), "<!-- programs -->")
	table, _, _ = strings.Cut(table, "<!-- /programs -->")
	var named []string
	for row := range strings.Lines(table) {
		if cell, _, ok := strings.Cut(strings.TrimPrefix(row, "| `"), " |"); ok {
			named = append(named, regexp.MustCompile("[a-z0-9-]+").FindAllString(cell, -1)...)
		}
	}
	proven, err := os.ReadFile("../../../rig/testdata/programs")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(proven))
	slices.Sort(want)
	named = slices.DeleteFunc(named, func(s string) bool { return s == "program" || strings.Trim(s, "-") == "" })
	slices.Sort(named)
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("(-rig/testdata/programs +docs/security.md)\n%s", diff)
	}
}
