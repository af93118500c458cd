//go:build rig

package rig_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// Invariant 15: usermod, useradd and userdel work on the account files while
// apply and rollback do, and no line of either side is lost, none comes back.
func TestInvariant15Lines(t *testing.T) {
	skipInVM(t, "the locks are those of files, the same everywhere")
	if err := resetHost(); err != nil {
		t.Fatal(err)
	}
	h := makeWholeHost(t)
	resetAfter(t)
	h.sh("useradd ann; useradd bob; useradd cid; cp -a /etc/docker/daemon.json /root")
	l := &lines{sweepHost: h}
	l.behind()
	l.ahead()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { l.ranges(ctx) })
	wg.Go(func() { l.accounts(ctx) })
	rounds := 50
	if *points != 0 {
		rounds = max(2, *points/3)
	}
	for n := 0; n < rounds || n < rounds+moreRounds && !l.proves(); n++ {
		l.cycle()
	}
	stop()
	wg.Wait()
	l.check("the end", l.added, l.gone)
	if !l.proves() {
		t.Errorf("usermod came through %d times, userdel %d times: this proves little", len(l.added), len(l.gone))
	}
	t.Logf("%d applies, %d rollbacks and %d refusals because of an edit (exit 4), %d tries stale; %d lines added and %d accounts made and deleted meanwhile, none lost, none back",
		l.applies, l.rollbacks, l.edited, l.stale, len(l.added), len(l.gone))
}

// moreRounds is how many there may be more where the others have come through too
// seldom: on a busy machine a few cycles are soon over.
const moreRounds = 20

// proves reports whether the others have done enough meanwhile.
func (l *lines) proves() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.added) >= 2 && len(l.gone) >= 1
}

type lines struct {
	*sweepHost
	mu                                sync.Mutex
	added, gone                       []string
	applies, rollbacks, edited, stale int
}

// behind stops usermod when it has read /etc/subuid and is about to write it: an
// apply waits for its end.
func (l *lines) behind() {
	l.Helper()
	apply := make(chan ran, 1)
	r := l.watchAt(ptrace.Options{
		Argv: []string{"usermod", "--add-subuids", "200000000-200000009", "ann"}, N: 1,
		Match: func(c ptrace.Call) bool { return strings.HasPrefix(c.Name, "rename") && c.Paths[1] == "/etc/subuid" },
		Act: func(*ptrace.Stop) error {
			go func() { apply <- bulwark("apply", "--yes", "--policy", wholeFile, "--settle", "0s") }()
			return l.still(apply, "apply", "usermod")
		},
	})
	if got := <-apply; r.code != 0 || got.code != 0 {
		l.Errorf("usermod %d, apply %d\n%s", r.code, got.code, got.out)
	}
	l.ours("apply behind usermod", 1)
	l.subuids("apply behind usermod", "ann:200000000:10")
	l.rollback()
}

// ahead stops apply before it puts /etc/subuid in place: usermod waits.
func (l *lines) ahead() {
	l.Helper()
	other := make(chan ran, 1)
	r := l.watchAt(ptrace.Options{
		Argv: wholeApply, N: 1,
		Match: func(c ptrace.Call) bool { return c.Name == "renameat2" && c.Paths[1] == "/etc/subuid" },
		Act: func(*ptrace.Stop) error {
			go func() {
				out, err := exec.Command("usermod", "--add-subuids", "200000010-200000019", "bob").CombinedOutput()
				other <- ran{out: fmt.Sprint(string(out), err)}
			}()
			return l.still(other, "usermod", "apply")
		},
	})
	if got := <-other; r.code != 0 || got.out != "<nil>" {
		l.Errorf("apply %d\n%s\nusermod: %s", r.code, r.out, got.out)
	}
	l.ours("usermod behind apply", 1)
	l.subuids("usermod behind apply", "ann:200000000:10", "bob:200000010:10")
	l.byHand()
}

// still fails if who does not wait for whom.
func (l *lines) still(done chan ran, who, whom string) error {
	select {
	case r := <-done:
		done <- r
		l.Errorf("%s did not wait for %s", who, whom)
	case <-time.After(5 * time.Second):
	}
	return nil
}

// ranges adds ranges to the users in turn.
func (l *lines) ranges(ctx context.Context) {
	users, r := []string{"ann", "bob", "cid"}, dice(l.T)
	for n := 300000000; pause(ctx, r); n += 10 {
		user, ids := users[n/10%len(users)], fmt.Sprintf("%d-%d", n, n+9)
		// It fails when it cannot have a lock; then there is no line to keep.
		if exec.Command("usermod", "--add-subuids", ids, "--add-subgids", ids, user).Run() == nil {
			l.note(&l.added, fmt.Sprintf("%s:%d:10", user, n))
		}
	}
}

