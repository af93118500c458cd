//go:build rig

package rig_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Disks that are full, out of inodes or read-only, chattr(1) and mounts: plan
// tells what it can see, apply ends with nothing changed and nothing left, and
// the message names the path.
func TestFaultsOfPlaces(t *testing.T) {
	h := newPlaces(t)
	for _, c := range faultCases {
		h.tries(c)
	}
	t.Logf("%d places", len(faultCases))
}

// See linkCases for the letters. small MOUNTPOINT OPTIONS puts what is there
// onto a small file system; full and crowded leave it no bytes, no inodes.
const placeTools = `
small() {
	mkdir -p /run/small && mount -t tmpfs -o "mode=$(stat -c %a $1),$2" tmpfs /run/small
	cp -a $1/. /run/small
	mount --bind /run/small $1 && umount -l /run/small
}
full() { head -c 64M /dev/zero >$1/filler 2>/dev/null || true; }
crowded() { for i in $(seq 5000); do : >$1/filler$i || break; done 2>/dev/null; }
readonly() { mount --bind $1 $1 && mount -o remount,ro,bind $1; }
`

var faultCases = []place{
	{"daemon", "chattr +i $D/daemon.json", "chattr -i $D/daemon.json", true, 1, `/etc/docker/daemon.json cannot be replaced: it is immutable`},
	{"daemon", "chattr +a $D/daemon.json", "chattr -a $D/daemon.json", true, 1, `/etc/docker/daemon.json cannot be replaced: it is immutable or append-only`},
	{"daemon", "chattr +i $D", "chattr -i $D", true, 1, `/etc/docker/daemon.json cannot be replaced: its directory is locked with chattr \+i`},
	{"daemon", "chattr +a $D", "chattr -a $D", true, 1, `/etc/docker: the directory is locked with chattr \+a`},
	{"seccomp", "chattr +a $D", "chattr -a $D", true, 1, `/etc/docker: the directory is locked with chattr \+a`},
	{"userns", "chattr +i /etc/subuid", "chattr -i /etc/subuid", true, 1, `/etc/subuid: it is locked by chattr`},
	{"userns", "chattr +i /etc", "chattr -i /etc", true, 1, `/etc/\w+: its directory is locked with chattr \+i`},
	{"userns", "chattr +a /etc", "chattr -a /etc", true, 1, `/etc: the directory is locked with chattr \+a`},
	{"egress", "chattr +a $S", "chattr -a $S", true, 1, `/var/lib/bulwark: the directory is locked with chattr \+a`},
	{"egress", "chattr +i $S", "chattr -i $S", true, 1, `/var/lib/bulwark/egress.json: its directory is locked with chattr \+i`},
	{"egress", "rm $U/bulwark-recover.service; chattr +a $U", "chattr -a $U", false, 1, `/etc/systemd/system: the directory is locked with chattr \+a`},

	{"daemon", "cp $D/daemon.json $V/real; mount --bind $V/real $D/daemon.json", "umount $D/daemon.json", true, 1, `/etc/docker/daemon.json cannot be replaced: a file is mounted over it`},
	{"userns", "cp /etc/passwd $V/real; mount --bind $V/real /etc/passwd", "umount /etc/passwd", true, 1, `/etc/passwd: a file is mounted over it`},
	{"daemon", "readonly $D", "umount $D", true, 1, `/etc/docker/daemon.json cannot be replaced: its file system is mounted read-only`},
	{"daemon", "readonly /etc", "umount /etc", true, 1, `/etc/docker/daemon.json cannot be replaced: its file system is mounted read-only`},
	{"userns", "readonly /etc", "umount /etc", true, 1, `/etc/\w+: its file system is mounted read-only`},
	{"seccomp", "mkdir $D/seccomp; readonly $D/seccomp", "umount $D/seccomp; rmdir $D/seccomp", true, 1, `/etc/docker/seccomp/\S+: its file system is mounted read-only`},
	{"egress", "rm $U/bulwark-recover.service; readonly $U", "umount $U", false, 1, `/etc/systemd/system/.bulwark-recover.service.install.new~: read-only file system`},
	{"daemon", "readonly $S", "umount $S", false, 1, `/var/lib/bulwark/\S+: read-only file system`},
	{"egress", "readonly $S", "umount $S", true, 1, `/var/lib/bulwark/egress.json: its file system is mounted read-only`},

	{"daemon", "small $D size=64k; full $D", "umount $D", false, 1, `the file system of /etc/docker has 0 bytes free, \d+ are needed`},
	{"daemon", "small $D nr_inodes=40; crowded $D", "umount $D", false, 1, `the file system of /etc/docker has no inodes left`},
	{"userns", "small /etc size=16m; full /etc", "umount -l /etc", false, 1, `the file system of /etc has 0 bytes free, \d+ are needed`},
	{"userns", "small /etc nr_inodes=4k; crowded /etc", "umount -l /etc", false, 1, `the file system of /etc has no inodes left`},
	{"daemon", "small $S size=64m; full $S", "umount $S", false, 1, `the file system of /var/lib/bulwark has 0 bytes free, \d+ are needed`},
	{"egress", "small $S nr_inodes=1k; crowded $S", "umount $S", false, 1, `the file system of /var/lib/bulwark has no inodes left`},
	{"daemon", "small $S size=64m; rm -r $S/bin; full $S; truncate -s -1M $S/filler", "umount $S", false, 1, `/var/lib/bulwark/bin/.bulwark.install.new~: no space left on device`},
}

// The SELinux label, set by hand since no kernel here has a policy, is that of
// the file it replaces, and the old one's after a rollback.
func TestFaultsLabelKept(t *testing.T) {
	h := newPlaces(t)
	files := []string{"/etc/docker/daemon.json", "/etc/shadow", "/etc/subuid"}
	for _, path := range files {
		label := "system_u:object_r:" + strings.ReplaceAll(path[1:], "/", "_") + "_t:s0\x00"
		if err := unix.Setxattr(path, "security.selinux", []byte(label), 0); err != nil {
			t.Fatal(err)
		}
	}
	h.before = h.dump(true)
	h.mustRun(wholeApply...)
	for _, path := range files {
		want := make([]byte, 256)
		n, err := unix.Getxattr(path, "security.selinux", want)
		if err != nil || !strings.Contains(string(want[:n]), strings.ReplaceAll(path[1:], "/", "_")) {
			t.Errorf("the label of %s after apply: %q, %v", path, want[:n], err)
		}
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "swept") && !strings.Contains(string(text), "dockremap") {
			t.Errorf("%s was not written: %v", path, err)
		}
	}
	h.rollback()
	if end := h.judge("rollback"); end != "before" {
		t.Errorf("the host is %s", end)
	}
}
