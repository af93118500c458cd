//go:build rig

package rig_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// Invariant 5: after a crash anywhere in apply and one recover, a second
// recover says that there is nothing to do, and changes nothing.
func TestInvariant05Recover(t *testing.T) {
	h := borrowWholeHost(t)
	h.refused("nothing open", h.watch(recoverCommand...), 0, "nothing to recover")
	crashes := 0
	for _, n := range chooseOf(t, h.total(), (*points+2)/3) {
		if h.crash(n, wholeApply).Signal() == syscall.SIGKILL {
			crashes++
		}
		h.mustRun(recoverCommand...)
		h.refused("second recover", h.watch(recoverCommand...), 0, "nothing to recover")
		h.settle("a crash and two recoveries")
	}
	t.Logf("%d crashes of apply, each recovered; 0 mutating system calls in any second recover", crashes)
}

// Invariant 6: a second apply says "no changes", writes nothing but the lock
// file, restarts nothing and makes no entry in the history.
func TestInvariant06Again(t *testing.T) {
	h := borrowWholeHost(t)
	h.mustRun(wholeApply...)
	start, serial, tree := h.invocation(), h.serial(), treeOf(t, "/var/lib/bulwark")
	forms := [][]string{
		wholeApply,
		{"bulwark", "apply", "--yes", "--policy", wholeFile, "--detailed-exitcode"},
		{"bulwark", "apply", "--yes", "--policy", wholeFile, "--confirm-within", "5m"},
	}
	for _, argv := range forms {
		h.refused(strings.Join(argv, " "), h.watch(argv...), 0, "no changes: the host is as the policy wants it")
	}
	if diff := cmp.Diff(h.after, h.dump(false)); diff != "" {
		t.Errorf("the second apply changed the host:\n%s", diff)
	}
	if diff := cmp.Diff(tree, treeOf(t, "/var/lib/bulwark")); diff != "" {
		t.Errorf("the second apply changed its state:\n%s", diff)
	}
	if h.invocation() != start || h.serial() != serial {
		t.Errorf("dockerd was restarted (%s, %s) or the history grew (%d, %d)", start, h.invocation(), serial, h.serial())
	}
	h.rollback()
	t.Logf("%d second applies, 0 mutating system calls but of the lock, no restart, serial %d as before", len(forms), serial)
}

// Invariant 7: plan makes no system call that changes anything but what
// --out names; before and after an apply, with a transaction open, and for a user
// who may read little.
func TestInvariant07Plan(t *testing.T) {
	h := borrowWholeHost(t)
	p := &planRuns{sweepHost: h}
	p.all("before")
	h.mustRun(wholeApply...)
	p.all("after")
	h.rollback()
	h.watchAt(ptrace.Options{Argv: wholeApply, N: 1, Match: opensTransaction, Act: killAtOnce})
	if _, err := os.Stat("/var/lib/bulwark/ACTIVE"); err != nil {
		t.Fatalf("no transaction is open: %v", err)
	}
	p.all("open")
	h.mustRun(recoverCommand...)
	h.judge("plans")
	t.Logf("%d plans, %d of them not as root; 0 mutating system calls but of --out", p.runs, p.asNobody)
}

// opensTransaction is the first call after ACTIVE is there.
func opensTransaction(c ptrace.Call) bool {
	return c.Name == "renameat2" && strings.HasPrefix(c.Paths[0], "/etc/")
}

func killAtOnce(s *ptrace.Stop) error { return s.Kill(syscall.SIGKILL) }

type planRuns struct {
	*sweepHost
	runs, asNobody int
}

func (p *planRuns) all(state string) {
	p.Helper()
	dir := p.TempDir()
	out := filepath.Join(dir, "saved.plan")
	for _, argv := range [][]string{{}, {"--json"}, {"--detailed-exitcode", "--verbose"}, {"--out", out}} {
		w := p.watch(append([]string{"bulwark", "plan", "--policy", wholeFile}, argv...)...)
		p.readOnly(state, w, dir)
	}
	if err := os.Remove(out); err != nil {
		p.Error(err)
	}
	p.asUser(state)
}

// readOnly fails unless w called nothing that changes what lies outside dir.
func (p *planRuns) readOnly(state string, w watched, dir string) {
	p.Helper()
	p.runs++
	if w.code != 0 && w.code != 2 {
		p.Errorf("%s: exit code %d:\n%s", state, w.code, w.out)
	}
	for _, c := range w.calls {
		for _, path := range c.Paths {
			if path != dir && !strings.HasPrefix(path, dir+"/") {
				p.Errorf("%s: plan made the system call %v", state, c)
			}
		}
	}
}

// asUser plans as somebody without rights: what cannot be read is named, and
// nothing is called as it should be because of that.
func (p *planRuns) asUser(state string) {
	p.Helper()
	policy := filepath.Join("/var/tmp", filepath.Base(wholeFile))
	p.sh("install -m 644 " + wholeFile + " " + policy)
	defer os.Remove(policy)
	w := p.watch("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "bulwark", "plan", "--policy", policy)
	p.asNobody++
	p.readOnly(state, w, "/nowhere")
	for _, what := range []string{"Docker Engine", "containers", "/etc/shadow", "/etc/gshadow", "firewall rules"} {
		if !regexp.MustCompile(`(?m)^ *could not read .*` + what).MatchString(w.out) {
			p.Errorf("%s: a plan without rights does not say that it could not read %s:\n%s", state, what, w.out)
		}
	}
	if strings.Contains(w.out, "no changes: the host is as the policy wants it") {
		p.Errorf("%s: a plan without rights finds the host right:\n%s", state, w.out)
	}
}
