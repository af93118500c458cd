package view_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
)

const openAll = `document.querySelectorAll("details").forEach(d => d.open = true)`

// The page is loaded by a real browser, once for all that is asked of it.
func TestPageInBrowser(t *testing.T) {
	b := startBrowser(t)
	html := checkAs(t, "html", checked(), view.Style{})
	for _, test := range []struct {
		name string
		run  func(*testing.T, *browser)
	}{
		{"needs nothing and complains of nothing", quiet},
		{"fits", fits},
		{"can be read", readable},
		{"has an outline", outline},
		{"follows links into what is closed", revealed},
		{"obeys the keyboard", keyboard},
		{"prints all", onPaper},
	} {
		t.Run(test.name, func(t *testing.T) {
			of := *b
			of.t = t
			of.screen(1100, "screen", "light")
			of.open(html)
			test.run(t, &of)
			b.last = of.last
		})
	}
	t.Run("runs no script", func(t *testing.T) {
		of := *b
		of.t = t
		noScript(t, &of, html)
		b.last = of.last
	})
}

func quiet(t *testing.T, b *browser) {
	b.picture("light")
	for _, complaint := range b.complaints() {
		t.Error(complaint)
	}
	var scripts, requests int
	b.eval("document.scripts.length", &scripts)
	b.eval(`performance.getEntriesByType("resource").length`, &requests)
	if scripts+requests > 0 {
		t.Errorf("%d scripts, %d requests", scripts, requests)
	}
	var rules int
	b.eval("document.styleSheets[0].cssRules.length", &rules)
	if rules < 20 {
		t.Errorf("the style sheet has %d rules: its digest does not let it in", rules)
	}
}

// noScript puts scripts into the page: the policy must stop them, and the
// browser say so, else the test of silence above would prove nothing.
func noScript(t *testing.T, b *browser, html string) {
	b.open(strings.Replace(html, "<main", `<script>window.owned = 1</script><img src="data:," onerror="window.owned = 2"><p style="color: red">x</p><main`, 1))
	var owned string
	b.eval("String(window.owned)", &owned)
	if owned != "undefined" {
		t.Errorf("a script ran: %s", owned)
	}
	if all := strings.Join(b.complaints(), "\n"); strings.Count(all, "Content Security Policy") < 3 {
		t.Errorf("the browser refused less than a script, a handler and a style: %s", all)
	}
}

