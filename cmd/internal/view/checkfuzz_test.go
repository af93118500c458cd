package view_test

import (
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

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
