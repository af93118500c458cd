//go:build rig

package rig_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Invariant 16: links, and directories that others may write, at each place
// where bulwark writes, and a racer that swaps files for links while it runs.
// Nothing is written through them or into them; where the place is refused, the
// message says which it is and the host is as before.
func TestInvariant16Links(t *testing.T) {
	h := newPlaces(t)
	for _, c := range linkCases {
		h.tries(c)
	}
	t.Logf("%d places; %s; %s", len(linkCases), h.raced("/etc/docker/daemon.json", victim+"/daemon.json"), h.raced("/etc/docker", victim))
}

// In the cases, V is the directory with what may not be touched, D is
// /etc/docker, U is /etc/systemd/system, S is /var/lib/bulwark.
var linkCases = []place{
	{"daemon", "mv $D/daemon.json $V/real; ln -s $V/real $D/daemon.json", "", true, 1, `/etc/docker/daemon.json is not a regular file \(symlink\)`},
	{"daemon", "mv $D/daemon.json $V/real; ln -s $V/none $D/daemon.json", "", true, 1, `/etc/docker/daemon.json is not a regular file \(symlink\)`},
	{"daemon", "ln $D/daemon.json $V/real", "", true, 1, `/etc/docker/daemon.json has 2 hard links`},
	{"daemon", "mv $D $V/docker; ln -s $V/docker $D", "rm $D; mv $V/docker $D", true, 1, `/etc/docker: it is a symbolic link`},
	{"daemon", "chown 1000 $D", "chown 0 $D", true, 1, `/etc/docker: the directory belongs to uid 1000`},
	{"daemon", "chmod 775 $D", "chmod 755 $D", true, 1, `/etc/docker: the directory has mode 0775`},
	{"daemon", "chmod 757 $D", "chmod 755 $D", true, 1, `/etc/docker: the directory has mode 0757`},
	{"seccomp", "ln -s $V $D/seccomp", "rm $D/seccomp", true, 1, `/etc/docker/seccomp: it is a symlink`},
	{"seccomp", "mkdir $D/seccomp; chown 1000 $D/seccomp", "rmdir $D/seccomp", true, 1, `/etc/docker/seccomp: others than root may write it`},
	{"seccomp", "mkdir $D/seccomp; ln -s $V/daemon.json $D/seccomp/$P", "rm -r $D/seccomp", true, 1, `/seccomp/bulwark-\w+.json: it is a symlink`},
	{"seccomp", "mkdir $D/seccomp; ln $V/daemon.json $D/seccomp/$P", "rm -r $D/seccomp", true, 1, `/seccomp/bulwark-\w+.json: it has 2 hard links`},
	{"userns", "cp -a /etc/subuid $V; rm /etc/subuid; ln -s $V/subuid /etc/subuid", "rm /etc/subuid", true, 1, `/etc/subuid: it is a symlink`},
	{"userns", "ln /etc/shadow $V/shadow", "rm $V/shadow", true, 1, `/etc/shadow: it has 2 hard links`},
	{"userns", "rm -f /etc/.pwd.lock; ln -s $V/daemon.json /etc/.pwd.lock", "rm /etc/.pwd.lock", false, 1, `/etc/.pwd.lock: too many levels of symbolic links`},
	{"userns", "chmod 775 /etc", "chmod 755 /etc", true, 1, `/etc: the directory has mode 0775`},
	{"egress", "ln -sf $V/daemon.json $U/bulwark-recover.service", "", false, 1, `/bulwark-recover.service: too many levels of symbolic links`},
	{"egress", "ln -f $V/daemon.json $U/bulwark-recover.service", "", false, 0, ``}, // its name is given to a new file
	{"egress", "ln -sf $V/daemon.json $S/egress.json", "rm $S/egress.json", true, 1, `/egress.json: it is a symbolic link`},
	{"egress", "ln -sf $V/daemon.json $S/lock", "rm $S/lock", false, 1, `/lock: it is a symbolic link`},
	{"egress", "rm $S/lock; ln $V/daemon.json $S/lock", "rm $S/lock", false, 1, `/lock: it has 2 hard links`},
	{"egress", "mv $S/txn $V; ln -s $V/txn $S/txn", "rm $S/txn; mv $V/txn $S", false, 1, `/txn: it is a symbolic link`},
	{"egress", "mv $S/bin $V; ln -s $V/bin $S/bin", "rm $S/bin; mv $V/bin $S", false, 1, `/bin: it is a symbolic link`},
	{"egress", "cp -a $S/state.json $V; ln -sf $V/state.json $S/state.json", "mv $V/state.json $S", false, 4, `/state.json is damaged: it is no regular file \(symlink\)`},
	{"egress", "ln -s $V/daemon.json $S/ACTIVE", "rm $S/ACTIVE", false, 4, `/ACTIVE is damaged: it is no regular file \(symlink\)`},
	{"egress", "ln -s $V/daemon.json $S/ACTIVE.tmp", "", false, 0, ``},
	{"egress", "mv $S $V; ln -s $V/bulwark $S", "rm $S; mv $V/bulwark $S", false, 1, `/var/lib/bulwark: it is a symbolic link`},
	{"egress", "chmod 770 $S", "chmod 700 $S", false, 1, `/var/lib/bulwark: the directory has mode 0770`},
	{"egress", "chown 1000 $S", "chown 0 $S", false, 1, `/var/lib/bulwark: the directory belongs to uid 1000`},
	{"egress", "ln -sf $V/daemon.json /run/bulwark-rules.lock", "rm /run/bulwark-rules.lock", false, 4, `/run/bulwark-rules.lock`},
}

// raced applies while path is swapped for a link to real and back.
func (h *places) raced(path, real string) string {
	h.Helper()
	link := path + ".link"
	h.shell("ln -s " + real + " " + link)
	var stop atomic.Bool
	swaps := make(chan int)
	go func() {
		n := 0
		for ; !stop.Load() || n%2 == 1; n++ {
			_ = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
			time.Sleep(time.Duration(n%7) * time.Millisecond)
		}
		swaps <- n
	}()
	codes := map[int]int{}
	for range max(3, *points/3) {
		r := bulwark("apply", "--yes", "--retry", "--policy", h.policy["daemon"])
		switch r.code { // or the next one would end there too, or find nothing to do
		case 0:
			_ = bulwark("rollback", "--yes")
		case 4:
			_ = bulwark("recover", "--keep")
		}
		if codes[r.code]++; !slices.Contains([]int{0, 1, 3, 4, 6}, r.code) {
			h.Errorf("%s: exit code %d\n%s", path, r.code, r.out)
		}
		h.untouched(path + " is swapped")
	}
	stop.Store(true)
	n := <-swaps
	h.shell("rm " + link)
	h.mendAfterRace()
	return fmt.Sprintf("%s swapped %d times, exit codes %v", path, n, codes)
}

// mendAfterRace: an edit that was in the way is let stand, for the racer's last
// word is a file of its own.
func (h *places) mendAfterRace() {
	h.Helper()
	if r := bulwark("recover", "--keep"); r.code != 0 {
		h.Fatalf("recover: exit code %d\n%s", r.code, r.out)
	}
	h.shell("rm -f /etc/docker/.daemon.json.*~")
	h.write("/etc/docker/daemon.json", wholeDaemonJSON)
	h.mustRun("systemctl", "reload", "docker")
}
