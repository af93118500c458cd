package view

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitSuite struct {
	Name      string `xml:"name,attr"`
	Timestamp string `xml:"timestamp,attr"`
	junitCounts
	Cases []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Failure *junitResult `xml:"failure,omitempty"`
	Error   *junitResult `xml:"error,omitempty"`
	Skipped *junitResult `xml:"skipped,omitempty"`
}

type junitResult struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

// CheckJUnit writes a test suite for each area and a test for each control: a
// failure for what fails, an error for what could not be judged; what a person
// must judge, what is waived and what there is nothing of is skipped.
func CheckJUnit(w io.Writer, r *resource.Report) error {
	doc := junitSuites{Name: "bulwark check"}
	for _, a := range append(r.Areas[:len(r.Areas):len(r.Areas)], resource.Area{Title: "Other"}) {
		suite := junitSuite{Name: xmlText(strings.TrimSpace(a.ID + " " + a.Title)), Timestamp: time.Unix(0, r.TakenNS).UTC().Format("2006-01-02T15:04:05")}
		for _, c := range r.Controls {
			if suiteOf(r, c) == a.ID {
				suite.add(c)
			}
		}
		if suite.Tests > 0 {
			doc.Suites = append(doc.Suites, suite)
			doc.sum(suite.junitCounts)
		}
	}
	b, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	return err
}

// suiteOf is the chief area of a control, so that it is counted once; "" if the
// report does not have that area.
func suiteOf(r *resource.Report, c resource.ControlReport) string {
	for _, a := range r.Areas {
		if len(c.OWASP) > 0 && a.ID == c.OWASP[0] {
			return a.ID
		}
	}
	return ""
}

func (n *junitCounts) sum(o junitCounts) {
	n.Tests += o.Tests
	n.Failures += o.Failures
	n.Errors += o.Errors
	n.Skipped += o.Skipped
}

func (s *junitSuite) add(c resource.ControlReport) {
	one := junitCase{Class: xmlText("bulwark." + strings.SplitN(s.Name, " ", 2)[0]), Name: xmlText(c.ID + ": " + c.Title)}
	s.Tests++
	switch {
	case c.Verdict == resource.Fails:
		one.Failure = &junitResult{xmlText(failureMessage(c)), xmlText(string(c.Severity)), xmlText(failureText(c))}
		s.Failures++
	case c.Verdict == resource.Unjudged:
		one.Error = &junitResult{xmlText("could not be judged: " + c.Reason), string(c.Verdict), xmlText(failureText(c))}
		s.Errors++
	case skipReason(c) != "":
		one.Skipped = &junitResult{Message: xmlText(skipReason(c))}
		s.Skipped++
	}
	s.Cases = append(s.Cases, one)
}

// failureMessage is one line: how bad, and for how many.
func failureMessage(c resource.ControlReport) string {
	text := string(c.Severity)
	if n := ofJudged(c); n != "" {
		text += ", " + n
	}
	return text + ": " + c.Title
}

// failureText lists the objects and the remedies.
func failureText(c resource.ControlReport) string {
	var b strings.Builder
	for _, f := range c.Findings {
		note := ""
		if f.Waiver != nil {
			note = " [" + waivedUntil(f.Waiver) + "]"
		}
		fmt.Fprintf(&b, "%s\n", resource.Printable(objectName(f)+": "+observed(f)+note))
		if f.Remedy != "" {
			fmt.Fprintf(&b, "  remedy: %s\n", resource.Printable(f.Remedy))
		}
	}
	for _, line := range []struct{ head, text string }{{"why", c.Why}, {"remedy", c.Remedy}, {"see", references(c)}} {
		if line.text != "" {
			fmt.Fprintf(&b, "%s: %s\n", line.head, line.text)
		}
	}
	return b.String()
}

// skipReason says why a control that neither fails nor holds is no test; of one
// that holds but for waived objects, who accepted that.
func skipReason(c resource.ControlReport) string {
	switch c.Verdict {
	case resource.ByHand:
		return "to judge by hand: " + c.Reason
	case resource.NoObject:
		return "nothing to judge: " + c.Reason
	}
	for _, f := range c.Findings {
		if f.Waiver != nil {
			return objectName(f) + " " + waivedUntil(f.Waiver)
		}
	}
	return ""
}

// xmlText is printable text, of several lines perhaps, that XML can hold.
func xmlText(s string) string {
	var all []string
	for _, line := range strings.Split(s, "\n") {
		all = append(all, resource.Printable(line))
	}
	return strings.Map(func(r rune) rune {
		if r == '\ufffe' || r == '\uffff' {
			return '\ufffd'
		}
		return r
	}, strings.Join(all, "\n"))
}
