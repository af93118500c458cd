package txn_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Of many runs at once one changes the host; the others wait and find nothing to
// do, or say that it is busy.
func TestTwentyAtOnce(t *testing.T) {
	w := newWorld(t, fast(t))
	e := w.ends()
	var mu sync.Mutex
	count := map[string]int{}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			cmd := exec.Command(self(t))
			cmd.Env = append(w.environ("apply"), fmt.Sprintf("BULWARK_DEMO_TIMEOUT=%ds", i%2*30))
			out, _ := cmd.CombinedOutput()
			word, _, _ := strings.Cut(string(out), " ")
			mu.Lock()
			defer mu.Unlock()
			count[fmt.Sprintf("%d %s", cmd.ProcessState.ExitCode(), word)]++
		})
	}
	wg.Wait()
	n := count["0 committed"] + count["0 unchanged"] + count["5 demo:"]
	if count["0 committed"] != 1 || n != 20 || count["0 unchanged"] < 9 {
		t.Errorf("got %v", count)
	}
	if end, err := w.verify(e, true); err != nil || end != "after" {
		t.Errorf("%s, %v", end, err)
	}
}

// A child that got the lock keeps it when its parent is killed, for it may
// still be changing the host.
func TestChildHoldsTheLock(t *testing.T) {
	w := newWorld(t, fast(t))
	cmd := exec.Command(self(t))
	cmd.Env = w.environ("hold")
	stdin, err := cmd.StdinPipe()
	w.must(err)
	out, err := cmd.StdoutPipe()
	w.must(err)
	w.must(cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	w.must(err)
	var child int
	if _, err := fmt.Sscanf(line, "held %d", &child); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	w.must(cmd.Process.Kill())
	if rc, msg := w.demo("apply"); rc != 5 || !strings.Contains(msg, "held by process") && !strings.Contains(msg, "another process") {
		t.Errorf("parent killed, child alive: exit %d, %s", rc, msg)
	}
	stdin.Close() // ends the child
	_ = cmd.Wait()
	w.env = []string{"BULWARK_DEMO_TIMEOUT=20s"}
	if rc, msg := w.demo("apply"); rc != 0 {
		t.Errorf("child ended: exit %d, %s", rc, msg)
	}
}

// The account files are changed under the lock that shadow-utils takes, and a
// live holder of a lock file of theirs is waited for.
func TestAccountLocks(t *testing.T) {
	w := newWorld(t, fast(t))
	before := w.dump(true)
	w.write("/etc/.pwd.lock", "", 0o600)
	f, err := os.OpenFile(w.at("/etc/.pwd.lock"), os.O_RDWR, 0)
	w.must(err)
	lk := syscall.Flock_t{Type: syscall.F_WRLCK}
	w.must(syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lk)) // as lckpwdf(3) does
	if rc, out := w.demo("apply"); rc != 5 || !strings.Contains(out, "/etc/.pwd.lock") {
		t.Errorf("lckpwdf held: exit %d, %s", rc, out)
	}
	f.Close()
	if got := w.dump(true); got != before {
		t.Errorf("host:\n%s\nwant:\n%s", got, before)
	}
	w.write("/etc/subuid.lock", fmt.Sprint(os.Getpid(), "\x00"), 0o600)
	if rc, out := w.demo("apply"); rc != 5 || !strings.Contains(out, "/etc/subuid.lock") {
		t.Errorf("subuid.lock of a live process: exit %d, %s", rc, out)
	}
	w.write("/etc/subuid.lock", "4194305\x00", 0o600) // above any PID
	if rc, out := w.demo("apply"); rc != 0 {
		t.Errorf("stale subuid.lock: exit %d, %s", rc, out)
	}
}

// A signal takes the run back, and does so to the end.
func TestSignalRollsBack(t *testing.T) {
	w := newWorld(t, fast(t))
	before := w.dump(true)
	w.env = []string{"BULWARK_DEMO_FAIL=slow"}
	cmd := exec.Command(self(t))
	cmd.Env = w.environ("apply")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	w.must(err)
	w.must(cmd.Start())
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); err != nil || line != "waiting\n" {
		t.Fatalf("%q, %v", line, err)
	}
	w.must(cmd.Process.Signal(syscall.SIGTERM))
	rest, _ := r.ReadString('\n')
	_ = cmd.Wait()
	if rc := cmd.ProcessState.ExitCode(); rc != 3 || !strings.HasPrefix(rest, "rolled-back") {
		t.Errorf("exit %d, %s %s", rc, rest, errs.String())
	}
	if got := w.dump(true); got != before {
		t.Errorf("host:\n%s\nwant:\n%s", got, before)
	}
	if strings.Contains(w.read(stateDir+"/state.json"), "hold") {
		t.Error("an interrupted plan is held back")
	}
}
