package daemonjson_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
)

// FuzzParseFlags: no command line makes the parser fall; each flag comes from a
// word that is one, and no more come out than letters went in.
func FuzzParseFlags(f *testing.F) {
	f.Add("-H\nfd://\n--containerd=/run/containerd/containerd.sock\n-Dl\ndebug\n--log-opt\nmax-size=1m\n--\n-x")
	f.Add("-H=\n-\n---\n--=\n-p")
	f.Fuzz(func(t *testing.T, text string) {
		argv := strings.Split(text, "\n")
		flags := daemonjson.ParseFlags(argv, func(i int) string { return argv[i] })
		if len(flags) > len(text) {
			t.Errorf("%d flags", len(flags))
		}
		for _, flag := range flags {
			if !strings.HasPrefix(flag.Origin, "-") {
				t.Errorf("%+v does not come from a flag", flag)
			}
		}
	})
}
