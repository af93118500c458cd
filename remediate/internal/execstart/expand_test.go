package execstart_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/execstart"
)

// Debian's unit reads /etc/default/docker into $DOCKER_OPTS; Fedora's wraps
// its options in quotes; both must end as the argv that systemd execs.
func TestExpand(t *testing.T) {
	for _, tc := range []struct {
		name string
		argv []string
		file string
		want []execstart.Word
	}{
		{
			"debian",
			[]string{"/usr/sbin/dockerd", "-H", "fd://", "$DOCKER_OPTS"},
			"# comment\nDOCKER_OPTS=\"--dns 8.8.8.8 --log-level=warn\"\n",
			[]execstart.Word{
				{"/usr/sbin/dockerd", "unit"},
				{"-H", "unit"},
				{"fd://", "unit"},
				{"--dns", "env"},
				{"8.8.8.8", "env"},
				{"--log-level=warn", "env"},
			},
		},
		{"unset vanishes", []string{"dockerd", "$NOTHING"}, "", []execstart.Word{{"dockerd", "unit"}}},
		{
			"braces do not split",
			[]string{"--label=${L}x"},
			"L='a b'\n",
			[]execstart.Word{{"--label=a bx", "env"}},
		},
		{"dollar", []string{"a$$b", "$5"}, "", []execstart.Word{{"a$b", "unit"}, {"$5", "unit"}}},
		{
			"continued line and inner quotes",
			[]string{"$O"},
			"O=--a \\\n --b=\\\"c d\\\"\n;x=1\n",
			[]execstart.Word{{"--a", "env"}, {"--b=c d", "env"}},
		},
		{"export is not systemd", []string{"$O"}, "export O=--icc=false\n", nil},
		{"later wins", []string{"$O"}, "O=1\nO=2\n", []execstart.Word{{"2", "env"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := map[string]execstart.Var{}
			execstart.ParseEnvFile([]byte(tc.file), "env", env)
			got := execstart.Expand(tc.argv, env, "unit")
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDefinesExecStart(t *testing.T) {
	for in, want := range map[string]bool{
		"[Service]\nExecStart=\nExecStart=/usr/bin/dockerd\n": true,
		"[Service]\nExecStart=\n":                             false,
		"[Unit]\nExecStart=/x\n":                              false,
		"[Service]\nEnvironment=A=b\n":                        false,
	} {
		if got := execstart.DefinesExecStart([]byte(in)); got != want {
			t.Errorf("DefinesExecStart(%q) = %v, want %v", in, got, want)
		}
	}
}
