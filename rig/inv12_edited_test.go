//go:build rig

package rig_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// edits are what somebody may do to a file that bulwark wrote.
var edits = map[string]string{
	"appended to":          "echo >>FILE",
	"replaced":             "cp -a FILE FILE.rig; echo >>FILE.rig; mv FILE.rig FILE",
	"its mode changed":     "chmod o+x FILE",
	"its owner changed":    "chown 1 FILE",
	"emptied":              "truncate -s 0 FILE",
	"removed":              "rm FILE",
	"replaced by a link":   "mv FILE FILE.rig; ln -s FILE.rig FILE",
	"replaced by a folder": "rm FILE; mkdir FILE",
}

// mild edits leave a file that its readers bear.
var mild = []string{"appended to", "replaced", "its mode changed", "its owner changed"}

// Invariant 12: a file that somebody edited after apply is left byte for byte by
// rollback, which exits with 4 and changes nothing; a recovery puts all others
// back and leaves that one. The rules of others in the kernel stay.
func TestInvariant12Edited(t *testing.T) {
	skipInVM(t, "files are compared the same everywhere")
	h := borrowWholeHost(t)
	plan := h.savePlan(wholeFile, filepath.Join(t.TempDir(), "saved.plan"))
	e := &editing{sweepHost: h, keep: t.TempDir(), made: madeBy(h)}
	for _, path := range factPaths(plan) {
		if exists(path) {
			h.sh("cd /; cp -a --parents ." + path + " " + e.keep)
		}
		for _, how := range slices.Sorted(maps.Keys(edits)) {
			// Some edits make what a rollback wants.
			undoes := how == "removed" && slices.Contains(e.made, path) || how == "emptied" && h.before[path] == h.before["/etc/subuid"]
			if !undoes {
				e.all = append(e.all, [2]string{path, how})
			}
		}
	}
	for _, c := range h.watch(wholeApply...).calls {
		if writesLog(c) {
			e.records++
		}
	}
	for _, n := range chooseOf(t, len(e.all), *points) {
		e.rollback(e.all[n-1][0], e.all[n-1][1])
	}
	e.foreign()
	harsh := func(c [2]string) bool { return !slices.Contains(mild, c[1]) }
	open := slices.DeleteFunc(slices.Clone(e.all), harsh)
	for _, n := range chooseOf(t, len(open), *points/5) {
		e.recover(open[n-1][0], open[n-1][1])
	}
	t.Logf("%d edits before a rollback, each refused with exit code 4 and 0 mutating system calls; %d before a recovery, each left as it was, all else put back", e.rollbacks, e.recoveries)
}

// madeBy are the files of the plan that were absent before.
func madeBy(h *sweepHost) []string {
	made := []string{rulesRecord}
	for path := range h.after {
		if _, before := h.before[path]; !before {
			made = append(made, path)
		}
	}
	return made
}

type editing struct {
	*sweepHost
	keep                  string
	made                  []string
	all                   [][2]string
	rollbacks, recoveries int
	records               int // of the log of an apply
}

func writesLog(c ptrace.Call) bool {
	return strings.Contains(c.Name, "write") && strings.HasSuffix(c.Paths[0], "/wal")
}

// edit changes a file and returns what it then is, and the way back.
func (e *editing) edit(path, how string) (edited string, back func()) {
	e.Helper()
	keep := filepath.Join(e.keep, filepath.Base(path))
	e.sh("cp -a " + path + " " + keep)
	e.sh(strings.ReplaceAll(edits[how], "FILE", path))
	edited, err := dumpFile(path)
	e.must(err)
	return edited, func() { e.sh(fmt.Sprintf("rm -rf %s %s.rig; cp -a %s %s", path, path, keep, path)) }
}

func (e *editing) rollback(path, how string) {
	e.Helper()
	e.rollbacks++
	what := path + " " + how
	edited, back := e.edit(path, how)
	before, start := e.dump(true), e.invocation()
	w := e.watch("bulwark", "rollback", "--yes", "--settle", "0s")
	e.refused(what, w, 4, path)
	if now, err := dumpFile(path); now != edited || err != nil {
		e.Errorf("%s: it was\n%s and is now\n%s (%v)", what, edited, now, err)
	}
	if diff := cmp.Diff(before, e.dump(true)); diff != "" || e.invocation() != start {
		e.Errorf("%s: rollback changed the host, or restarted dockerd:\n%s", what, diff)
	}
	back()
}

