package plans_test

import (
	"errors"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
)

// FuzzLoad: no input makes Load panic; an error has a place and a reason; a
// policy that passes is one by the schema too, and resolves to itself. Run it
// with -fuzzminimizetime=20x: the YAML reader's coverage differs from run to
// run, and by default go test spends each minute on shortening one input.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"baseline", "strict"} {
		b, _ := plans.Source(name)
		f.Add(b)
	}
	for _, part := range append(goodParts(), badParts()...) {
		f.Add([]byte("version: 1\n" + part))
	}
	f.Add([]byte("version: 1\nextends: strict\nunmanaged: [daemon.icc]\ndaemon: {log-driver: local, x: [1e999, -0, .5]}"))
	f.Add([]byte("\xef\xbb\xbfversion: 1\r\ndaemon:\r\n  \"i\\x63c\": !!bool true\r\n"))
	f.Add([]byte("version: 1\nuserns: &a {}\negress: *a\n<<: *a\n--- \n..."))
	s := compiled(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := load(string(doc))
		if err != nil {
			var errs plans.Errors
			if !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("not Errors: %v", err)
			}
			for _, e := range errs {
				if e.Want == "" || e.Got == "" || e.File == "" {
					t.Fatalf("an error without words: %+v", e)
				}
			}
			return
		}
		p.DaemonKeys()
		b, err := p.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(string(b))
		if err != nil || again.SHA256 != p.SHA256 {
			t.Fatalf("does not load again: %v\n%s", err, b)
		}
		if err := s.Validate(asJSON(t, b)); err != nil {
			t.Fatalf("the schema says no: %v\n%s", err, b)
		}
	})
}
