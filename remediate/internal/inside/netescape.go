package inside

import (
	"os"

	"golang.org/x/sys/unix"
)

// escape makes the calls by which one leaves a container, in a way that changes
// nothing if they are allowed: a namespace for this thread alone, its own
// namespace entered once more, and a mount onto a file that is not there. What
// they come to does not matter, only that the kernel is asked. Further arguments
// are there for the record of the command line.
func escape([]string) (any, error) {
	said := map[string]string{
		"unshare": words(unix.Unshare(unix.CLONE_NEWUTS)),
		"mount":   words(unix.Mount("none", "/bulwark-probe-nowhere", "tmpfs", 0, "")),
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
