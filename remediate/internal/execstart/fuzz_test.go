package execstart_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/execstart"
)

// FuzzExpand: each word of a command line has an origin; one without a dollar
// sign stays as it is, and none but a variable alone becomes several.
func FuzzExpand(f *testing.F) {
	f.Add("/usr/bin/dockerd\n-H\nfd://\n$DOCKER_OPTS\n--label=${A}$$${B", "# options\nexport A=1\nDOCKER_OPTS=\"--dns 192.0.2.1 \\\n --icc='a b'\"\nA=\\\"x\n;")
	f.Add("${", "=\n")
	f.Add("$a\n${}\n}${", "a='")
	f.Fuzz(func(t *testing.T, argv, file string) {
		env := map[string]execstart.Var{}
		execstart.ParseEnvFile([]byte(file), "env", env)
		execstart.DefinesExecStart([]byte(file))
		for name := range env {
			if strings.ContainsAny(name, " \t\n") {
				t.Errorf("the name %q", name)
			}
		}
		for _, arg := range strings.Split(argv, "\n") {
			words := execstart.Expand([]string{arg}, env, "unit")
			if !strings.Contains(arg, "$") && !slices.Equal(words, []execstart.Word{{Text: arg, Origin: "unit"}}) {
				t.Errorf("%q became %q", arg, words)
			}
			if len(words) != 1 && !strings.HasPrefix(arg, "$") {
				t.Errorf("%q became %d words", arg, len(words))
			}
			for _, w := range words {
				if w.Origin != "unit" && w.Origin != "env" {
					t.Errorf("%q comes from %q", w.Text, w.Origin)
				}
			}
		}
	})
}
