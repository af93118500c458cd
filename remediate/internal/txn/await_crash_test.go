//go:build linux && amd64

package txn_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

const (
	demoWindow = "BULWARK_DEMO_AWAIT=1h"
	demoLater  = "BULWARK_DEMO_LATER=2h"
)

// newAwaiting returns a world whose apply waits to be confirmed, and its ends.
func newAwaiting(t *testing.T) (*world, ends) {
	w := newWorld(t, fast(t))
	e := w.ends()
	w.env = []string{demoWindow}
	return w, e
}

// later is w when the window is over and the timer fires.
func (w *world) later() *world {
	id := ""
	if b, ok := w.active(); ok {
		id = b
	}
	return &world{t: w.t, root: w.root, env: append(slices.Clone(w.env), demoLater, "BULWARK_DEMO_DUE="+id)}
}

func (w *world) active() (string, bool) {
	w.t.Helper()
	root, err := fsys.OpenRoot(w.root)
	w.must(err)
	defer root.Close()
	r, err := txn.OpenRead(root, stateDir)
	w.must(err)
	id, err := r.Active()
	w.must(err)
	return id, id != ""
}

// fires lets the timer fire, and expects the host as before unless it had
// committed.
func (w *world) fires(e ends) (string, error) {
	if rc, out := w.later().demo("recover"); rc != 0 {
		return "", fmt.Errorf("recover --due: exit %d, %s", rc, out)
	}
	if _, open := w.active(); open {
		return "", fmt.Errorf("still open")
	}
	if rc, out := w.demo("recover"); rc != 0 { // what was left before ACTIVE
		return "", fmt.Errorf("recover: exit %d, %s", rc, out)
	}
	return w.verify(e, true)
}

// Whenever an apply is killed that is to be confirmed, the timer finds the host
// as before or puts it back; if it had come to wait, a confirmation keeps it.
func TestKillBeforeItWaits(t *testing.T) {
	w, e := newAwaiting(t)
	kept := 0
	total := w.total(program(t))
	for _, n := range append(points(total, 25), total-1, total) {
		for _, confirm := range []bool{false, true} {
			w.traced(program(t), "apply", n, nil)
			want := "before"
			if confirm {
				if rc, _ := w.demo("confirm"); rc == 0 {
					want = "after"
					kept++
				}
			}
			if end, err := w.fires(e); err != nil || end != want {
				t.Errorf("killed at %d of %d, confirmed %t: the host is %s, want %s: %v", n, total, confirm, end, want, err)
			}
			w.reset()
		}
	}
	if kept == 0 {
		t.Error("no run came to wait: the sweep did not see what it is for")
	}
}

// A call that fails before it waits: the run says 8 exactly if it waits.
func TestErrnoBeforeItWaits(t *testing.T) {
	errnos := []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS}
	w, e := newAwaiting(t)
	total := w.total(program(t))
	for i, n := range append(points(total, 25), total-2, total-1, total) {
		errno := errnos[i%len(errnos)]
		res, out := w.traced(program(t), "apply", n, func(s *ptrace.Stop) error { s.Fail(errno); return nil })
		want := "before"
		rc, more := w.demo("confirm")
		if rc == 0 {
			want = "after"
		}
		if end, err := w.fires(e); err != nil || end != want || (rc == 0) != (res.Exit() == 8) {
			t.Errorf("%v at %s: exit %d, confirm exits %d, the host is %s: %v\n%s%s", errno, res.Calls[n-1], res.Exit(), rc, end, err, out, more)
		}
		w.reset()
	}
}

// A confirmation that is killed has happened or not; and once it said yes, the
// host stays as it was applied, whatever the timer finds. The same for a timer,
// and for one who takes the change back.
func TestKillWhileItIsDecided(t *testing.T) {
	for verb, ends := range map[string][]string{
		"confirm": {"after", "before"}, "recover": {"before"}, "takeback": {"before"},
	} {
		t.Run(verb, func(t *testing.T) {
			w, e := newAwaiting(t)
			seen := map[string]int{}
			for n := 1; ; n += nestedStride()/3 + 1 {
				killed, end, err := w.killDecision(verb, n, e)
				if err != nil || !slices.Contains(ends, end) {
					t.Errorf("%s killed at %d: the host is %s: %v", verb, n, end, err)
				}
				seen[end]++
				if !killed {
					if end != ends[0] {
						t.Errorf("%s was not killed, and the host is %s", verb, end)
					}
					break
				}
			}
			for _, end := range ends {
				if seen[end] == 0 {
					t.Errorf("seen %v: never %s", seen, end)
				}
			}
		})
	}
}

