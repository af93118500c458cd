//go:build rig

package rig_test

import (
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

var recoverCommand = []string{"bulwark", "recover"}

// Invariant 1: kill -9 at every system call of apply that changes something, on
// the real host; every other time recovery is killed as well, at a point of its
// own, and with -nested at each. After recover the host is as before or as wanted,
// dockerd runs with that, and nothing is left lying about.
func TestInvariant01Kill(t *testing.T) {
	h := newWholeHost(t)
	s := &killSweep{sweepHost: h, seen: map[string]int{}}
	r := dice(t)
	total, early := h.total(), 0
	for i, n := range choose(t, total) {
		if n <= total/2 { // long before the commit
			early++
		}
		switch {
		case *nested:
			for m := 1; s.point(n, m); m++ {
			}
		case i%2 == 1:
			s.point(n, 1+r.IntN(80))
		default:
			s.point(n, math.MaxInt32)
		}
	}
	if s.seen["before"] < early || s.seen["after"] < 1 {
		t.Errorf("the sweep did not see a whole apply: %v, with %d points in the first half of it", s.seen, early)
	}
	t.Logf("%d runs, recovery killed in %d; %d were in rules of the kernel; ended %v", s.runs, s.recoveries, s.rules, s.seen)
}

type killSweep struct {
	*sweepHost
	seen                    map[string]int
	runs, recoveries, rules int
}

// point kills apply at n, and recovery at m. It tells whether recovery came so
// far as m.
func (s *killSweep) point(n, m int) bool {
	s.Helper()
	res := s.crash(n, wholeApply)
	last := res.Calls[len(res.Calls)-1]
	at := fmt.Sprintf("killed at %s", last)
	if res.Signal() != syscall.SIGKILL { // the number of calls differs by a few from run to run
		at = "not killed"
	}
	if strings.HasPrefix(last.Name, "send") {
		s.rules++
	}
	again := s.crash(m, recoverCommand).Signal() == syscall.SIGKILL
	if again {
		s.recoveries++
		at += fmt.Sprintf(", recovery at its %d", m)
	}
	s.runs++
	s.seen[s.settle(at)]++
	return again
}

// settle recovers, judges, and brings the host back to before.
func (h *sweepHost) settle(at string) string {
	h.Helper()
	h.mustRun(recoverCommand...)
	end := h.judge(at)
	if end == "after" {
		h.rollback()
		h.judge("rollback after " + at)
	}
	return end
}

// total counts the calls of an apply.
func (h *sweepHost) total() int {
	h.Helper()
	return len(h.undisturbed())
}

// undisturbed are the calls of an apply that nothing happens to.
func (h *sweepHost) undisturbed() []ptrace.Call {
	h.Helper()
	calls := h.crash(math.MaxInt32, wholeApply).Calls
	if len(calls) < 100 {
		h.Fatalf("only %d calls seen: the driver is blind", len(calls))
	}
	h.rollback()
	h.judge("rollback of an undisturbed apply")
	return calls
}
