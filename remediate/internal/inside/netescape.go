package inside

import (
	"os"

	"golang.org/x/sys/unix"
)

// escape makes the calls by which one leaves a container, in a way that changes
// nothing if they are allowed: a namespace for this thread alone, its own
// namespace entered once more, and a mount onto a file that is not there. What
// they come to does not matter, only that the kernel is asked. The argument is the
// name of that file, by which the record of the mount is known again: that of the
// command line may be another's, for the kernel keeps the first that it has of a
// task (audit_log_proctitle of kernel/auditsc.c), and here that is runc's.
func escape(args []string) (any, error) {
	nowhere := "/bulwark-probe-nowhere"
	if len(args) > 0 {
		nowhere = "/" + args[0]
	}
	said := map[string]string{
		"unshare": words(unix.Unshare(unix.CLONE_NEWUTS)),
		"mount":   words(unix.Mount("none", nowhere, "tmpfs", 0, "")),
		"setns":   words(enterOwn()),
	}
	return said, nil
}

func enterOwn() error {
	f, err := os.Open("/proc/self/ns/uts")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWUTS)
}
