package txn_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// races is how often a confirmation races with the timer; CI asks for 200.
func races(t *testing.T) int {
	want := os.Getenv("BULWARK_RACES")
	if want == "" {
		return 60
	}
	n, err := strconv.Atoi(want)
	if err != nil || n < 20 {
		t.Fatalf("BULWARK_RACES is %q: want a number from 20", want)
	}
	return n
}

// Of a confirmation and a timer that come at the same moment one decides, and
// the other finds it decided: the host is as applied exactly if the
// confirmation was told so.
func TestConfirmRacesWithTimer(t *testing.T) {
	w := newWorld(t, fast(t))
	e := w.ends()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	seen := map[string]int{}
	// Who comes too late starts earlier the next time: a busy machine is slow to
	// start programs, and the two must meet.
	lead := time.Duration(0)
	total := races(t)
	for i := range total {
		end := w.race(e, time.Duration(r.IntN(12)-6)*time.Millisecond-lead)
		seen[end]++
		if end == "before" {
			lead = min(lead+2*time.Millisecond, 150*time.Millisecond)
		} else {
			lead = max(lead-2*time.Millisecond, 0)
		}
		if t.Failed() {
			t.Fatalf("round %d", i)
		}
		w.reset()
	}
	t.Logf("%v", seen)
	if seen["before"] < total/20 || seen["after"] < total/20 {
		t.Errorf("no race: %v", seen)
	}
}

// race lets a confirmation and the timer start for the same instant, the
// confirmation off by skew.
func (w *world) race(e ends, skew time.Duration) string {
	w.t.Helper()
	const wait = 250 * time.Millisecond
	w.env = []string{"BULWARK_DEMO_TIMEOUT=20s", fmt.Sprintf("BULWARK_DEMO_AWAIT=%s", wait)}
	rc, out := w.demo("apply")
	if rc != 8 {
		w.t.Fatalf("apply: exit %d, %s", rc, out)
	}
	id := strings.Fields(out)[1]
	at := w.deadline(id)
	timer := w.contender("recover", at, "BULWARK_DEMO_DUE="+id)
	confirm := w.contender("confirm", at+skew, "BULWARK_DEMO_ID="+id)
	told, ok := <-confirm, <-timer
	end, err := w.verify(e, true)
	kept := told.rc == 0
	if err != nil || ok.rc != 0 || kept != (end == "after") || !kept && told.rc != 9 && told.rc != 10 {
		w.t.Errorf("confirm: %+v, timer: %+v, the host is %s: %v", told, ok, end, err)
	}
	return end
}

// deadline is what the log says.
func (w *world) deadline(id string) time.Duration {
	w.t.Helper()
	m := regexp.MustCompile(`"deadline_boottime_ns":(\d+)`).FindStringSubmatch(w.read(stateDir + "/txn/" + id + "/wal"))
	if m == nil {
		w.t.Fatal("no AWAIT in the log")
	}
	ns, err := strconv.ParseInt(m[1], 10, 64)
	w.must(err)
	return time.Duration(ns)
}

type answer struct {
	rc  int
	out string
}

// contender starts the demo program, which begins at the given uptime.
func (w *world) contender(verb string, at time.Duration, env string) <-chan answer {
	cmd := exec.Command(program(w.t))
	cmd.Env = append(w.environ(verb), env, fmt.Sprintf("BULWARK_DEMO_AT=%d", at))
	ch := make(chan answer, 1)
	go func() {
		out, _ := cmd.CombinedOutput()
		ch <- answer{cmd.ProcessState.ExitCode(), string(out)}
	}()
	return ch
}
