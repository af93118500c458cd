// Package scratch gives tests a network namespace of their own, so that the real
// kernel and the real tools can be asked without touching this machine.
package scratch

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// The main thread stays with the goroutine that runs the tests: one that ends on a
// thread in namespaces of its own takes that thread with it, and the main one
// cannot end. /proc/self would be in that namespace for the tests that follow.
func init() { runtime.LockOSThread() }

// Missing skips a test for want of something, or fails it where nothing may be
// wanting: BULWARK_REQUIRE_ROOT is set.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("BULWARK_REQUIRE_ROOT") != "" {
		t.Fatalf("needs %s", what)
	}
	t.Skipf("needs %s", what)
}

// Netns puts the test into a network namespace, which ends with it: its goroutine
// stays locked to its thread.
func Netns(t testing.TB) { t.Helper(); enter(t, unix.CLONE_NEWNET) }

// Sysfs is Netns with a /sys that shows its links, too.
func Sysfs(t testing.TB) {
	t.Helper()
	enter(t, unix.CLONE_NEWNET|unix.CLONE_NEWNS)
	Shell(t, "mount --make-rprivate /; mount -t sysfs none /sys")
}

func enter(t testing.TB, namespaces int) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "root, for a network namespace")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(namespaces); err != nil {
		t.Fatal(err)
	}
}

// Shell runs a script there and returns what it prints.
func Shell(t testing.TB, script string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}