// accounts makes accounts and deletes them.
func (l *lines) accounts(ctx context.Context) {
	r := rand.New(rand.NewPCG(*seed, 15))
	for n := 0; pause(ctx, r); n++ {
		name := fmt.Sprintf("temp%d", n)
		if exec.Command("useradd", "-M", name).Run() != nil {
			continue
		}
		for exec.Command("userdel", name).Run() != nil {
			time.Sleep(50 * time.Millisecond)
		}
		l.note(&l.gone, name)
	}
}

// pause is often shorter than an apply and sometimes longer than one and its
// rollback, which is refused if an edit came in between.
func pause(ctx context.Context, r *rand.Rand) bool {
	d := time.Duration(r.IntN(1000)) * time.Millisecond
	if r.IntN(3) == 0 {
		d *= 8
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (l *lines) note(list *[]string, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, text)
}

// cycle applies and rolls back while others work. A rollback is refused where they
// came between it and the apply.
func (l *lines) cycle() {
	l.Helper()
	r := l.persist("apply", "--yes", "--policy", wholeFile, "--settle", "0s")
	if l.applies++; r.code != 0 {
		l.Errorf("apply: exit code %d\n%s", r.code, r.out)
	}
	l.ours("apply", 1)
	switch r = l.persist("rollback", "--yes", "--settle", "0s"); r.code {
	case 0:
		l.rollbacks++
		l.ours("rollback", 0)
	case 4:
		l.edited++
		l.ours("a refused rollback", 1)
		l.byHand()
	default:
		l.Errorf("rollback: exit code %d\n%s", r.code, r.out)
	}
	l.mu.Lock()
	added, gone := slices.Clone(l.added), slices.Clone(l.gone)
	l.mu.Unlock()
	l.check("a cycle", added, gone)
}

// persist tries again as a caller would, who was told that others were quicker.
func (l *lines) persist(argv ...string) ran {
	for range 20 {
		r := bulwark(argv...)
		if r.code != 6 {
			return r
		}
		l.stale++
	}
	return ran{6, "stale 20 times"}
}

// byHand does what a refused rollback leaves to a person, so that the next apply
// has accounts to edit again.
func (l *lines) byHand() {
	l.Helper()
	l.sh("cp -a /root/daemon.json /etc/docker/daemon.json; systemctl reset-failed docker; systemctl restart docker")
	for range 50 {
		if exec.Command("userdel", "dockremap").Run() == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	l.Fatal("userdel dockremap failed 50 times")
}

// ours fails unless each file has want lines of bulwark's own account.
func (l *lines) ours(what string, want int) {
	l.Helper()
	for _, file := range []string{"/etc/subuid", "/etc/subgid", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"} {
		data, err := os.ReadFile(file)
		l.must(err)
		if got := strings.Count("\n"+string(data), "\ndockremap:"); got != want {
			l.Errorf("after %s %s has %d lines of dockremap, want %d", what, file, got, want)
		}
	}
}

// subuids fails unless /etc/subuid has the lines.
func (l *lines) subuids(what string, want ...string) {
	l.Helper()
	data, err := os.ReadFile("/etc/subuid")
	l.must(err)
	for _, line := range want {
		if !slices.Contains(strings.Fields(string(data)), line) {
			l.Errorf("%s: /etc/subuid lost %s:\n%s", what, line, data)
		}
	}
}

// check fails if a line that was added is gone, or one that went is there.
func (l *lines) check(what string, added, gone []string) {
	l.Helper()
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		data, err := os.ReadFile(file)
		l.must(err)
		have := strings.Fields(string(data))
		for _, line := range added {
			if !slices.Contains(have, line) {
				l.Errorf("%s: %s lost %s", what, file, line)
			}
		}
	}
	for _, file := range []string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"} {
		data, err := os.ReadFile(file)
		l.must(err)
		for _, name := range gone {
			if strings.Contains("\n"+string(data), "\n"+name+":") {
				l.Errorf("%s: %s has %s again", what, file, name)
			}
		}
		for _, name := range []string{"ann", "bob", "cid"} {
			if !strings.Contains("\n"+string(data), "\n"+name+":") {
				l.Errorf("%s: %s lost %s", what, file, name)
			}
		}
	}
}
