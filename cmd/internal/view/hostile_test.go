package view_test

import (
	"bytes"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// everyText prints all documents in words, with text in each of their fields.
func everyText(text string, w io.Writer) error {
	for _, s := range []view.Style{{}, {Verbose: true}, {Summary: true}} {
		for _, print := range []func() error{
			func() error { return view.PlanText(w, filled[resource.Plan](text), s) },
			func() error { return view.ResultText(w, filled[remediate.ApplyResult](text), s) },
			func() error { return view.ConfirmText(w, filled[remediate.ConfirmResult](text), s) },
			func() error { return view.HistoryText(w, *filled[[]remediate.Record](text), s) },
			func() error { return view.RecordText(w, filled[remediate.Record](text), s) },
			func() error { return view.ReversalText(w, *filled[remediate.Reversal](text), s) },
			func() error { return view.LoadedText(w, filled[remediate.Egress](text), s) },
			func() error { return view.EgressText(w, filled[remediate.Egress](text), s) },
			func() error { return view.SeccompText(w, filled[remediate.SeccompReport](text), s) },
			func() error { return view.CheckText(w, filled[resource.Report](text), s) },
		} {
			if err := print(); err != nil {
				return err
			}
		}
	}
	for _, o := range []remediate.Outcome{remediate.Unchanged, remediate.Applied, remediate.RolledBack, remediate.Awaiting, remediate.TakenBack} {
		r := filled[remediate.ApplyResult](text)
		r.Outcome = o
		if err := view.ResultText(w, r, view.Style{}); err != nil {
			return err
		}
	}
	view.Lines(w, text)
	view.Note(w, "%v %d %s\n", text, 1, resource.Status(text))
	return nil
}

func filled[T any](text string) *T {
	v := new(T)
	fillText(reflect.ValueOf(v).Elem(), text)
	return v
}

// fillText sets every text below v; statuses and levels are each once what they
// may be, for what is printed depends on them.
func fillText(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillText(v.Field(i), text)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillText(v.Elem(), text)
	case reflect.Slice:
		fillSlice(v, text)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillText(key, text)
		fillText(value, text)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(false)
	}
}

func fillSlice(v reflect.Value, text string) {
	n := 1
	statuses := []resource.Status{resource.OK, resource.Changing, resource.Blocked, resource.Unread, resource.Manual}
	levels := []string{resource.WarningImpact, resource.IrreversibleImpact, resource.NoteImpact}
	actions := []resource.Action{resource.Create, resource.Update, resource.Delete}
	verdicts := []resource.Verdict{resource.Fails, resource.Unjudged, resource.ByHand, resource.Holds, resource.NoObject}
	switch v.Type().Elem() {
	case reflect.TypeFor[resource.ControlResult]():
		n = len(statuses)
	case reflect.TypeFor[resource.Impact](), reflect.TypeFor[resource.Change](), reflect.TypeFor[resource.Operation]():
		n = len(levels)
	case reflect.TypeFor[resource.ControlReport]():
		n = len(verdicts)
	case reflect.TypeFor[resource.Finding]():
		n = 4
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		at := v.Index(i)
		fillText(at, text)
		switch at := at.Addr().Interface().(type) {
		case *resource.ControlResult:
			at.Status = statuses[i]
		case *resource.Impact:
			at.Level = levels[i]
		case *resource.Change:
			at.Action = actions[i]
		case *resource.Operation:
			at.Action = actions[i]
		case *resource.ControlReport:
			at.Verdict = verdicts[i]
		case *resource.Finding:
			at.Verdict = verdicts[i%2]
			if i > 1 {
				at.Waiver = nil
			}
		}
	}
}

// printed is text without what a terminal obeys.
func printed(t *testing.T, what string, b []byte) {
	t.Helper()
	if !utf8.Valid(b) {
		t.Errorf("%s is not UTF-8: %q", what, b)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSuffix(line, "\n"); resource.Printable(line) != line {
			t.Errorf("%s commands a terminal: %q", what, line)
		}
	}
}

