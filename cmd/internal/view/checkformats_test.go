package view_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestCheckJUnit(t *testing.T) {
	var doc struct {
		Tests, Failures, Errors, Skipped int    `xml:",attr"`
		Name                             string `xml:"name,attr"`
		Suites                           []struct {
			Name  string `xml:"name,attr"`
			Tests int    `xml:"tests,attr"`
			Cases []struct {
				Class   string     `xml:"classname,attr"`
				Name    string     `xml:"name,attr"`
				Failure *junitText `xml:"failure"`
				Error   *junitText `xml:"error"`
				Skipped *junitText `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	text := checkAs(t, "junit", checked(), view.Style{})
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]string{}
	for _, s := range doc.Suites {
		if s.Tests != len(s.Cases) {
			t.Errorf("%s counts %d tests and has %d", s.Name, s.Tests, len(s.Cases))
		}
		for _, c := range s.Cases {
			id, _, _ := strings.Cut(c.Name, ":")
			outcomes[id] = outcomeOf(c.Failure, c.Error, c.Skipped)
		}
	}
	for id, want := range map[string]string{
		"socket-mounted": "failure", "audit-rules": "error", "trusted-registry": "skipped", "swarm-autolock": "skipped",
		"container-read-only": "skipped", "live-restore": "passed", "image-user": "failure",
	} {
		if outcomes[id] != want {
			t.Errorf("%s is %s, want %s", id, outcomes[id], want)
		}
	}
	if len(outcomes) != 10 {
		t.Errorf("%d controls", len(outcomes))
	}
	if !strings.Contains(text, `tests="10" failures="4" errors="1" skipped="3"`) {
		t.Errorf("the counts are wrong: %s", text[:200])
	}
	if !strings.Contains(text, "shop-worker-100") {
		t.Error("not all objects are listed")
	}
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func outcomeOf(failure, fault, skipped *junitText) string {
	switch {
	case failure != nil && failure.Message != "" && failure.Text != "":
		return "failure"
	case fault != nil && fault.Message != "":
		return "error"
	case skipped != nil && skipped.Message != "":
		return "skipped"
	case failure == nil && fault == nil && skipped == nil:
		return "passed"
	}
	return "empty"
}

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

// readProm is a small reader of the text format: the samples by name and labels.
func readProm(t testing.TB, text string) map[string]float64 {
	t.Helper()
	samples, typed := map[string]float64{}, map[string]bool{}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			typed[strings.TrimSuffix(rest, " gauge")] = true
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := promLine.FindStringSubmatch(line)
		if m == nil || !typed[m[1]] {
			t.Fatalf("no sample: %q", line)
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		key := m[1] + "{" + m[2] + "}"
		if _, twice := samples[key]; twice {
			t.Errorf("twice: %s", key)
		}
		samples[key] = value
	}
	return samples
}

func TestCheckPrometheus(t *testing.T) {
	r := checked()
	r.Controls[0].ID, r.Controls[1].Title = hostile, hostile
	samples := readProm(t, checkAs(t, "prometheus", r, view.Style{}))
	for key, want := range map[string]float64{
		`bulwark_check_control{id="socket-mounted",owasp="D04",severity="critical",verdict="fail"}`: 1,
		`bulwark_check_failed_objects{id="container-memory",severity="medium"}`:                     100,
		`bulwark_check_controls{verdict="unknown"}`:                                                 1,
		`bulwark_check_area_score{area="D09",title="Follow the immutable paradigm"}`:                100,
		`bulwark_check_last_run_timestamp_seconds{}`:                                                1772366400.5,
	} {
		if got, ok := samples[key]; !ok || got != want {
			t.Errorf("%s is %v", key, got)
		}
	}
	for key := range samples {
		if strings.Contains(key, "objects") && strings.Contains(key, "audit-rules") || strings.Contains(key, `area="D02"`) {
			t.Errorf("%s was not judged", key)
		}
	}
}

func TestCheckDockerBench(t *testing.T) {
	text := checkAs(t, "docker-bench", checked(), view.Style{})
	doc := keys(t, text, "dockerbenchsecurity", "start", "tests", "checks", "score", "end")
	words, checks, score := map[string]string{}, 0.0, 0.0
	for _, section := range doc["tests"].([]any) {
		for _, result := range object(t, section, "id", "desc", "results")["results"].([]any) {
			r := object(t, result, "id", "desc", "result", "details", "items", "remediation", "remediation-impact")
			words[r["id"].(string)] = r["result"].(string)
			checks++
			score += map[string]float64{"PASS": 1, "WARN": -1}[r["result"].(string)]
		}
	}
	for id, want := range map[string]string{
		"3.17": "PASS", "3.18": "WARN", "5.32": "WARN", "1.1.3": "INFO", "1.1.4": "INFO", "4.2": "NOTE", "7.5": "INFO", "5.13": "PASS", "2.15": "PASS",
	} {
		if words[id] != want {
			t.Errorf("%s is %q, want %s", id, words[id], want)
		}
	}
	if doc["checks"] != checks || doc["score"] != score {
		t.Errorf("checks %v, score %v; counted %v and %v", doc["checks"], doc["score"], checks, score)
	}
}

// The worst of what shares a number is told, and PASS only if all was judged.
func TestDockerBenchShared(t *testing.T) {
	for _, c := range []struct {
		verdicts []resource.Verdict
		want     string
	}{
		{[]resource.Verdict{resource.Holds, resource.Fails, resource.Unjudged}, "WARN"},
		{[]resource.Verdict{resource.Holds, resource.Unjudged}, "INFO"},
		{[]resource.Verdict{resource.Holds, resource.ByHand}, "NOTE"},
		{[]resource.Verdict{resource.NoObject, resource.Holds}, "PASS"},
		{[]resource.Verdict{resource.NoObject}, "INFO"},
		{[]resource.Verdict{"new word"}, "INFO"},
	} {
		r := &resource.Report{}
		for i, v := range c.verdicts {
			r.Controls = append(r.Controls, resource.ControlReport{ID: fmt.Sprint(i), Title: "t", Verdict: v, CIS: map[string][]string{"1.6": {"2.10"}}})
		}
		if text := checkAs(t, "docker-bench", r, view.Style{}); !strings.Contains(text, `"result": "`+c.want+`"`) {
			t.Errorf("%v: want %s: %s", c.verdicts, c.want, text)
		}
	}
}

func keys(t testing.TB, text string, names ...string) map[string]any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return object(t, v, names...)
}

func object(t testing.TB, v any, names ...string) map[string]any {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok || len(m) != len(names) {
		t.Fatalf("%v is no object with %v", v, names)
	}
	for _, name := range names {
		if _, ok := m[name]; !ok {
			t.Errorf("no %s in %v", name, m)
		}
	}
	return m
}

// FuzzCheck: whatever text is in a report, each format stays what it is, and
// what is printed does not command a terminal.
func FuzzCheck(f *testing.F) {
	f.Add(hostile)
	f.Add("plain")
	f.Add("</style></script>{{.}}<!--")
	f.Fuzz(func(t *testing.T, text string) {
		r := reportOf(text)
		for _, s := range []view.Style{{}, {Verbose: true}} {
			printed(t, "text", []byte(checkAs(t, "text", r, s)))
		}
		for _, format := range view.CheckFormats() {
			printed(t, format, []byte(checkAs(t, format, r, view.Style{})))
		}
		readProm(t, checkAs(t, "prometheus", r, view.Style{}))
		readSARIF(t, r)
		keys(t, checkAs(t, "docker-bench", r, view.Style{}), "dockerbenchsecurity", "start", "tests", "checks", "score", "end")
		wellFormed(t, checkAs(t, "junit", r, view.Style{}))
		if page := checkAs(t, "html", r, view.Style{}); !meaning(text) {
			sameTags(t, page, checkAs(t, "html", reportOf("x"), view.Style{}))
		}
	})
}

// reportOf has text everywhere; no two controls have one id.
func reportOf(text string) *resource.Report {
	r := filled[resource.Report](text)
	for i := range r.Controls {
		r.Controls[i].ID += strconv.Itoa(i)
	}
	return r
}

// meaning is text that changes what a page has.
func meaning(text string) bool {
	return resource.Severity(text).Rank() >= 0 || text == resource.SinceNew || text == resource.SinceSame
}

func wellFormed(t testing.TB, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
	}
}

var tag = regexp.MustCompile(`<[/!a-zA-Z][a-z0-9]*`)

// sameTags: text adds no tag to a page and takes none away, but where there is
// none to be shown.
func sameTags(t testing.TB, got, want string) {
	t.Helper()
	count := func(page string) map[string]int {
		n := map[string]int{}
		for _, name := range tag.FindAllString(page, -1) {
			n[name]++
		}
		return n
	}
	g, w := count(got), count(want)
	for name := range g {
		if g[name] > w[name] {
			t.Errorf("%s: %d, without the text %d", name, g[name], w[name])
		}
	}
}