func fits(t *testing.T, b *browser) {
	for _, width := range []int{360, 320, 768, 1440} {
		b.screen(width, "screen", "light")
		if width == 360 {
			b.picture("narrow")
		}
		b.eval(openAll, nil)
		var needs int
		b.eval("document.documentElement.scrollWidth", &needs)
		if needs > width {
			var wide []string
			b.eval(fmt.Sprintf(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > %d && !e.closest(".skip")).slice(0, 5).map(e => e.outerHTML.slice(0, 120))`, width), &wide)
			t.Errorf("%d pixels: the page is %d wide: %q", width, needs, wide)
		}
	}
}

// lowContrast lists texts whose colour is too near to what is behind them, by
// the formula of WCAG 2: 4.5 to 1 at least.
const lowContrast = `(() => {
	const rgb = s => s.match(/[\d.]+/g).map(Number)
	const light = c => c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
	const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c } return [255, 255, 255] }
	const texts = [...document.querySelectorAll("body, body *")].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
	const low = texts.map(e => {
		const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x)
		return {ratio: (a + 0.05) / (b + 0.05), text: e.className + ": " + e.textContent.trim().slice(0, 40)}
	})
	return {seen: texts.length, low: low.filter(l => !(l.ratio >= 4.5)).map(l => l.ratio.toFixed(2) + " " + l.text)}
})()`

func readable(t *testing.T, b *browser) {
	var before string
	for _, scheme := range []string{"light", "dark"} {
		b.screen(1100, "screen", scheme)
		b.eval(openAll, nil)
		var found struct {
			Seen int
			Low  []string
		}
		b.eval(lowContrast, &found)
		if found.Seen < 100 || len(found.Low) > 0 {
			t.Errorf("%s: of %d texts these cannot be read well: %q", scheme, found.Seen, found.Low)
		}
		var background string
		b.eval("getComputedStyle(document.body).backgroundColor", &background)
		if background == before {
			t.Errorf("%s is as before: %s", scheme, background)
		}
		before = background
	}
	b.open(checkAs(t, "html", checked(), view.Style{}))
	b.picture("dark")
}

func outline(t *testing.T, b *browser) {
	var page struct {
		Levels             []int
		Broken, Twice      []string
		Landmarks, Unnamed int
		Title, Lang        string
	}
	b.eval(`({
		levels: [...document.querySelectorAll("h1, h2, h3, h4")].map(h => Number(h.tagName[1])),
		broken: [...document.querySelectorAll("a")].map(a => a.getAttribute("href")).filter(h => h[0] !== "#" || !document.getElementById(h.slice(1))),
		twice: [...document.querySelectorAll("[id]")].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i),
		landmarks: ["header", "nav", "main", "footer"].filter(l => document.querySelectorAll(l).length === 1).length,
		unnamed: [...document.querySelectorAll("section, nav")].filter(s => !s.ariaLabel && !document.getElementById(s.getAttribute("aria-labelledby"))).length,
		title: document.title, lang: document.documentElement.lang,
	})`, &page)
	if len(page.Levels) < 10 || page.Levels[0] != 1 || slices.Contains(page.Levels[1:], 1) {
		t.Errorf("headings: %v", page.Levels)
	}
	for i, level := range page.Levels[1:] {
		if level > page.Levels[i]+1 {
			t.Errorf("heading %d skips a level: %v", i+1, page.Levels)
		}
	}
	if len(page.Broken)+len(page.Twice) > 0 || page.Landmarks != 4 || page.Unnamed > 0 || page.Title == "" || page.Lang != "en" {
		t.Errorf("%+v", page)
	}
}

func revealed(t *testing.T, b *browser) {
	var before, after bool
	const control = `document.getElementById("control-container-memory")`
	b.eval(control+".parentElement.open", &before)
	b.eval(`location.hash = "control-container-memory"; new Promise(done => setTimeout(() => done(`+control+`.parentElement.open && `+control+`.previousElementSibling.getBoundingClientRect().top >= 0), 200))`, &after)
	if before || !after {
		t.Errorf("open before: %v; open and in sight after the link: %v", before, after)
	}
}

// focused is what has the focus, if that can be seen.
const focused = `(() => {
	const e = document.activeElement, at = e.getBoundingClientRect(), s = getComputedStyle(e)
	const seen = at.width > 0 && at.left >= 0 && at.top >= 0 && at.bottom <= innerHeight + 1 && parseFloat(s.outlineWidth) >= 2 && s.outlineStyle !== "none"
	return e.tagName.toLowerCase() + (e.className ? "." + e.className : "") + (seen ? "" : " unseen")
})()`

func keyboard(t *testing.T, b *browser) {
	tab := func() (on string) {
		b.press("Tab", 9, "")
		b.eval(focused, &on)
		return on
	}
	if on := tab(); on != "a.skip" {
		t.Fatalf("the first stop is %s", on)
	}
	b.press("Enter", 13, "\r")
	var inside bool
	b.eval(`document.activeElement.id === "main"`, &inside)
	if !inside {
		t.Error("the skip link does not lead to the results")
	}
	var want, got int
	b.eval(`[...document.querySelectorAll("summary")].filter(s => !s.parentElement.parentElement.closest("details:not([open])")).length`, &want)
	for range 200 {
		on := tab()
		if strings.Contains(on, "unseen") && on != "body unseen" {
			t.Errorf("the focus is on %s", on)
		}
		if on == "body unseen" {
			break
		}
		if strings.HasPrefix(on, "summary") {
			got++
			toggles(t, b)
		}
	}
	if got != want || want < 10 {
		t.Errorf("the keyboard reaches %d of %d summaries", got, want)
	}
}

// toggles presses Enter twice.
func toggles(t *testing.T, b *browser) {
	t.Helper()
	var states [3]bool
	for i := range states {
		b.eval("document.activeElement.parentElement.open", &states[i])
		b.press("Enter", 13, "\r")
	}
	b.press("Enter", 13, "\r")
	if states[0] == states[1] || states[0] != states[2] {
		t.Errorf("Enter does not toggle: %v", states)
	}
}

func onPaper(t *testing.T, b *browser) {
	b.screen(700, "print", "dark")
	var page struct {
		Closed, Hidden int
		Background     string
	}
	b.eval(`({
		closed: document.querySelectorAll("details:not([open])").length,
		hidden: [...document.querySelectorAll(".body, .objects")].filter(e => !e.checkVisibility() || e.offsetHeight === 0).length,
		background: getComputedStyle(document.body).backgroundColor,
	})`, &page)
	if page.Closed == 0 || page.Hidden > 0 || page.Background != "rgb(255, 255, 255)" {
		t.Errorf("%+v", page)
	}
	var pdf struct{ Data []byte }
	b.call("Page.printToPDF", params{}, &pdf)
	if len(pdf.Data) < 10_000 {
		t.Errorf("the printed page has %d bytes", len(pdf.Data))
	}
}
