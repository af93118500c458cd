package view_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestCheckGolden(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		report *resource.Report
		style  view.Style
	}{
		"check.txt":               {"text", checked(), view.Style{}},
		"check_color.txt":         {"text", checked(), view.Style{Color: true}},
		"check_verbose.txt":       {"text", checked(), view.Style{Verbose: true}},
		"check_ok.txt":            {"text", inOrder(), view.Style{}},
		"check_unread.txt":        {"text", unreadable(), view.Style{}},
		"check.json":              {"json", checked(), view.Style{}},
		"check.junit.xml":         {"junit", checked(), view.Style{}},
		"check.sarif":             {"sarif", checked(), view.Style{}},
		"check.prom":              {"prometheus", checked(), view.Style{}},
		"check.docker-bench.json": {"docker-bench", checked(), view.Style{}},
		"check.html":              {"html", checked(), view.Style{}},
	} {
		t.Run(name, func(t *testing.T) {
			compare(t, filepath.Join("../../../testdata/golden", name), checkAs(t, c.format, c.report, c.style))
		})
	}
}

func checkAs(t testing.TB, format string, r *resource.Report, s view.Style) string {
	t.Helper()
	var out bytes.Buffer
	if err := view.Check(&out, format, r, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// inOrder is a host where all holds.
func inOrder() *resource.Report {
	r := checked()
	r.Controls, r.Unread, r.Fixed, r.Policy, r.AgainstNS, r.Worst = r.Controls[7:8], nil, nil, nil, 0, ""
	r.Areas = nil
	return r
}

// unreadable is a host of which nothing could be judged.
func unreadable() *resource.Report {
	r := inOrder()
	c := &r.Controls[0]
	c.Verdict, c.Reason, c.Judged = resource.Unjudged, "Docker's API did not answer", 0
	r.Unread = []resource.UnreadFact{{What: "containers", Reason: "Docker's API did not answer"}, {What: "images", Reason: "Docker's API did not answer"}}
	return r
}

func TestCheckFormats(t *testing.T) {
	if err := view.Check(&bytes.Buffer{}, "yaml", checked(), view.Style{}); err == nil || !strings.Contains(err.Error(), "docker-bench") {
		t.Errorf("an unknown format: %v", err)
	}
	for _, format := range view.CheckFormats() {
		if err := view.Check(full{}, format, checked(), view.Style{}); err == nil {
			t.Errorf("%s: the write failed without an error", format)
		}
		before := checkAs(t, format, checked(), view.Style{})
		if again := checkAs(t, format, checked(), view.Style{}); again != before {
			t.Errorf("%s: the same report is written in two ways", format)
		}
		checkAs(t, format, &resource.Report{}, view.Style{})
		printed(t, format, []byte(before))
	}
}

// Nothing that was not judged is called ok in the summary.
func TestCheckClaims(t *testing.T) {
	text := checkAs(t, "text", unreadable(), view.Style{})
	if strings.Contains(text, " ok") || strings.Contains(text, "nothing fails") || !strings.Contains(text, "could not be judged") {
		t.Errorf("a host of which nothing was read is praised:\n%s", text)
	}
}
