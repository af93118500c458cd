package control_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/control"
)

// numbers are those of the benchmark by section: how many each has in 1.6 and 1.8.
func numbers(version string) []string {
	last := []struct {
		section string
		n       int
	}{{"1.1", 18}, {"1.2", 2}, {"2", 18}, {"3", 24}, {"4", 12}, {"5", 32}, {"6", 2}, {"7", 9}}
	var all []string
	for _, s := range last {
		n := s.n
		if s.section == "2" && version == "1.8" {
			n++
		}
		for i := 1; i <= n; i++ {
			all = append(all, fmt.Sprintf("%s.%d", s.section, i))
		}
	}
	return all
}

// Every number of the benchmark is accounted for: 117 of 1.6 and 1.7, 118 of 1.8.
func TestEveryNumber(t *testing.T) {
	for version, want := range map[string]int{"1.6": 117, "1.7": 117, "1.8": 118} {
		all := numbers(version)
		if len(all) != want {
			t.Fatalf("%s: the test knows %d numbers, want %d", version, len(all), want)
		}
		have := map[string]bool{}
		for _, c := range control.Catalogue() {
			for _, n := range c.CIS[version] {
				have[n] = true
				if !slices.Contains(all, n) {
					t.Errorf("%s: %s has the number %s, which there is not", c.ID, version, n)
				}
			}
		}
		for _, n := range all {
			if !have[n] {
				t.Errorf("%s: no control for %s", version, n)
			}
		}
	}
}

func TestCatalogueIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range control.Catalogue() {
		if seen[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		seen[c.ID] = true
		if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(c.ID) {
			t.Errorf("%s is no slug", c.ID)
		}
		if c.Title == "" || c.Why == "" || c.How == "" || c.Remedy == "" && c.Key == "" {
			t.Errorf("%s: a text is missing", c.ID)
		}
		if c.Severity.Rank() < 0 || c.Level < 1 || c.Level > 2 {
			t.Errorf("%s: severity %q, level %d", c.ID, c.Severity, c.Level)
		}
		if len(c.OWASP) == 0 || slices.ContainsFunc(c.OWASP, func(a string) bool { return !control.Area(a) }) {
			t.Errorf("%s: areas %v", c.ID, c.OWASP)
		}
	}
}

func TestSelect(t *testing.T) {
	for name, c := range map[string]struct {
		only, except []string
		want         []string // slugs that must be there
		without      []string
		err          string
	}{
		"all":              {want: []string{"privileged", "icc"}},
		"slug":             {only: []string{"privileged"}, want: []string{"privileged"}, without: []string{"icc"}},
		"wildcard":         {only: []string{"audit-*"}, want: []string{"audit-runc"}, without: []string{"icc"}},
		"area":             {only: []string{"d06"}, want: []string{"secret-environment"}, without: []string{"icc"}},
		"newest benchmark": {only: []string{"2.15"}, want: []string{"no-new-privileges"}, without: []string{"live-restore"}},
		"its prefix":       {only: []string{"cis-2.15"}, want: []string{"no-new-privileges"}, without: []string{"live-restore"}},
		"older benchmark":  {only: []string{"1.6:2.14"}, want: []string{"no-new-privileges"}, without: []string{"live-restore"}},
		"section":          {only: []string{"7"}, want: []string{"swarm-ca"}, without: []string{"icc", "swarm-off"}},
		"except":           {except: []string{"D06", "5"}, want: []string{"icc"}, without: []string{"privileged", "secret-labels"}},
		"nothing left":     {only: []string{"icc"}, except: []string{"2"}, err: "nothing is left"},
		"misspelt":         {only: []string{"privilegd"}, err: "did you mean privileged"},
		"no such number":   {only: []string{"9.1"}, err: "no slug, no area"},
		"no such except":   {except: []string{"D11"}, err: "D11"},
	} {
		got, err := control.Select(c.only, c.except)
		if c.err != "" {
			if err == nil || !regexp.MustCompile(c.err).MatchString(err.Error()) {
				t.Errorf("%s: error %v, want %s", name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		has := func(id string) bool {
			return slices.ContainsFunc(got, func(c control.Control) bool { return c.ID == id })
		}
		for _, id := range c.want {
			if !has(id) {
				t.Errorf("%s: no %s", name, id)
			}
		}
		for _, id := range c.without {
			if has(id) {
				t.Errorf("%s: has %s", name, id)
			}
		}
	}
}
