package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

const asIsolated = "BULWARK_TEST_ISOLATED"

// TestMain plays bulwark's main when a test asks for that: it isolates itself
// and runs a program.
func TestMain(m *testing.M) {
	if os.Getenv(asIsolated) == "" {
		os.Exit(m.Run())
	}
	err := Isolate()
	if err == nil {
		cmd := command(context.Background(), []string{"sh", "-c", "env; pwd; umask; ls /proc/$$/fd"})
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		err = cmd.Run()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// A program that bulwark runs gets nothing of what the caller left to bulwark.
func TestChildHasNothingOfTheCallers(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	open, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	cmd := exec.Command(self)
	cmd.Env = []string{
		asIsolated + "=1", "PATH=" + evilPath(t), "LC_ALL=de_DE", "DOCKER_HOST=tcp://evil", "GODEBUG=netdns=cgo",
		"IPTABLES_LIB_DIR=/evil", "XTABLES_LIBDIR=/evil", "SYSTEMD_COLORS=1", "TMPDIR=/evil", "SUDO_UID=1000", "TERM=xterm",
	}
	cmd.ExtraFiles = []*os.File{open, open, open}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, t.TempDir()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "_=") && !strings.HasPrefix(line, "PWD=") { // the shell's own
			got = append(got, line)
		}
	}
	want := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root",
		"/", "0022", "0", "1", "2",
	}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// evilPath has programs that leave a word.
func evilPath(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"sh", "env", "ls", "runc", "journalctl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho evil\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Root runs no program that others can write.
func TestForeignProgramsAreNotRun(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("other users have no rights to lend")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho ran\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for mode, runs := range map[os.FileMode]bool{0o755: true, 0o700: true, 0o775: false, 0o757: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		out, err := command(t.Context(), []string{path}).Output()
		var untrusted *fsys.UntrustedError
		if ran := string(out) == "ran\n"; ran != runs || errors.As(err, &untrusted) == runs {
			t.Errorf("mode %o: %q, %v", mode, out, err)
		}
	}
}
