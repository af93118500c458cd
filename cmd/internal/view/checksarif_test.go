package view_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// sarif is what a reader of the format needs.
type sarif struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID                                      string
					ShortDescription, FullDescription, Help struct{ Text string }
					DefaultConfiguration                    struct{ Level string }
				}
			}
		}
		OriginalURIBaseIDs map[string]any
		Invocations        []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct{ Level string }
		}
		Results []sarifFound
	}
}

type sarifFound struct {
	RuleID              string
	RuleIndex           int
	Level               string
	Message             struct{ Text string }
	PartialFingerprints map[string]string
	BaselineState       string
	Suppressions        []struct{ Kind, Justification string }
	Locations           []struct {
		PhysicalLocation *struct {
			ArtifactLocation struct{ URI, URIBaseID string }
		}
		LogicalLocations []struct{ FullyQualifiedName, Kind string }
	}
}

func TestCheckSARIF(t *testing.T) {
	run := readSARIF(t, checked())
	if len(run.Runs) != 1 || run.Version != "2.1.0" || run.Schema == "" || run.Runs[0].Tool.Driver.Name != "bulwark" {
		t.Fatalf("%+v", run)
	}
	one, levels := run.Runs[0], []string{"note", "warning", "error"}
	for _, r := range one.Tool.Driver.Rules {
		if r.ID == "" || r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" || !slices.Contains(levels, r.DefaultConfiguration.Level) {
			t.Errorf("rule %+v", r)
		}
	}
	prints := map[string]bool{}
	for _, r := range one.Results {
		if one.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || !slices.Contains(levels, r.Level) || r.Message.Text == "" || len(r.Locations) != 1 {
			t.Errorf("result %+v", r)
		}
		for _, print := range r.PartialFingerprints {
			if prints[print] {
				t.Errorf("%s has the fingerprint of another", r.Message.Text)
			}
			prints[print] = true
		}
	}
	if len(one.Results) != 106 || len(prints) != 106 {
		t.Errorf("%d results, %d fingerprints", len(one.Results), len(prints))
	}
	if notes := one.Invocations[0].ToolExecutionNotifications; len(notes) != 6 {
		t.Errorf("what was not judged: %+v", notes)
	}
}

func readSARIF(t testing.TB, r *resource.Report) (doc sarif) {
	t.Helper()
	if err := json.Unmarshal([]byte(checkAs(t, "sarif", r, view.Style{})), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// A fingerprint is that of the object, whatever is observed and whatever the
// place in the report; two findings of one object are told apart.
func TestSARIFFingerprints(t *testing.T) {
	prints := func(findings ...resource.Finding) (all []string) {
		for _, r := range readSARIF(t, &resource.Report{Controls: []resource.ControlReport{{ID: "c", Title: "c", Verdict: resource.Fails, Findings: findings}}}).Runs[0].Results {
			for _, print := range r.PartialFingerprints {
				all = append(all, print)
			}
		}
		return all
	}
	web := resource.Finding{Kind: "container", Object: "web", Verdict: resource.Fails, Observed: "a"}
	other, again := web, web
	other.Object, again.Observed = "db", "b"
	before, after := prints(web, other), prints(other, again, again)
	if before[0] != after[1] || before[1] != after[0] || after[1] == after[2] || before[0] == before[1] {
		t.Errorf("%q and %q", before, after)
	}
	if none := prints(); len(none) != 1 {
		t.Errorf("a control that fails for nothing in particular has %d results", len(none))
	}
}

func TestSARIFPlaces(t *testing.T) {
	for object, want := range map[string]string{
		"/etc/docker/daemon.json": "etc/docker/daemon.json", "/a:b/c d": "./a:b/c%20d", "/run/x\x1b": "run/x%1B",
		"//etc//x": "etc//x", "etc/x": "", "/": "", "": "",
	} {
		r := &resource.Report{Controls: []resource.ControlReport{{ID: "c", Title: "c", Verdict: resource.Fails, Findings: []resource.Finding{{Kind: resource.FileObject, Object: object, Verdict: resource.Fails}}}}}
		run := readSARIF(t, r).Runs[0]
		at, got := run.Results[0].Locations[0], ""
		if at.PhysicalLocation != nil {
			got = at.PhysicalLocation.ArtifactLocation.URI
			if _, ok := run.OriginalURIBaseIDs[at.PhysicalLocation.ArtifactLocation.URIBaseID]; !ok {
				t.Errorf("%q: its base is not declared", object)
			}
		} else if len(at.LogicalLocations) != 1 || at.LogicalLocations[0].FullyQualifiedName == "" {
			t.Errorf("%q has no place", object)
		}
		if got != want {
			t.Errorf("%q is at %q, want %q", object, got, want)
		}
	}
}

// A waived object is in the log, and accepted.
func TestSARIFWaived(t *testing.T) {
	for _, r := range readSARIF(t, checked()).Runs[0].Results {
		if waived := r.RuleID == "container-read-only"; waived != (len(r.Suppressions) == 1 && strings.Contains(r.Suppressions[0].Justification, "2026-06-30")) {
			t.Errorf("%+v", r)
		}
		if r.BaselineState != "new" && r.BaselineState != "unchanged" {
			t.Errorf("%s is %q", r.Message.Text, r.BaselineState)
		}
	}
}

var promLine = regexp.MustCompile(`^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)$`)
