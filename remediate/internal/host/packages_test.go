package host

import (
	"errors"
	"strings"
	"testing"
)

func TestInstallCommand(t *testing.T) {
	if program("apt-get") == "" {
		t.Skip("no apt-get")
	}
	argv, err := installCommand("apt-get", []string{"auditd"})
	got := strings.Join(argv, " ")
	if err != nil || !strings.HasPrefix(got, "/usr/bin/apt-get install -y --no-install-recommends -o ") || !strings.HasSuffix(got, " auditd") {
		t.Errorf("%s, %v", got, err)
	}
	for installer, want := range map[string]string{
		"no-such-manager": "cannot install auditd: there is no no-such-manager",
		"sh":              "cannot install auditd: bulwark does not know the package manager sh",
	} {
		if _, err := installCommand(installer, []string{"auditd"}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", installer, err)
		}
	}
}

func TestInstallError(t *testing.T) {
	argv := []string{"/usr/bin/apt-get", "install", "auditd"}
	err := installError(argv, &ProgramError{"apt-get", 100, strings.Repeat("x", 600) + "E: no such package"})
	want := "/usr/bin/apt-get install auditd ended with status 100: ..." + strings.Repeat("x", 482) + "E: no such package"
	if err.Error() != want {
		t.Errorf("got %s\nwant %s", err, want)
	}
	other := errors.New("other")
	if got := installError(argv, other); got != other {
		t.Errorf("%v", got)
	}
}
