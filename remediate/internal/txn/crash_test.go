//go:build linux && amd64

package txn_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// full says that every point is visited, and every pair of points in the nested
// sweep; else a sample that grows no larger than the test's budget.
func full() bool { return os.Getenv("BULWARK_SWEEP") == "full" }

// points returns 1..total, or about want of them: the stride is odd and the
// start fixed, so that a failure can be repeated.
func points(total, want int) []int {
	stride := max(1, total/want)
	if full() {
		stride = 1
	}
	var out []int
	for n := 1; n <= total; n += stride {
		out = append(out, n)
	}
	return out
}

// traced runs the demo program under the driver.
func (w *world) traced(binary, verb string, n int, act func(*ptrace.Stop) error) (ptrace.Result, string) {
	w.t.Helper()
	var out bytes.Buffer
	res, err := ptrace.Run(ptrace.Options{
		Argv: []string{binary}, Env: w.environ(verb), Stdout: &out, Stderr: &out, N: n, Act: act, Match: w.inside,
	})
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out.String())
	}
	return res, out.String()
}

// inside leaves out what the Go runtime or the test framework may write.
func (w *world) inside(c ptrace.Call) bool { return strings.HasPrefix(c.Paths[0], w.root) }

// total counts the calls of apply on a fresh world.
func (w *world) total(binary string) int {
	w.t.Helper()
	res, out := w.traced(binary, "apply", 0, nil)
	w.reset()
	if len(res.Calls) < 40 {
		w.t.Fatalf("only %d calls seen: the driver is blind\n%s", len(res.Calls), out)
	}
	return len(res.Calls)
}

// recovers runs recovery and checks the end.
func (w *world) recovers(binary string, e ends) (string, error) {
	if rc, out := w.demoOf(binary, "recover"); rc != 0 {
		return "", fmt.Errorf("recover: exit %d, %s", rc, out)
	}
	return w.verify(e, true)
}

var scenarios = map[string][]string{
	"commit":       nil,
	"health fails": {"BULWARK_DEMO_FAIL=health"},
	"step fails":   {"BULWARK_DEMO_FAIL=step"},
}

// After kill -9 at any call, recovery leaves the host as before or after.
func TestKillAtEveryCall(t *testing.T) {
	for name, env := range scenarios {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fast(t))
			e := w.ends()
			w.env = env
			seen, bad := w.sweepKills(program(t), e, points(w.total(program(t)), 24))
			for _, b := range bad {
				t.Error(b)
			}
			if seen["before"] == 0 || env == nil && seen["after"] == 0 {
				t.Errorf("the sweep saw only %v", seen)
			}
			if env != nil && seen["after"] != 0 {
				t.Errorf("a failing run ended committed: %v", seen)
			}
		})
	}
}

// sweepKills kills apply at each point and recovers. It returns how often the
// host ended in each state, and what went wrong.
func (w *world) sweepKills(binary string, e ends, at []int) (seen map[string]int, bad []string) {
	seen = map[string]int{}
	for _, n := range at {
		res, out := w.traced(binary, "apply", n, nil)
		if res.Signal() != syscall.SIGKILL {
			bad = append(bad, fmt.Sprintf("call %d: the run was not killed: exit %d\n%s", n, res.Exit(), out))
			break
		}
		end, err := w.recovers(binary, e)
		if err != nil {
			bad = append(bad, fmt.Sprintf("killed at %s: %v", res.Calls[n-1], err))
		}
		seen[end]++
		w.reset()
	}
	return seen, bad
}

// Recovery may be killed as well, at any call, and repeated.
func TestKillInsideRecovery(t *testing.T) {
	w := newWorld(t, fast(t))
	e := w.ends()
	runs := 0
	for _, n := range points(w.total(program(t)), 6) {
		for m := 1; ; m += nestedStride() {
			w.traced(program(t), "apply", n, nil)
			res, _ := w.traced(program(t), "recover", m, nil)
			killed := res.Signal() == syscall.SIGKILL
			if _, err := w.recovers(program(t), e); err != nil {
				t.Fatalf("apply killed at %d, recover at %d: %v", n, m, err)
			}
			w.reset()
			runs++
			if !killed {
				break
			}
		}
	}
	t.Logf("%d runs", runs)
}

func nestedStride() int {
	if full() {
		return 1
	}
	return 7
}

// Recovery with nothing to do performs no mutating call at all.
func TestSecondRecoveryWritesNothing(t *testing.T) {
	w := newWorld(t, fast(t))
	w.traced(program(t), "apply", 60, nil)
	if rc, out := w.demo("recover"); rc != 0 || !strings.HasPrefix(out, "recovered") {
		t.Fatalf("recover: exit %d, %s", rc, out)
	}
	res, out := w.traced(program(t), "recover", 0, nil)
	if len(res.Calls) != 0 || out != "" || res.Exit() != 0 {
		t.Errorf("second recover: exit %d, output %q, calls %v", res.Exit(), out, res.Calls)
	}
}

// A call that fails leaves the host as before, at once or after one recovery,
// and the run says so; past the commit point it stays as wanted.
func TestErrnoAtEveryCall(t *testing.T) {
	errnos := []syscall.Errno{
		syscall.EIO, syscall.ENOSPC, syscall.EPERM, syscall.EROFS, syscall.EDQUOT, syscall.EACCES, syscall.EMFILE, syscall.EINTR, syscall.EINVAL,
	}
	for name, env := range scenarios {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fast(t))
			e := w.ends()
			w.env = env
			for i, n := range points(w.total(program(t)), 24) {
				w.failAt(e, n, errnos[i%len(errnos)])
				if full() {
					for _, errno := range errnos {
						w.failAt(e, n, errno)
					}
				}
			}
		})
	}
}

func (w *world) failAt(e ends, n int, errno syscall.Errno) {
	w.t.Helper()
	res, out := w.traced(program(w.t), "apply", n, func(s *ptrace.Stop) error { s.Fail(errno); return nil })
	what := fmt.Sprintf("%v at %s (exit %d)\n%s", errno, res.Calls[n-1], res.Exit(), out)
	if res.Signal() != 0 {
		w.t.Fatalf("the run died: %s", what)
	}
	committed := strings.HasPrefix(out, "committed ")
	end, err := w.recovers(program(w.t), e)
	switch {
	case err != nil:
		w.t.Errorf("%s: %v", what, err)
	case committed != (end == "after") && res.Exit() != 4:
		w.t.Errorf("%s: the host is %s", what, end)
	case res.Exit() == 0 && end != "after":
		w.t.Errorf("%s: exit 0, but the host is %s", what, end)
	}
	w.reset()
}
