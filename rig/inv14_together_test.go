//go:build rig

package rig_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Invariant 14: of applies at once exactly one changes the host; the others find
// the lock held (exit 5), or come when all is done and have nothing to do. A
// killed apply whose child still loads rules holds the lock until the child ends.
func TestInvariant14Together(t *testing.T) {
	skipInVM(t, "many processes at once on an emulated CPU take minutes")
	h := borrowWholeHost(t)
	a := &together{sweepHost: h}
	a.round(20)
	rounds := 50
	if *points != 0 {
		rounds = max(2, *points/2)
	}
	for range rounds {
		a.round(2)
	}
	a.orphan()
	t.Logf("%d applies at once in %d rounds: one of each round changed the host, %d found the lock held, %d found nothing to do; lock held by the child of a killed apply for %s",
		a.runs, rounds+1, a.busy, a.idle, a.held.Round(time.Millisecond))
}

type together struct {
	*sweepHost
	runs, busy, idle int
	held             time.Duration
}

// round starts n applies at once and rolls back what the one did.
func (a *together) round(n int) {
	a.Helper()
	serial, results := a.serial(), make([]ran, n)
	r := dice(a.T)
	var wg sync.WaitGroup
	for i := range results {
		wait, pause := "0s", time.Duration(r.IntN(300))*time.Millisecond
		if i%4 == 1 {
			wait = "120s" // these queue up and come one after another
		}
		wg.Go(func() {
			time.Sleep(pause)
			results[i] = bulwark("apply", "--yes", "--policy", wholeFile, "--settle", "0s", "--lock-timeout", wait)
		})
	}
	wg.Wait()
	changed := 0
	for _, r := range results {
		a.runs++
		switch {
		case r.code == 0 && strings.Contains(r.out, "done: transaction"):
			changed++
		case r.code == 0 && strings.Contains(r.out, "no changes"):
			a.idle++
		case r.code == 5 && strings.Contains(r.out, "hint: wait for it with --lock-timeout"):
			a.busy++
		default:
			a.Errorf("exit code %d:\n%s", r.code, r.out)
		}
	}
	if changed != 1 || a.serial() != serial+1 {
		a.Errorf("%d of %d runs changed the host, want 1; serial %d, now %d", changed, n, serial, a.serial())
	}
	if end := a.judge(fmt.Sprintf("%d applies at once", n)); end != "after" {
		a.Errorf("%d applies at once: the host is as %s", n, end)
	}
	a.rollback()
	a.judge("rollback")
}

// slowLoad is put before iptables-restore: in the host's network, not in that of
// the validation, it tells that it is there and takes its time.
const slowLoad = `#!/bin/sh
if [ "$(readlink /proc/self/ns/net)" = "$(readlink /proc/1/ns/net)" ]; then
	echo $PPID >/run/rig-loads.new && mv /run/rig-loads.new /run/rig-loads
	sleep 2
	date +%s%N >/run/rig-loaded
fi
exec /usr/sbin/iptables-nft-restore "$@"
`

// orphan kills apply while its child loads rules. Until the child has ended nobody
// gets the lock; then recovery does, and takes back what the child did.
func (a *together) orphan() {
	a.Helper()
	const wrapper = "/usr/local/sbin/iptables-nft-restore"
	a.must(os.WriteFile(wrapper, []byte(slowLoad), 0o755))
	defer os.Remove(wrapper)
	defer a.sh("rm -f /run/rig-load*")
	apply := exec.Command(wholeApply[0], wholeApply[1:]...)
	a.must(apply.Start())
	a.waitFor("the load", func() bool { return exists("/run/rig-loads") })
	a.must(apply.Process.Signal(syscall.SIGKILL))
	_ = apply.Wait()
	killed := time.Now()
	for _, argv := range [][]string{{"recover"}, {"apply", "--yes", "--policy", wholeFile}, {"rollback", "--yes"}} {
		if r := bulwark(argv...); r.code != 5 {
			a.Errorf("%v while the child of a killed apply loads rules: exit code %d\n%s", argv, r.code, r.out)
		}
	}
	if exists("/run/rig-loaded") {
		a.Error("the child was too quick: this proves nothing")
	}
	if r := bulwark("recover", "--lock-timeout", "60s"); r.code != 0 || !strings.Contains(r.out, "rolled-back") {
		a.Errorf("recover after the child: exit code %d\n%s", r.code, r.out)
	}
	if a.held = time.Since(killed); !exists("/run/rig-loaded") {
		a.Error("recover did not wait for the child")
	}
	if end := a.judge("the child of a killed apply"); end != "before" {
		a.Errorf("after the recovery the host is as %s", end)
	}
}

func (h *sweepHost) waitFor(what string, done func() bool) {
	h.Helper()
	for start := time.Now(); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > 60*time.Second {
			h.Fatalf("waited a minute for %s", what)
		}
	}
}
