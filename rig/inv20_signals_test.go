//go:build rig

package rig_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// Invariant 20: SIGHUP, SIGINT and SIGTERM at every call of apply that changes
// something, to apply alone or, as from a terminal, to its children too; and
// output that nobody reads. apply ends by itself, the host is as its exit code
// says without a recovery, and 0 is for what is complete.
func TestInvariant20Signals(t *testing.T) {
	h := newWholeHost(t)
	s := &signalSweep{sweepHost: h, codes: map[string]int{}}
	signals := []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM}
	for _, p := range choose(t, h.total()*len(signals)*2) {
		n, which := (p-1)/len(signals)/2+1, (p-1)%(2*len(signals))
		s.point(n, signals[which/2], which%2 == 1)
	}
	for _, how := range unread {
		s.judged("apply "+how, s.shell(how))
	}
	t.Logf("%d runs, exit codes %v", s.runs, s.codes)
}

// unread are the ways in which a shell can leave a program without a reader, a
// writer or a terminal.
var unread = []string{"| head -1", "2>&1 | true", ">&-", "<&- >&- 2>&-", ">/dev/full 2>&1"}

type signalSweep struct {
	*sweepHost
	runs  int
	codes map[string]int
}

func (s *signalSweep) point(n int, sig syscall.Signal, alone bool) {
	s.Helper()
	var out bytes.Buffer
	at := "not sent"
	res, err := ptrace.Run(ptrace.Options{
		Argv: wholeApply, Stdout: &out, Stderr: &out, N: n, ParentOnly: alone,
		Act: func(stop *ptrace.Stop) error {
			at = fmt.Sprintf("%v at %s", sig, stop.Call)
			return stop.Kill(sig)
		},
	})
	if err != nil {
		s.Fatalf("%s: %v\n%s", at, err, &out)
	}
	s.judged(fmt.Sprintf("%s, alone %t", at, alone), ran{res.Exit(), out.String()})
}

// shell runs apply with its streams redirected; its exit code is that of
// apply, not of the reader.
func (s *signalSweep) shell(how string) ran {
	s.Helper()
	cmd := exec.Command("bash", "-c", strings.Join(wholeApply, " ")+" "+how+`; exit ${PIPESTATUS[0]}`)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		s.Fatal(err)
	}
	return ran{cmd.ProcessState.ExitCode(), string(out)}
}

// judged: the code is the truth.
func (s *signalSweep) judged(at string, r ran) {
	s.Helper()
	s.runs++
	want := map[int]string{0: "after", 1: "before", 3: "before"}[r.code]
	s.codes[fmt.Sprintf("%d: %s", r.code, want)]++
	if end := s.judge(at); end != want {
		s.Fatalf("%s: exit code %d, the host is %s:\n%s", at, r.code, end, r.out)
	}
	if !slices.Contains([]string{"before", "after"}, want) {
		s.Fatalf("%s: exit code %d:\n%s", at, r.code, r.out)
	}
	s.settle(at)
}
