//go:build rig

package rig_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// quick edits are what an editor can do in the moment before a file is put in
// place; where there is no file yet, each makes one.
var quickEdits = map[string]string{
	"in place":       "echo >>FILE",
	"by rename-over": "[ ! -e FILE ] || cp -a FILE FILE.rig; echo >>FILE.rig; mv FILE.rig FILE",
	"its mode":       "[ -e FILE ] || touch FILE; chmod o+x FILE",
	"into a link":    "ln -sf /etc/hostname FILE", // which all of /etc is compared for afterwards
}

// Invariant 13: somebody edits a file in the moment before it is put in place,
// with the program stopped just before renameat2(2): the edit survives, apply or
// rollback exits with 6, and all else is as before it.
func TestInvariant13Race(t *testing.T) {
	skipInVM(t, "renames are the same everywhere, and this restarts nothing")
	h := borrowWholeHost(t)
	saved := filepath.Join(t.TempDir(), "saved.plan")
	r := &race{sweepHost: h, managed: factPaths(h.savePlan(wholeFile, saved)), keep: t.TempDir()}
	r.all("apply", func() []string {
		h.savePlan(wholeFile, saved)
		return []string{"bulwark", "apply", saved, "--settle", "0s"}
	})
	h.mustRun(wholeApply...)
	r.all("rollback", func() []string { return []string{"bulwark", "rollback", "--yes", "--settle", "0s"} })
	h.rollback()
	h.judge("races")
	r.again()
	t.Logf("%d edits just before a renameat2, %d of them after other files were in place; each survived with exit code 6, all else as before", r.runs, r.later)
}

type race struct {
	*sweepHost
	managed     []string
	keep        string
	runs, later int
}

func (r *race) all(what string, argv func() []string) {
	r.Helper()
	hows := slices.Sorted(maps.Keys(quickEdits))
	for _, n := range chooseOf(r.T, len(r.managed)*len(hows), (*points+1)/2) {
		r.one(what, argv(), (n-1)/len(hows)+1, hows[(n-1)%len(hows)])
	}
}

// puts matches the rename that puts a managed file in place, or takes it away.
func (r *race) puts(c ptrace.Call) bool {
	return c.Name == "renameat2" && r.target(c) != ""
}

func (r *race) target(c ptrace.Call) string {
	for _, path := range c.Paths {
		if slices.Contains(r.managed, path) {
			return path
		}
	}
	return ""
}

// one edits the target of the nth rename just before it.
func (r *race) one(what string, argv []string, n int, how string) {
	r.Helper()
	before, start, serial := r.dump(true), r.invocation(), r.serial()
	path, edited, existed := "", "", false
	w := r.watchAt(ptrace.Options{Argv: argv, N: n, Match: r.puts, Act: func(s *ptrace.Stop) error {
		path = r.target(s.Call)
		if existed = exists(path); existed {
			r.sh("cp -a " + path + " " + filepath.Join(r.keep, filepath.Base(path)))
		}
		r.sh(strings.ReplaceAll(quickEdits[how], "FILE", path))
		var err error
		edited, err = dumpFile(path)
		return err
	}})
	r.runs++
	if n > 1 {
		r.later++
	}
	what = fmt.Sprintf("%s, rename %d, %s edited %s", what, n, path, how)
	if w.code != 6 || !strings.Contains(w.out, path) {
		r.Errorf("%s: exit code %d, want 6:\n%s", what, w.code, w.out)
	}
	if now, err := dumpFile(path); now != edited || err != nil {
		r.Fatalf("%s: the edit was\n%s and the file is now\n%s (%v)", what, edited, now, err)
	}
	r.clean(what)
	if r.sh("rm " + path); existed {
		r.sh("cp -a " + filepath.Join(r.keep, filepath.Base(path)) + " " + path)
	} else if dir := filepath.Dir(path); before[dir] == "" { // kept for the sake of the edit
		r.sh("rmdir --ignore-fail-on-non-empty " + dir)
	}
	if diff := cmp.Diff(before, r.dump(true)); diff != "" || r.invocation() != start {
		r.Fatalf("%s: not all else is as before, or dockerd was restarted (%s, %s):\n%s", what, start, r.invocation(), diff)
	}
	if r.serial() == serial {
		r.Errorf("%s: there is no record of it in the history", what)
	}
}

// again applies without a saved plan: it looks again, and both lines are there.
func (r *race) again() {
	r.Helper()
	const mine = "rigx:700000000:10"
	r.watchAt(ptrace.Options{Argv: wholeApply, N: 1, Match: func(c ptrace.Call) bool {
		return r.puts(c) && r.target(c) == "/etc/subuid"
	}, Act: func(*ptrace.Stop) error {
		r.sh("cp -a /etc/subuid /root/subuid; echo " + mine + " >>/etc/subuid")
		return nil
	}})
	text, err := os.ReadFile("/etc/subuid")
	r.must(err)
	if !strings.Contains(string(text), mine) || !strings.Contains(string(text), "dockremap:") {
		r.Errorf("/etc/subuid has lost a line:\n%s", text)
	}
	r.rollback()
	r.sh("grep -q " + mine + " /etc/subuid; cp -a /root/subuid /etc/subuid")
	r.judge("an apply that looked again")
}
