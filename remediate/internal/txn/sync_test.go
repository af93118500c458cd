//go:build linux && amd64

package txn_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// ledger follows what is not durable yet, and notes where the run relies on it.
// It sees a missing fsync on every file system, also where power cuts do not.
type ledger struct {
	w       *world
	strict  bool            // no undo in this run
	files   map[string]bool // written, not synced
	dirs    map[string]bool // a name in it changed, not synced
	entries map[string]bool // of these, by the rename of a file
	faults  []string
}

func (l *ledger) see(c ptrace.Call) {
	p := c.Paths[0]
	switch c.Name {
	case "openat", "write", "pwrite64", "fchmod", "fchown", "fsetxattr", "utimensat", "ftruncate":
		if c.Name == "pwrite64" && filepath.Base(p) == "wal" {
			l.logged(c)
		}
		l.files[p] = true
	case "fsync", "fdatasync":
		delete(l.files, p)
		delete(l.dirs, p)
		delete(l.entries, p)
	case "renameat", "renameat2":
		l.renamed(c)
	case "unlinkat":
		l.unlinked(c)
	case "mkdirat":
		l.dirs[filepath.Dir(p)] = true
	}
}

func (l *ledger) renamed(c ptrace.Call) {
	from, to := c.Paths[0], c.Paths[1]
	if l.files[from] {
		l.fault(c, "the bytes of "+from)
	}
	delete(l.files, from)
	l.dirs[filepath.Dir(to)] = true
	if !c.Dir {
		l.entries[filepath.Dir(to)] = true
	}
}

func (l *ledger) unlinked(c ptrace.Call) {
	p := c.Paths[0]
	if filepath.Base(p) == "ACTIVE" {
		for d := range l.dirs {
			if strings.HasPrefix(d, l.w.at("/etc")) {
				l.fault(c, "names in "+d)
			}
		}
	}
	delete(l.files, p)
	delete(l.dirs, p)
	l.dirs[filepath.Dir(p)] = true
}

// logged: a record says that what came before it is done.
func (l *ledger) logged(c ptrace.Call) {
	for d := range l.entries {
		if l.strict {
			l.fault(c, "names in "+d)
		}
	}
}

func (l *ledger) fault(c ptrace.Call, what string) {
	l.faults = append(l.faults, fmt.Sprintf("at %s, not durable: %s", c, what))
}

// audit runs apply and returns where it relied on what a power cut undoes.
func audit(w *world, binary string, strict bool) []string {
	l := &ledger{w: w, strict: strict, files: map[string]bool{}, dirs: map[string]bool{}, entries: map[string]bool{}}
	res, _ := w.traced(binary, "apply", 0, nil)
	for _, c := range res.Calls {
		if c.Paths[0] != w.root+".service" && filepath.Base(c.Paths[0]) != "lock" && filepath.Base(c.Paths[0]) != ".pwd.lock" {
			l.see(c)
		}
	}
	if len(res.Calls) < 40 {
		l.faults = append(l.faults, fmt.Sprintf("only %d calls seen", len(res.Calls)))
	}
	for _, d := range slices.Sorted(maps.Keys(l.dirs)) {
		l.faults = append(l.faults, "at the end, not durable: names in "+d)
	}
	return l.faults
}

func TestEverythingIsDurableBeforeItIsReliedOn(t *testing.T) {
	for name, env := range scenarios {
		w := newWorld(t, fast(t))
		w.env = env
		for _, f := range audit(w, program(t), env == nil) {
			t.Errorf("%s: %s", name, f)
		}
	}
}

func TestAuditCatchesMutants(t *testing.T) {
	for _, name := range []string{"no file fsync", "no directory fsync"} {
		t.Run(name, func(t *testing.T) {
			bin := mutants[name].build(t)
			if faults := audit(newWorld(t, fast(t)), bin, true); len(faults) == 0 {
				t.Error("the audit did not see the fault")
			}
		})
	}
}
