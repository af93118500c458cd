package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// benchCIS is the version of the CIS benchmark whose numbers
// docker-bench-security uses.
const benchCIS = "1.6"

// The shape is that of docker-bench-security's JSON, for what reads it; the
// texts are ours.
type benchReport struct {
	Version string         `json:"dockerbenchsecurity"`
	Start   int64          `json:"start"`
	Tests   []benchSection `json:"tests"`
	Checks  int            `json:"checks"`
	Score   int            `json:"score"`
	End     int64          `json:"end"`
}

type benchSection struct {
	ID      string        `json:"id"`
	Desc    string        `json:"desc"`
	Results []benchResult `json:"results"`
}

type benchResult struct {
	ID          string   `json:"id"`
	Desc        string   `json:"desc"`
	Result      string   `json:"result"`
	Details     string   `json:"details"`
	Items       []string `json:"items"`
	Remediation string   `json:"remediation"`
	Impact      string   `json:"remediation-impact"`
}

var benchSections = []benchSection{
	{ID: "1", Desc: "The host"},
	{ID: "2", Desc: "The daemon"},
	{ID: "3", Desc: "Files of the daemon"},
	{ID: "4", Desc: "Images"},
	{ID: "5", Desc: "Containers"},
	{ID: "6", Desc: "Upkeep"},
	{ID: "7", Desc: "Swarm"},
}

// benchWords are the outcomes; when controls share a number the one that comes
// first here wins. So PASS is said only if all of them were judged.
var benchWords = []struct {
	verdict resource.Verdict
	word    string
	score   int
}{
	{resource.Fails, "WARN", -1},
	{resource.Unjudged, "INFO", 0},
	{resource.ByHand, "NOTE", 0},
	{resource.Holds, "PASS", 1},
	{resource.NoObject, "INFO", 0},
}

// CheckDockerBench writes the report in the shape of docker-bench-security: one
// result for each number of CIS 1.6 that the report has.
func CheckDockerBench(w io.Writer, r *resource.Report) error {
	doc := benchReport{Version: "bulwark " + r.Tool, Start: r.TakenNS / 1e9, End: r.TakenNS / 1e9, Tests: slices.Clone(benchSections)}
	byID := benchControls(r)
	ids := slices.SortedFunc(maps.Keys(byID), byNumbers)
	for i := range doc.Tests {
		s := &doc.Tests[i]
		s.Results = []benchResult{}
		for _, id := range ids {
			if strings.HasPrefix(id, s.ID+".") {
				result, score := benchOutcome(id, byID[id])
				s.Results = append(s.Results, result)
				doc.Checks++
				doc.Score += score
			}
		}
	}
	return JSON(w, doc)
}

// benchControls are the controls behind each number.
func benchControls(r *resource.Report) map[string][]resource.ControlReport {
	byID := map[string][]resource.ControlReport{}
	for _, c := range r.Controls {
		for _, id := range c.CIS[benchCIS] {
			byID[id] = append(byID[id], c)
		}
	}
	return byID
}

func benchOutcome(id string, controls []resource.ControlReport) (result benchResult, score int) {
	for _, o := range benchWords {
		var which []resource.ControlReport
		for _, c := range controls {
			if c.Verdict == o.verdict {
				which = append(which, c)
			}
		}
		if len(which) == 0 {
			continue
		}
		result = benchResult{ID: id, Desc: joined(controls, title), Result: o.word, Details: joined(which, benchDetails), Items: benchItems(which)}
		if o.verdict != resource.Holds {
			result.Remediation = joined(which, func(c resource.ControlReport) string { return c.Remedy })
		}
		if o.verdict == resource.Fails {
			result.Impact = "bulwark plan says what a change means for running containers"
		}
		return result, o.score
	}
	return benchResult{ID: id, Desc: joined(controls, title), Result: "INFO", Items: []string{}}, 0
}

func title(c resource.ControlReport) string { return c.Title }

// benchDetails is what there is to say besides the outcome.
func benchDetails(c resource.ControlReport) string {
	if c.Verdict == resource.Unjudged {
		return "could not be judged: " + c.Reason
	}
	if c.Verdict == resource.Fails {
		return fmt.Sprintf("%s (%s)", strings.TrimSpace(ofJudged(c)+" "+c.ID), c.Severity)
	}
	return c.Reason
}

// benchItems are the objects, each once.
func benchItems(controls []resource.ControlReport) []string {
	items := []string{}
	for _, c := range controls {
		for _, f := range open(c, c.Verdict) {
			if name := f.Object; name != "" && !slices.Contains(items, name) {
				items = append(items, name)
			}
		}
	}
	return items
}

// joined are texts of several controls, each once.
func joined(controls []resource.ControlReport, of func(resource.ControlReport) string) string {
	var all []string
	for _, c := range controls {
		if text := of(c); text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}
