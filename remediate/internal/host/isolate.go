package host

import (
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kept are the variables of the caller that bulwark itself reads: how it
// prints, and who called, for the history and for who is trusted with a policy.
var kept = []string{"NO_COLOR", "TERM", "TZ", "SSH_CONNECTION", "SUDO_UID", "SUDO_USER"}

// Isolate cuts this process off from what its caller left it besides arguments
// and standard streams. Variables that libraries read would lead it elsewhere:
// DBUS_SYSTEM_BUS_ADDRESS names another systemd, TMPDIR another place for saved
// plans, HTTP_PROXY a proxy, GODEBUG another resolver. An open descriptor of the
// caller's is no business of the programs that bulwark runs, and the caller's
// umask none of the files that they make.
func Isolate() error {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains(kept, name) {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	unix.Umask(0o022)
	return withholdDescriptors()
}

// withholdDescriptors marks all descriptors but the standard ones as not to be
// passed on. They stay open: some may be the Go runtime's own.
func withholdDescriptors() error {
	const first = 3
	err := unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil || !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) {
		return err
	}
	// Linux before 5.11, or a filter that does not know the call.
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range all {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