// foreign changes rules of the kernel and puts a file into a folder that apply
// made: neither hinders the rollback, and what is not bulwark's stays.
func (e *editing) foreign() {
	e.Helper()
	const mine = "-A DOCKER-USER -s 203.0.113.9/32 -j DROP"
	e.sh(`iptables ` + mine + `
		iptables -F BULWARK-EGRESS; iptables -A BULWARK-EGRESS -j ACCEPT
		iptables -D DOCKER-USER -j BULWARK-EGRESS
		echo mine >/etc/docker/seccomp/mine.json`)
	r := bulwark("rollback", "--yes", "--settle", "0s")
	if r.code != 0 || !strings.Contains(r.out, "kept /etc/docker/seccomp: it is not empty") {
		e.Errorf("rollback with rules changed: exit code %d\n%s", r.code, r.out)
	}
	rules, err := dumpRules()
	e.must(err)
	if !strings.Contains(rules, mine) || ownPart(rules) != "" {
		e.Errorf("rules after the rollback:\n%s", rules)
	}
	e.sh("iptables " + strings.Replace(mine, "-A", "-D", 1) + "; [ \"$(cat /etc/docker/seccomp/mine.json)\" = mine ]; rm -r /etc/docker/seccomp")
	e.judge("rollback with rules changed")
}

// recover edits a file while the transaction is open, and recovers.
func (e *editing) recover(path, how string) {
	e.Helper()
	e.recoveries++
	what := path + " " + how + ", then recovered"
	// The last record is COMMIT, which does not get written.
	w := e.watchAt(ptrace.Options{Argv: wholeApply, N: e.records, Match: writesLog, Act: killAtOnce})
	if w.code != 128+int(syscall.SIGKILL) || !exists(rulesRecord) {
		e.Fatalf("%s: the kill missed: exit code %d, %d records\n%s", what, w.code, e.records, w.out)
	}
	edited, _ := e.edit(path, how)
	if r := bulwark("recover"); r.code != 4 || !strings.Contains(r.out, path) {
		e.Errorf("%s: exit code %d\n%s", what, r.code, r.out)
	}
	e.othersBack(what, path, edited)
	if r := bulwark("apply", "--yes", "--policy", wholeFile); r.code != 4 {
		e.Errorf("%s: apply with that open: exit code %d\n%s", what, r.code, r.out)
	}
	e.decide(what, path, edited)
	e.clean(what)
	e.sh("rm -rf " + path + " " + path + ".rig")
	if first := e.keep + path; exists(first) {
		e.sh("cp -a " + first + " " + path)
	} else {
		e.sh("rmdir --ignore-fail-on-non-empty " + filepath.Dir(path))
	}
	e.judge(what)
}

// decide is what a person does then. daemon.json names accounts and a profile that
// are no more: dockerd does not start with it, and it cannot be kept.
func (e *editing) decide(what, path, edited string) {
	e.Helper()
	if path != "/etc/docker/daemon.json" {
		if r := bulwark("recover", "--keep"); r.code != 0 {
			e.Errorf("%s: --keep: exit code %d\n%s", what, r.code, r.out)
		}
		e.othersBack(what, path, edited)
		return
	}
	r := bulwark("recover", "--force")
	if saved, err := filepath.Glob("/var/lib/bulwark/txn/*/conflict/*"); r.code != 0 || len(saved) == 0 || err != nil {
		e.Errorf("%s: --force: exit code %d, saved edits %v (%v)\n%s", what, r.code, saved, err, r.out)
	}
	if diff := e.unlike(); diff != "" {
		e.Errorf("%s: --force did not put it back:\n%s", what, diff)
	}
}

// othersBack fails unless path is as it was edited and all else as before.
func (e *editing) othersBack(what, path, edited string) {
	e.Helper()
	if now, err := dumpFile(path); now != edited || err != nil {
		e.Errorf("%s: it was\n%s and is now\n%s (%v)", what, edited, now, err)
	}
	skip := []string{path, path + ".rig", filepath.Dir(path)}
	if path == rulesRecord {
		skip = []string{"record"}
	}
	got, want := e.dump(true), maps.Clone(e.before)
	for _, key := range skip {
		delete(got, key)
		delete(want, key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		e.Errorf("%s: not all else is as before:\n%s", what, diff)
	}
}
