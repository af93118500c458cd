//go:build rig

package rig_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Invariant 11: rollback brings back the host as it was, with times, ACLs and
// attributes; a rollback of the rollback brings back the change; and so for any order
// of applies and rollbacks, also of several transactions at once.
func TestInvariant11Back(t *testing.T) {
	h := borrowWholeHost(t)
	plain := h.decorate()
	h.before = h.dump(true)
	w := &walk{sweepHost: h, r: dice(t), policies: append(writePolicies(t), wholeFile), ids: h.history()}
	w.states = make([]map[string]string, len(w.ids)+1)
	w.states[len(w.ids)] = h.before
	w.apply(wholeFile)
	w.rollback("")
	w.rollback("") // a redo
	w.rollback("")
	for range max(1, *points-2) {
		w.step()
	}
	if w.counts["apply"] == 0 || w.counts["rollback"] == 0 {
		t.Errorf("the walk did not do everything: %v", w.counts)
	}
	if w.home() {
		plain()
		h.judge("the walk's end")
	} else {
		*h = *makeWholeHost(t)
	}
	t.Logf("%d steps: %v; each state that a rollback made is the one of the model, times, ACLs and attributes included", w.steps, w.counts)
}

// decorate gives files what a rollback could lose, and returns how to take it away.
func (h *sweepHost) decorate() func() {
	h.Helper()
	const file = "/etc/docker/daemon.json"
	plain := h.before
	// user::rw- user:1:r-- group::r-- mask::r-- other::---
	acl, err := hex.DecodeString("0200000001000600ffffffff020004000100000004000400ffffffff10000400ffffffff20000000ffffffff")
	if err != nil {
		h.Fatal(err)
	}
	stamp := []unix.Timespec{{Sec: 1000000000, Nsec: 123456789}, {Sec: 1234567890, Nsec: 987654321}}
	info, err := os.Stat(file)
	if err != nil {
		h.Fatal(err)
	}
	h.must(os.Chown(file, 1, 2))
	h.must(unix.Setxattr(file, "system.posix_acl_access", acl, 0))
	h.must(unix.Setxattr(file, "user.rig", []byte("kept"), 0))
	h.must(unix.Setxattr("/etc/subuid", "user.rig", []byte("kept"), 0))
	h.must(unix.UtimesNanoAt(unix.AT_FDCWD, file, stamp, 0))
	return func() {
		h.must(unix.Removexattr("/etc/subuid", "user.rig"))
		h.must(unix.Removexattr(file, "user.rig"))
		h.must(unix.Removexattr(file, "system.posix_acl_access"))
		h.must(os.Chown(file, 0, 0))
		h.must(os.Chmod(file, info.Mode().Perm()))
		h.must(os.Chtimes(file, time.Time{}, info.ModTime()))
		h.before = plain
	}
}

func (h *sweepHost) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// history are the ids of the committed transactions, oldest first.
func (h *sweepHost) history() []string {
	h.Helper()
	out, err := output("bulwark", "history")
	h.must(err)
	var ids []string
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "committed" {
			ids = append(ids, f[0])
		}
	}
	return ids
}

// A walk applies and rolls back at random. Its model is the list of states: states[i]
// is that after transaction ids[i-1], nil where it is not known.
type walk struct {
	*sweepHost
	r        *rand.Rand
	policies []string
	ids      []string
	states   []map[string]string
	counts   map[string]int
	steps    int
}

// kept is how many transactions the history keeps; older ones cannot be rolled
// back to.
const kept = 15

func (w *walk) step() {
	w.Helper()
	switch n := w.r.IntN(4); {
	case n < 2:
		w.apply(w.policies[w.r.IntN(len(w.policies))])
	case n == 2:
		w.rollback("")
	default:
		known := w.known()
		w.rollback(w.ids[known[w.r.IntN(len(known))]])
	}
}

// known are the transactions before which the state is in the model.
func (w *walk) known() []int {
	var all []int
	for i := range w.ids {
		if w.states[i] != nil && len(w.ids)-i < kept {
			all = append(all, i)
		}
	}
	return all
}

func (w *walk) apply(policy string) {
	w.Helper()
	w.count("apply")
	r := bulwark("apply", "--yes", "--policy", policy, "--settle", "0s")
	if r.code != 0 {
		w.Fatalf("step %d, apply of %s: exit code %d\n%s", w.steps, policy, r.code, r.out)
	}
	last := w.states[len(w.states)-1]
	if strings.Contains(r.out, "no changes: ") {
		w.compare("an apply without changes", last, w.dump(true))
		return
	}
	w.grown()
	w.states = append(w.states, w.dump(true))
}

// rollback takes back the last transaction, or all to the one with an id.
func (w *walk) rollback(to string) {
	w.Helper()
	argv, at := []string{"rollback", "--yes", "--settle", "0s"}, len(w.ids)-1
	w.count("rollback")
	if to != "" {
		w.count("of them with --to")
		argv = append(argv, "--to", to)
		for at = 0; w.ids[at] != to; at++ {
		}
	}
	want := leftAlone(w.states[at], w.dump(true))
	r := bulwark(argv...)
	if r.code != 0 {
		w.Fatalf("step %d, %v: exit code %d\n%s", w.steps, argv, r.code, r.out)
	}
	now := w.dump(true)
	w.compare(fmt.Sprintf("step %d, %v", w.steps, argv), want, now)
	if !strings.Contains(r.out, "done: transaction") { // what is undone was undone already
		return
	}
	w.grown()
	w.states = append(w.states, now)
}

// leftAlone is the state that a rollback to then makes of now: a file that was
// written again and again and is as then but for its time is not touched.
func leftAlone(then, now map[string]string) map[string]string {
	want := maps.Clone(then)
	for path, state := range then {
		if withoutTime(state, false) == withoutTime(now[path], false) {
			want[path] = now[path]
		}
	}
	return want
}

func (w *walk) count(what string) {
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	if what == "apply" || what == "rollback" {
		w.steps++
	}
	w.counts[what]++
}

// grown reads the id of the new transaction.
func (w *walk) grown() {
	w.Helper()
	ids := w.history()
	if last := ids[len(ids)-1]; last != w.ids[len(w.ids)-1] {
		w.ids = append(w.ids, last)
		return
	}
	w.Fatalf("step %d made no entry in the history: %v", w.steps, ids)
}

func (w *walk) compare(what string, want, got map[string]string) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Fatalf("%s:\n%s", what, diff)
	}
}

// home goes back to before, if a long walk has left a way to it.
func (w *walk) home() bool {
	w.Helper()
	for i, s := range w.states {
		if s != nil && i < len(w.ids) && len(w.ids)-i < kept && cmp.Equal(s, w.before) {
			w.rollback(w.ids[i])
			break
		}
	}
	return w.unlike() == ""
}
