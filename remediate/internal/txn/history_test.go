package txn_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// edit is a transaction that gives one file new content; "" deletes it.
func (w *world) edit(path, content string) txn.Spec {
	w.t.Helper()
	root, err := fsys.OpenRoot(w.root)
	w.must(err)
	defer root.Close()
	p, err := root.Fingerprint(path)
	w.must(err)
	uid, gid := me()
	c := resource.Change{Path: path, Before: p, Content: []byte(content), Mode: 0o640, UID: uid, GID: gid}
	if content == "" {
		c.Action = resource.Delete
	}
	return txn.Spec{Command: []string{"test"}, Changes: []resource.Change{c}}
}

func (w *world) commit(m *txn.Manager, spec txn.Spec) string {
	w.t.Helper()
	res, err := m.Run(w.t.Context(), spec)
	if err != nil || res.Outcome != txn.Committed || res.Cause != nil {
		w.t.Fatalf("%+v, %v", res, err)
	}
	return res.ID
}

func TestHistory(t *testing.T) {
	w := newWorld(t, fast(t))
	m := w.open(txn.Options{})
	first := w.commit(m, w.edit("/etc/foreign.conf", "one\n"))
	second := w.commit(m, w.edit("/etc/new/deep/file", "two\n"))
	list, err := m.History()
	if err != nil || len(list) != 2 || list[0].ID != first || list[1].Parent != first {
		t.Fatalf("%+v, %v", list, err)
	}
	e, err := m.Entry(second)
	w.must(err)
	if e.Outcome != txn.Committed || len(e.Ops) != 3 || e.Ops[0].Path != "/etc/new" || e.Ops[2].Kind != txn.Make {
		t.Fatalf("%+v", e)
	}
	before, err := list[0].Before(0)
	if string(before) != oldForeign || err != nil {
		t.Errorf("before: %q, %v", before, err)
	}
	after, err := e.After(2)
	if string(after) != "two\n" || err != nil {
		t.Errorf("after: %q, %v", after, err)
	}
	if b, err := e.Before(2); b != nil || err != nil {
		t.Errorf("before of a new file: %q, %v", b, err)
	}
	if _, err := m.Entry("../../etc"); err == nil {
		t.Error("an id that leads out is accepted")
	}
}

// rollback --to undoes a whole chain, and goes back over it again.
func TestRollbackTo(t *testing.T) {
	w := newWorld(t, fast(t))
	before := w.dump(true)
	m := w.open(txn.Options{})
	first := w.commit(m, w.edit("/etc/foreign.conf", "one\n"))
	w.commit(m, w.edit("/etc/new/deep/file", "two\n"))
	w.commit(m, w.edit("/etc/foreign.conf", "three\n"))
	w.commit(m, w.edit("/etc/obsolete.d/old.conf", ""))
	after := w.dump(false)
	spec, err := m.RollbackSpec(first)
	w.must(err)
	w.commit(m, spec)
	if got := w.dump(true); got != before {
		t.Errorf("host:\n%s\nwant:\n%s", got, before)
	}
	spec, err = m.RollbackSpec("")
	w.must(err)
	w.commit(m, spec)
	if got := w.dump(false); got != after {
		t.Errorf("redo:\n%s\nwant:\n%s", got, after)
	}
	if _, err := m.RollbackSpec("000099-20260101T000000Z-00000000"); err == nil {
		t.Error("an unknown id is accepted")
	}
}

// Whatever is applied and rolled back, the host is what the model says.
func TestRandomWalk(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t, fast(t))
	m := w.open(txn.Options{})
	past := []string{w.dump(false)} // past[i] is the host after i transactions
	var ids []string
	for i := range 25 {
		spec := w.edit("/etc/"+[]string{"a", "b", "dir/c", "dir/d"}[r.IntN(4)], []string{"", "1\n", "2\n"}[r.IntN(3)])
		to := -1
		if len(ids) > 0 && r.IntN(3) == 0 {
			to = max(0, len(ids)-1-r.IntN(4))
			var err error
			spec, err = m.RollbackSpec(ids[to])
			w.must(err)
		}
		res, err := m.Run(t.Context(), spec)
		if err != nil || res.Outcome != txn.Committed && res.Outcome != txn.Unchanged {
			t.Fatalf("round %d: %+v, %v", i, res, err)
		}
		if to >= 0 && w.dump(false) != past[to] {
			t.Fatalf("round %d: rolled back to before %s:\n%s\nwant:\n%s", i, ids[to], w.dump(false), past[to])
		}
		if res.Outcome == txn.Committed {
			ids, past = append(ids, res.ID), append(past, w.dump(false))
		}
	}
}

// Old transactions go, the first and the last ones stay.
func TestPrune(t *testing.T) {
	w := newWorld(t, fast(t))
	m := w.open(txn.Options{})
	var ids []string
	for i := range 24 {
		ids = append(ids, w.commit(m, w.edit("/etc/foreign.conf", fmt.Sprintln(i))))
	}
	dirs, err := os.ReadDir(w.at(stateDir + "/txn"))
	w.must(err)
	var got []string
	for _, d := range dirs {
		got = append(got, d.Name())
	}
	if want := append(ids[:1:1], ids[4:]...); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("kept %v\nwant %v", got, want)
	}
	if _, err := m.RollbackSpec(ids[0]); err == nil {
		t.Error("a rollback over a gap is accepted")
	}
}

// Nobody but the owner can read the journal, whose copies may be secret.
func TestJournalIsPrivate(t *testing.T) {
	w := newWorld(t, fast(t))
	w.commit(w.open(txn.Options{}), w.edit("/etc/foreign.conf", "secret\n"))
	w.must(filepath.WalkDir(w.at(stateDir), func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := e.Info()
		if err == nil && i.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, i.Mode())
		}
		return err
	}))
	w.must(os.Chmod(w.at(stateDir), 0o755))
	root, err := fsys.OpenRoot(w.root)
	w.must(err)
	defer root.Close()
	if _, err := txn.Open(t.Context(), txn.Options{Root: root, StateDir: stateDir}); err == nil {
		t.Error("a journal that others can enter is accepted")
	}
}

// A journal of a later version is refused, and left alone.
func TestNewerFormat(t *testing.T) {
	w := newWorld(t, fast(t))
	m := w.open(txn.Options{})
	w.commit(m, w.edit("/etc/foreign.conf", "one\n"))
	path := w.at(stateDir + "/state.json")
	w.must(os.WriteFile(path, []byte(strings.Replace(w.read(stateDir+"/state.json"), `"format": 1`, `"format": 2`, 1)), 0o600))
	before := w.dump(true)
	if _, err := m.Run(t.Context(), w.edit("/etc/foreign.conf", "two\n")); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("got %v", err)
	}
	if w.dump(true) != before {
		t.Error("it changed something")
	}
}

// A flipped bit in an id of state.json is seen before a transaction is made that
// names it as the one before, and that no program would read.
func TestStateNewerThanItself(t *testing.T) {
	w := newWorld(t, fast(t))
	m := w.open(txn.Options{})
	id := w.commit(m, w.edit("/etc/docker/daemon.json", newDaemon))
	path := w.at(stateDir + "/state.json")
	w.must(os.WriteFile(path, []byte(strings.Replace(w.read(stateDir+"/state.json"), `"`+id, `"008`+id[3:], 1)), 0o600))
	var damaged *txn.DamagedError
	if _, err := m.State(); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "is newer than the last transaction, which has number 1") {
		t.Errorf("%v", err)
	}
}
