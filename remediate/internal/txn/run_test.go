package txn_test

import (
	"strings"
	"testing"
)

func TestApplyThenApplyAgain(t *testing.T) {
	w := newWorld(t, fast(t))
	rc, out := w.demo("apply")
	if rc != 0 || !strings.HasPrefix(out, "committed ") {
		t.Fatalf("exit %d, %s", rc, out)
	}
	if got := w.read("/etc/subuid"); got != oldSubuid+"dockremap:231072:65536\n" {
		t.Errorf("subuid: %q", got)
	}
	before, journal := w.dump(true), w.journal()
	rc, out = w.demo("apply")
	if rc != 0 || !strings.HasPrefix(out, "unchanged ") {
		t.Errorf("second apply: exit %d, %s", rc, out)
	}
	if w.dump(true) != before || w.journal() != journal {
		t.Error("the second apply wrote something")
	}
}

func TestFailuresPutEverythingBack(t *testing.T) {
	for fail, want := range map[string]int{"validate": 1, "step": 3, "health": 3} {
		t.Run(fail, func(t *testing.T) {
			w := newWorld(t, fast(t))
			before := w.dump(true)
			w.env = []string{"BULWARK_DEMO_FAIL=" + fail}
			if rc, out := w.demo("apply"); rc != want {
				t.Errorf("exit %d, want %d\n%s", rc, want, out)
			}
			if got := w.dump(true); got != before {
				t.Errorf("host differs:\n%s\nwant:\n%s", got, before)
			}
			if l := w.litter(); l != nil {
				t.Errorf("litter: %v", l)
			}
			if rc, out := w.demo("recover"); rc != 0 || out != "" {
				t.Errorf("recover after it: exit %d, %s", rc, out)
			}
		})
	}
}

func TestRollbackAndRedo(t *testing.T) {
	w := newWorld(t, fast(t))
	e := w.ends()
	before := w.dump(true)
	for i, want := range []string{"after", "before", "after", "before"} {
		verb := "rollback"
		if i == 0 {
			verb = "apply"
		}
		if rc, out := w.demo(verb); rc != 0 {
			t.Fatalf("%s: exit %d\n%s", verb, rc, out)
		}
		got, err := w.verify(e, true)
		if err != nil || got != want {
			t.Fatalf("round %d: %s, want %s: %v", i, got, want, err)
		}
		if want == "before" && w.dump(true) != before {
			t.Errorf("round %d: metadata differ", i)
		}
	}
}
