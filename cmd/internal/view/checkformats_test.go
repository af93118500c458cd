package view_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
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
