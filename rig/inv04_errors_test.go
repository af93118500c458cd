//go:build rig

package rig_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

var errnos = []syscall.Errno{
	syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EPERM, syscall.EACCES, syscall.EINTR, syscall.EMFILE,
}

// Invariant 4: each system call of apply that changes something fails with each
// error, those of its children and those to the kernel's tables too; alone, or
// with all calls after it, as on a disk that is full from then on. apply exits
// as documented, the host is as the code says, at once or after one recovery,
// and the message names the path.
func TestInvariant04Errors(t *testing.T) {
	h := newWholeHost(t)
	s := &errorSweep{sweepHost: h, codes: map[int]int{}, ends: map[string]int{}}
	for _, p := range choose(t, h.total()*len(errnos)*2) {
		n, which := (p-1)/len(errnos)/2+1, (p-1)%(2*len(errnos))
		errno := errnos[which/2]
		s.point(n, errno, which%2 == 1 && errno != syscall.EINTR) // which is tried again until it is over
	}
	t.Logf("%d runs, in %d all later calls failed too; the first was a child's in %d, on a socket in %d; exit codes %v; ended %v",
		s.runs, s.onward, s.children, s.sockets, s.codes, s.ends)
}

type errorSweep struct {
	*sweepHost
	runs, onward, children, sockets int
	codes                           map[int]int
	ends                            map[string]int
}

// A failure is one call that was made to fail, and what came of it.
type failure struct {
	ptrace.Call
	errno     syscall.Errno
	onward    bool // all calls after it failed too
	own       bool // bulwark's call, not a child's
	committed bool // it came after the commit point
	exit      int
	out       string
}

func (f failure) String() string {
	return fmt.Sprintf("%s failed with %v, own %t, committed %t, onward %t: exit code %d\n%s", f.Call, f.errno, f.own, f.committed, f.onward, f.exit, f.verdict())
}

func (s *errorSweep) point(n int, errno syscall.Errno, onward bool) {
	s.Helper()
	f := s.fail(n, errno, onward, wholeApply)
	s.count(f)
	if why := f.wrong(); why != "" {
		s.Errorf("%s: %s", why, f)
	}
	// A code that says where the host is must be true without a recovery.
	if f.exit != 4 && exists("/var/lib/bulwark/ACTIVE") && !f.committed {
		s.Errorf("a transaction is open: %s", f)
	}
	end := s.settle(f.String())
	s.ends[end]++
	if want := map[int]string{0: "after", 1: "before", 3: "before"}[f.exit]; want != "" && end != want {
		s.Errorf("the host is %s: %s", end, f)
	}
}

func (s *errorSweep) count(f failure) {
	s.runs++
	s.codes[f.exit]++
	if f.Name == "" {
		return // a run may be some calls shorter than the one that was counted
	}
	if f.onward {
		s.onward++
	}
	if !f.own {
		s.children++
	}
	if strings.HasPrefix(f.Name, "send") {
		s.sockets++
	}
}

// fail runs argv and makes its nth call fail, or that and all after it.
func (h *sweepHost) fail(n int, errno syscall.Errno, onward bool, argv []string) failure {
	h.Helper()
	f := failure{errno: errno, onward: onward}
	last := newestLog()
	var out bytes.Buffer
	res, err := ptrace.Run(ptrace.Options{
		Argv: argv, Stdout: &out, Stderr: &out, N: n, Onward: onward,
		Act: func(s *ptrace.Stop) error {
			s.Fail(errno)
			if f.Name != "" {
				return nil
			}
			f.Call = s.Call
			exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", s.PID))
			f.own = filepath.Base(exe) == "bulwark"
			f.committed = newestLog() != last && s.Paths[0] != newestLog() && hasCommit(newestLog())
			return nil
		},
	})
	f.exit, f.out = res.Exit(), out.String()
	if err != nil {
		h.Fatalf("%v: %s", err, f)
	}
	return f
}

// newestLog is the log of the last transaction, whose names sort by age.
func newestLog() string {
	logs, _ := filepath.Glob("/var/lib/bulwark/txn/[0-9]*/wal")
	if len(logs) == 0 {
		return ""
	}
	return logs[len(logs)-1]
}

func hasCommit(log string) bool {
	b, _ := os.ReadFile(log)
	return bytes.Contains(b, []byte(`"kind":"COMMIT"`))
}

// verdict is what apply says of its end, without the plan.
func (f failure) verdict() string {
	i := -1
	for _, word := range []string{"\nbulwark: ", "\nrolled back: ", "\ndone: ", "bulwark: cannot"} {
		if at := strings.Index(f.out, word); at >= 0 && (i < 0 || at < i) {
			i = at
		}
	}
	return f.out[max(i, 0):]
}

// wrong says what is wrong with exit code and message.
func (f failure) wrong() string {
	switch {
	case f.exit != 0 && f.exit != 1 && f.exit != 3 && f.exit != 4:
		return "the exit code is none that fits"
	case f.exit == 0 && !f.mayPass():
		return "it passed over the error"
	case f.own && !f.named() && !(f.exit == 0 && f.errno == syscall.EINTR) && f.Paths[0] != lockFile:
		return "the path is not named"
	}
	return ""
}

// mayPass: an interrupted call may be made again, what follows the commit can
// be repeated later, a child may do without, and the lock file only informs.
func (f failure) mayPass() bool {
	return f.Name == "" || f.errno == syscall.EINTR || f.committed || !f.own || f.Paths[0] == lockFile
}

// named: the path, or that beside which it is a temporary file; a socket has
// none.
func (f failure) named() bool {
	for _, p := range f.Paths {
		if strings.Contains(p, "socket:") || strings.Contains(f.verdict(), p) {
			return true
		}
	}
	return f.Name == ""
}
