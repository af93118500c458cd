package view

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// proofJUnit writes a test for each probe: a failure for what did not hold, an
// error for what could not be tried, skipped for what the policy does not ask for.
func proofJUnit(w io.Writer, p *resource.Proof) error {
	suite := junitSuite{Name: "prove", Timestamp: time.Unix(0, p.TakenNS).UTC().Format("2006-01-02T15:04:05")}
	for _, a := range p.Probes {
		suite.addAttempt(a)
	}
	if len(p.Left) > 0 {
		suite.addAttempt(resource.Attempt{ID: "left-behind", Title: "All is removed again", Verdict: resource.Fails, Observed: strings.Join(p.Left, ", ")})
	}
	b, err := xml.MarshalIndent(junitSuites{Name: "bulwark prove", junitCounts: suite.junitCounts, Suites: []junitSuite{suite}}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	return err
}

func (s *junitSuite) addAttempt(a resource.Attempt) {
	one := junitCase{Class: "bulwark.prove", Name: xmlText(a.ID + ": " + a.Title)}
	said := &junitResult{Message: xmlText(a.Observed), Type: string(a.Verdict), Text: xmlText(strings.Join(a.Evidence, "\n"))}
	s.Tests++
	switch a.Verdict {
	case resource.Fails:
		one.Failure = said
		s.Failures++
	case resource.Unable:
		one.Error = said
		s.Errors++
	case resource.NotWanted:
		one.Skipped = &junitResult{Message: xmlText(a.Observed)}
		s.Skipped++
	}
	s.Cases = append(s.Cases, one)
}
