package host

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAuditCause: the kernel's numbers in words, those of an unprivileged
// caller and of a container apart.
func TestAuditCause(t *testing.T) {
	denied := lockedOrContainer
	if os.Geteuid() != 0 {
		denied = "needs root"
	}
	for errno, want := range map[unix.Errno]string{
		unix.EPROTONOSUPPORT: "this kernel has no audit, or was booted with audit=0",
		unix.EPERM:           denied,
		unix.ECONNREFUSED:    "the kernel does not allow it in a container",
		unix.EEXIST:          "the kernel has it already",
		unix.ENOENT:          "the kernel says that something it names does not exist",
		unix.EINVAL:          "the kernel finds it invalid",
		unix.ENOBUFS:         "the kernel could not deliver all of them",
		unix.EIO:             "wrapped: input/output error",
	} {
		if got := auditCause(fmt.Errorf("wrapped: %w", errno), lockedOrContainer); got.Error() != want {
			t.Errorf("%d: %v", errno, got)
		}
	}
	if auditCause(nil, "") != nil {
		t.Error("success is an error")
	}
}
