package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// crowd is Docker 20.10 with n containers.
func crowd(n int) liar {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"Id":"%064x","Names":["/c%d"],"Image":"bb:test"}`, i, i)
	}
	body := "[" + strings.Join(list, ",") + "]"
	return func(w io.Writer, request string) bool {
		if strings.Contains(request, "/containers/json") {
			return says(whole(body), nil)(w, request)
		}
		return but("/none", 0, silent)(w, request)
	}
}

// TestHugeHost: five thousand containers are planned for and judged in bounded
// memory. How time grows is printed, not asserted.
func TestHugeHost(t *testing.T) {
	bin := build(t)
	for _, args := range [][]string{{"plan", "--policy", "baseline"}, {"check", "--json", "--fail-on", "critical", "--only", "privileged,container-user,memory-limit,secret-environment"}} {
		t.Run(args[0], func(t *testing.T) {
			var ms [2]int64
			for i, n := range []int{1000, 5000} {
				out, usage := against(t, bin, listen(t, crowd(n)), args...)
				if args[0] == "check" && !strings.Contains(out, fmt.Sprintf(`"judged": %d,`, n)) {
					t.Fatalf("not all of %d were judged:\n%.2000s", n, out)
				}
				if usage.Maxrss > planHas {
					t.Errorf("%d containers: %d MiB", n, usage.Maxrss>>10)
				}
				ms[i] = (usage.Utime.Nano() + usage.Stime.Nano()) / 1e6
				t.Logf("%d containers: %d MiB, %d ms of CPU", n, usage.Maxrss>>10, ms[i])
			}
			t.Logf("5 times the containers: %.1f times the CPU", float64(ms[1])/float64(max(ms[0], 1)))
		})
	}
}

// TestHugeFiles: a file that is too large is refused with its name, one that is
// merely large is read, both in bounded memory.
func TestHugeFiles(t *testing.T) {
	bin := build(t)
	for name, c := range map[string]struct {
		path, head, line string
		times            int
		want             string
	}{
		"100 MB daemon.json":         {"etc/docker/daemon.json", "{}", "\n          ", 10 << 20, "cannot read /etc/docker/daemon.json: it has"},
		"a million subuid lines":     {"etc/subuid", "", "someuser:2000000000:1\n", 1_000_000, "cannot read /etc/subuid: it has"},
		"half a million subuid":      {"etc/subuid", "", "someuser:2000000000:1\n", 500_000, "+dockremap:"},
		"a million-line daemon.json": {"etc/docker/daemon.json", "{}", "\n", 1_000_000, `"live-restore": true`},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "img")
			if err := copyTree("../../testdata/host/debian12", root); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(root, c.path)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			repeat(t, file, c.head, c.line, c.times)
			cmd := exec.Command(bin, "plan", "--policy", "strict", "--root", root)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Fatalf("%v, want %q:\n%.3000s", err, c.want, out)
			}
			if rss := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; rss > planHas {
				t.Errorf("it took %d MiB", rss>>10)
			}
		})
	}
}

// repeat writes a large file without much memory: what the test has, the program
// that it starts counts as its own.
func repeat(t *testing.T, file, head, line string, times int) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(head)
	for range times {
		_, _ = w.WriteString(line)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