// FuzzText: whatever text is in a document, what is printed of it does not
// command a terminal; as JSON neither.
func FuzzText(f *testing.F) {
	f.Add("\x1b[2J\x1b]0;title\x07\x1b[31mred \u009b2J\x9b1m \u202edcba\u2066 \r\nforged: line\n\x00\x7f")
	f.Fuzz(func(t *testing.T, text string) {
		var b bytes.Buffer
		if err := everyText(text, &b); err != nil {
			t.Fatal(err)
		}
		printed(t, "text", b.Bytes())
		if text != "" && !bytes.Contains(b.Bytes(), []byte(strings.TrimSpace(strings.ReplaceAll(resource.Printable(text), "\t", " ")))) && plainText(text) {
			t.Errorf("%q is nowhere", text)
		}
		for _, v := range []any{filled[resource.Plan](text), filled[remediate.ApplyResult](text), filled[remediate.Record](text)} {
			b.Reset()
			if err := view.JSON(&b, v); err != nil {
				continue // text that is no JSON where JSON belongs
			}
			printed(t, "JSON", b.Bytes())
		}
	})
}

// plainText is text that must be found again as it is.
func plainText(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
}

// FuzzPlanText: a plan made of a snapshot that somebody sends does not command
// a terminal, by any name in it.
func FuzzPlanText(f *testing.F) {
	for _, host := range snapshots(f) {
		f.Add(host)
		f.Add(bytes.ReplaceAll(host, []byte(`web`), []byte(`\u001b[2J\u009b\u202e`)))
		f.Add(bytes.ReplaceAll(host, []byte(`docker`), []byte(`\u001b]0;x\u0007`)))
	}
	strict, err := plans.Load("strict", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := remediate.DecodeSnapshot(b)
		if err != nil {
			if resource.Printable(err.Error()) != err.Error() {
				var out bytes.Buffer
				view.Lines(&out, err.Error())
				printed(t, "error", out.Bytes())
			}
			return
		}
		p := remediate.NewPlan(strict, s)
		var out bytes.Buffer
		if err := view.PlanText(&out, p, view.Style{Verbose: true}); err != nil {
			t.Fatal(err)
		}
		printed(t, "text", out.Bytes())
		out.Reset()
		if err := view.PlanJSON(&out, p); err != nil {
			t.Fatal(err)
		}
		printed(t, "JSON", out.Bytes())
	})
}

// snapshots are of the images of hosts.
func snapshots(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	dirs, err := filepath.Glob("../../../testdata/host/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	for _, dir := range dirs {
		h, err := remediate.Open("dev", dir, "")
		if err != nil {
			t.Fatal(err)
		}
		b, err := remediate.EncodeSnapshot(h.Observe(t.Context(), nil))
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		all = append(all, b, busy(t, b))
	}
	return all
}

// busy makes the image a running host with containers, as JSON.
func busy(t testing.TB, b []byte) []byte {
	t.Helper()
	s, err := remediate.DecodeSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	s.Root = "/"
	unit := resource.Unit{Name: "docker.service", LoadState: "loaded", ActiveState: "active", SubState: "running", MainPID: 8, ExecStart: []string{"/usr/bin/dockerd"}}
	s.Unit, s.Socket = resource.Known(unit), resource.Known(unit)
	s.Engine = resource.Known(resource.Engine{Version: "28.3.2", RootDir: "/var/lib/docker", Driver: "overlay2", Labels: []string{"web=1"}, Warnings: []string{"web"}})
	s.Flags = resource.Known([]resource.Flag{{Name: "label", Value: "web=2", Origin: "/etc/default/docker"}})
	s.Containers = resource.Known([]resource.Container{{ID: "a1", Name: "web", Image: "web", State: "running", Labels: map[string]string{"web": "web"}, Binds: []string{"/srv/web"}}})
	s.DaemonJSON = resource.Known(resource.File{Path: "/etc/docker/daemon.json", Content: []byte(`{"labels": ["web"], "hosts": ["web"]}`), Print: resource.Fingerprint{Type: resource.Regular, Mode: 0o644, Nlink: 1}})
	out, err := remediate.EncodeSnapshot(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
