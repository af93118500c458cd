package firewall_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/firewall"
	"github.com/bulwark-project/bulwark/remediate/internal/scratch"
)

// TestChildKeepsLock: the program that loads rules has the transaction's lock
// open, so that nobody else takes it while that program runs on without us.
func TestChildKeepsLock(t *testing.T) {
	scratch.Netns(t)
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	scratch.Shell(t, "mount --make-rprivate /; mount -t tmpfs none /run")
	lock, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	xtables, err := os.Create("/run/xtables.lock")
	if err != nil {
		t.Fatal(err)
	}
	defer xtables.Close()
	if err := unix.Flock(int(xtables.Fd()), unix.LOCK_EX); err != nil { // so that the child must wait
		t.Fatal(err)
	}
	seen := make(chan bool, 1)
	go func() {
		has := childHas(lock.Name(), time.Now().Add(5*time.Second))
		_ = unix.Flock(int(xtables.Fd()), unix.LOCK_UN)
		seen <- has // last: the test closes the file then
	}()
	if err := firewall.Load(context.Background(), backends[1].rules(1), lock); err != nil {
		t.Error(err)
	}
	if !<-seen {
		t.Error("ip6tables-legacy-restore did not get the lock")
	}
}

// childHas waits for a program that loads rules and has the file open.
func childHas(file string, deadline time.Time) bool {
	for ; time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		fds, _ := filepath.Glob("/proc/[0-9]*/fd/3")
		for _, fd := range fds {
			to, _ := os.Readlink(fd)
			argv, _ := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(fd)), "cmdline"))
			if to == file && strings.Contains(string(argv), "tables-legacy-restore") {
				return true
			}
		}
	}
	return false
}
