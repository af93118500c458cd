package view

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// sarifHome is where the tool lives.
const sarifHome = "https://github.com/bulwark-project/bulwark"

// rootBase is what the uris of files are relative to: the root of the host
// that was checked.
const rootBase = "HOSTROOT"

// CheckSARIF writes SARIF 2.1.0: a rule for each control and a result for each
// object that fails. What could not be judged, and what a person must judge,
// are notifications: a result would count as an alert.
func CheckSARIF(w io.Writer, r *resource.Report) error {
	run := sarifRun{
		Tool:  sarifTool{sarifDriver{Name: "bulwark", Version: r.Tool, Information: sarifHome, Rules: []sarifRule{}}},
		Bases: map[string]sarifBase{rootBase: {sarifText{"The root of the host that was checked."}}},
		Invocations: []sarifInvocation{{
			Successful: true, End: time.Unix(0, r.TakenNS).UTC().Format("2006-01-02T15:04:05.000Z"), Notes: notifications(r),
		}},
		Results: []sarifResult{},
	}
	if r.HostID != "" {
		run.Automation = &sarifAutomation{ID: "bulwark-check/" + r.HostID}
	}
	for i, c := range r.Controls {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(c))
		run.Results = append(run.Results, results(c, i)...)
	}
	return JSON(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// sarifLevels and the severities that GitHub reads from 0 to 10.
var sarifLevels = map[resource.Severity]struct{ level, security string }{
	resource.Critical: {"error", "9.5"},
	resource.High:     {"error", "8.0"},
	resource.Medium:   {"warning", "5.5"},
	resource.Low:      {"note", "2.5"},
}

func sarifLevel(s resource.Severity) string {
	if l, ok := sarifLevels[s]; ok {
		return l.level
	}
	return "warning"
}

func ruleOf(c resource.ControlReport) sarifRule {
	help := c.Why + "\n\nRemedy: " + c.Remedy
	if refs := references(c); refs != "" {
		help += "\n\nSee: " + refs
	}
	tags := []string{"security", "docker"}
	for _, area := range c.OWASP {
		tags = append(tags, "owasp-docker-"+area)
	}
	if version, ids := newestCIS(c); version != "" {
		for _, id := range ids {
			tags = append(tags, "cis-docker-"+version+"-"+id)
		}
	}
	return sarifRule{
		ID: c.ID, Short: sarifText{c.Title}, Full: sarifText{orTitle(c.Why, c)}, Help: sarifText{help},
		Configuration: sarifConfiguration{sarifLevel(c.Severity)},
		Properties:    sarifRuleProperties{Tags: tags, Severity: string(c.Severity), Security: sarifLevels[c.Severity].security},
	}
}

// orTitle: SARIF wants texts that are not empty.
func orTitle(text string, c resource.ControlReport) string {
	if text == "" {
		return c.Title
	}
	return text
}

// results of one control. A control that fails without naming an object has one
// result, about the host.
func results(c resource.ControlReport, rule int) []sarifResult {
	var failed []resource.Finding
	for _, f := range c.Findings {
		if f.Verdict == resource.Fails {
			failed = append(failed, f)
		}
	}
	if len(failed) == 0 && c.Verdict == resource.Fails {
		failed = []resource.Finding{{Kind: resource.HostObject, Verdict: resource.Fails, Observed: orTitle(c.Reason, c)}}
	}
	seen := map[string]int{}
	var all []sarifResult
	for _, f := range failed {
		all = append(all, resultOf(c, f, rule, seen))
	}
	return all
}

func resultOf(c resource.ControlReport, f resource.Finding, rule int, seen map[string]int) sarifResult {
	print := fingerprint(c.ID, f)
	seen[print]++
	text := objectName(f) + ": " + observed(f)
	if f.Remedy != "" {
		text += "\nRemedy: " + f.Remedy
	}
	result := sarifResult{
		Rule: c.ID, Index: rule, Level: sarifLevel(c.Severity), Message: sarifText{text},
		Locations: []sarifLocation{locationOf(f)},
		// One object may be found twice; the second is told apart by its place.
		Prints: map[string]string{"bulwarkObject/v1": fmt.Sprintf("%s:%d", print, seen[print])},
	}
	if f.Waiver != nil {
		result.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Justification: waivedUntil(f.Waiver)}}
	}
	switch f.Since {
	case resource.SinceNew:
		result.Baseline = "new"
	case resource.SinceSame:
		result.Baseline = "unchanged"
	}
	return result
}

// fingerprint is the same in each run, whatever was observed.
func fingerprint(control string, f resource.Finding) string {
	sum := sha256.Sum256([]byte(control + "\x00" + f.Kind + "\x00" + f.Object))
	return hex.EncodeToString(sum[:16])
}

// locationOf is a file of the host, or a name for what is none.
func locationOf(f resource.Finding) sarifLocation {
	path := strings.TrimLeft(f.Object, "/")
	if (f.Kind == resource.FileObject || f.Kind == resource.SocketObject) && path != "" && strings.HasPrefix(f.Object, "/") {
		// String, for it keeps a colon in the first part from being a scheme.
		return sarifLocation{Physical: &sarifPhysical{sarifArtifact{(&url.URL{Path: path}).String(), rootBase}}}
	}
	name := f.Object
	if name == "" {
		name = f.Kind
	}
	return sarifLocation{Logical: []sarifLogical{{Name: name, Full: f.Kind + "/" + name, Kind: f.Kind}}}
}

// notifications are what a reader must know before taking silence for ok.
func notifications(r *resource.Report) []sarifNote {
	notes := []sarifNote{}
	for _, u := range r.Unread {
		notes = append(notes, sarifNote{Level: "warning", Message: sarifText{"could not read " + u.What + ": " + u.Reason}})
	}
	for i, c := range r.Controls {
		rule := &sarifReference{c.ID, i}
		if c.Verdict == resource.ByHand {
			notes = append(notes, sarifNote{Level: "note", Message: sarifText{c.ID + " is to be judged by hand: " + c.Reason}, Rule: rule})
		}
		if c.Verdict == resource.Unjudged && len(open(c, resource.Unjudged)) == 0 {
			notes = append(notes, sarifNote{Level: "warning", Message: sarifText{c.ID + " could not be judged: " + c.Reason}, Rule: rule})
		}
		for _, f := range open(c, resource.Unjudged) {
			notes = append(notes, sarifNote{Level: "warning", Message: sarifText{c.ID + " of " + objectName(f) + " " + observed(f)}, Rule: rule})
		}
	}
	return notes
}