func (w *world) killDecision(verb string, n int, e ends) (killed bool, end string, err error) {
	defer w.reset()
	if rc, out := w.demo("apply"); rc != 8 {
		return false, "", fmt.Errorf("apply: exit %d, %s", rc, out)
	}
	by := w
	id, _ := w.active()
	switch verb {
	case "recover":
		by = w.later()
	case "takeback":
		by = &world{t: w.t, root: w.root, env: append(slices.Clone(w.env), "BULWARK_DEMO_ID="+id)}
	}
	res, out := by.traced(program(w.t), verb, n, nil)
	killed = res.Signal() == syscall.SIGKILL
	if !killed && res.Exit() != 0 {
		return false, "", fmt.Errorf("exit %d, %s", res.Exit(), out)
	}
	end, err = w.fires(e)
	return killed, end, err
}

// A call that fails while it is decided: yes means after, and no means that it
// still waits, or is before; never half of each.
func TestErrnoWhileItIsDecided(t *testing.T) {
	errnos := []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS}
	for _, verb := range []string{"confirm", "takeback"} {
		t.Run(verb, func(t *testing.T) {
			w, e := newAwaiting(t)
			for n, failed := 1, true; failed; n++ {
				failed = w.failDecision(verb, n, errnos[n%len(errnos)], e)
			}
		})
	}
}

func (w *world) failDecision(verb string, n int, errno syscall.Errno, e ends) (failed bool) {
	w.t.Helper()
	defer w.reset()
	if rc, out := w.demo("apply"); rc != 8 {
		w.t.Fatalf("apply: exit %d, %s", rc, out)
	}
	id, _ := w.active()
	by := &world{t: w.t, root: w.root, env: append(slices.Clone(w.env), "BULWARK_DEMO_ID="+id)}
	res, out := by.traced(program(w.t), verb, n, func(s *ptrace.Stop) error { failed = true; s.Fail(errno); return nil })
	said := res.Exit() == 0
	// Somebody who was told no asks for the opposite.
	opposite := map[string]string{"confirm": "takeback", "takeback": "confirm"}[verb]
	rc, more := by.demo(opposite)
	end, err := w.fires(e)
	yes := map[string]string{"confirm": "after", "takeback": "before"}[verb]
	no := map[string]string{"confirm": "before", "takeback": "after"}[verb]
	switch {
	case err != nil:
		w.t.Errorf("%s, %v at %d: %v\n%s", verb, errno, n, err, out)
	case said && (rc == 0 || end != yes):
		w.t.Errorf("%s, %v at %d: it said yes, then %s exits %d, the host is %s\n%s%s", verb, errno, n, opposite, rc, end, out, more)
	case rc == 0 && end != no:
		w.t.Errorf("%s, %v at %d: %s exits 0, the host is %s\n%s%s", verb, errno, n, opposite, end, out, more)
	}
	return failed
}

// On a full disk nobody takes back what could still be confirmed afterwards. When
// the time is over the host is taken back all the same: nobody can confirm then.
func TestFullLog(t *testing.T) {
	for verb, want := range map[string]string{"takeback": "after", "recover": "before"} {
		w, e := newAwaiting(t)
		if rc, out := w.demo("apply"); rc != 8 {
			t.Fatalf("apply: exit %d, %s", rc, out)
		}
		id, _ := w.active()
		by := w.later()
		if verb == "takeback" {
			by = &world{t: t, root: w.root, env: append(slices.Clone(w.env), "BULWARK_DEMO_ID="+id)}
		}
		full := *by
		full.env = append(slices.Clone(by.env), fmt.Sprintf("BULWARK_DEMO_FSIZE=%d", len(w.read(stateDir+"/txn/"+id+"/wal"))))
		if rc, out := full.demo(verb); rc == 0 || !strings.Contains(out, "file too large") {
			t.Errorf("%s: exit %d, %s", verb, rc, out)
		}
		if got := w.dump(false); (got == e.after) != (want == "after") {
			t.Errorf("%s: the host is\n%s", verb, got)
		}
		confirmed := *by
		rc, _ := confirmed.demo("confirm")
		if end, err := w.fires(e); err != nil || end != want || (rc == 0) != (want == "after") {
			t.Errorf("%s, confirm exits %d: the host is %s, want %s: %v", verb, rc, end, want, err)
		}
	}
}

// Where no timer can be set, nothing is changed.
func TestNoApplyWithoutTimer(t *testing.T) {
	w, e := newAwaiting(t)
	w.env = append(w.env, "BULWARK_DEMO_FAIL=arm")
	rc, out := w.demo("apply")
	if rc != 1 || !strings.Contains(out, "there is no timer") {
		t.Errorf("exit %d, %s", rc, out)
	}
	if end, err := w.verify(e, true); end != "before" || err != nil {
		t.Errorf("%s, %v", end, err)
	}
}
