package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/cmd/internal/cli"
)

// terminal returns the two ends of a pseudo-terminal (pty(7)).
func terminal(t *testing.T) (control, tty *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { control.Close() })
	n, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return control, tty
}

// An interrupt at the prompt is a "no": exit 7, and nothing has changed.
func TestInterruptAtThePrompt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("others than root are not asked")
	}
	_, tty := terminal(t)
	root := image(t)
	ctx, interrupt := context.WithCancel(t.Context())
	var out bytes.Buffer
	asked := &trigger{on: "Only \"yes\"", do: interrupt}
	code := cli.Main(ctx, "dev", []string{"apply", "--root", root, "--policy", "baseline"}, tty, &out, asked)
	if code != 7 {
		t.Errorf("exit code %d, want 7; standard error: %s", code, asked.buf.String())
	}
	if !strings.Contains(asked.buf.String(), "declined: nothing was changed") {
		t.Errorf("standard error does not say so: %s", asked.buf.String())
	}
	if !strings.Contains(out.String(), "Summary") {
		t.Errorf("the plan was not shown: %s", out.String())
	}
	untouched(t, root)
}

// A run that is interrupted before it has begun changes nothing.
func TestInterruptBefore(t *testing.T) {
	root := image(t)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, errw bytes.Buffer
	code := cli.Main(ctx, "dev", []string{"apply", "--yes", "--root", root, "--policy", "baseline"}, strings.NewReader(""), &out, &errw)
	if code == 0 {
		t.Errorf("exit code 0; standard output: %s", out.String())
	}
	untouched(t, root)
}

// Colour is for terminals, and NO_COLOR and TERM=dumb are obeyed.
func TestColor(t *testing.T) {
	for _, c := range []struct {
		name, noColor, term string
		want                bool
	}{
		{"terminal", "", "xterm", true},
		{"NO_COLOR", "1", "xterm", false},
		{"dumb", "", "dumb", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor)
			t.Setenv("TERM", c.term)
			control, tty := terminal(t)
			done := make(chan string)
			go func() {
				b := make([]byte, 64<<10)
				n, _ := control.Read(b)
				done <- string(b[:n])
			}()
			if code := cli.Main(t.Context(), "dev", []string{"plan", "--root", image(t), "--policy", "baseline"}, strings.NewReader(""), tty, os.Stderr); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			if got := <-done; strings.Contains(got, "\x1b[") != c.want {
				t.Errorf("colour is %v, want %v: %q", !c.want, c.want, got)
			}
		})
	}
}

// trigger calls do when on has been written.
type trigger struct {
	buf bytes.Buffer
	on  string
	do  func()
}

func (w *trigger) Write(b []byte) (int, error) {
	w.buf.Write(b)
	if strings.Contains(w.buf.String(), w.on) {
		w.do()
	}
	return len(b), nil
}

const wasThere = "{\"icc\": true}\n"

// image makes a small root with a daemon.json of the year 2000.
func image(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{root, filepath.Join(root, "etc"), filepath.Join(root, "etc/docker"), filepath.Join(root, "var"), filepath.Join(root, "var/lib")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "etc/docker/daemon.json")
	if err := os.WriteFile(file, []byte(wasThere), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
	return root
}

var long = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func untouched(t *testing.T, root string) {
	t.Helper()
	file := filepath.Join(root, "etc/docker/daemon.json")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != wasThere || !fi.ModTime().Equal(long) {
		t.Errorf("daemon.json was touched: %s, %s", b, fi.ModTime())
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("something was left beside daemon.json: %v %v", entries, err)
	}
}
