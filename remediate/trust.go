package remediate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
)

// Errors about what others than root can write; each has a Remedy.
type (
	// UntrustedError is about a file that root was to obey or to run.
	UntrustedError = fsys.UntrustedError
	// UnsafeError is about a place in which root was to write.
	UnsafeError = fsys.UnsafeError
)

// Isolate cuts the process off from its caller's environment, umask and
// descriptors. It is called first thing in a program.
func Isolate() error { return host.Isolate() }

// CheckTrust returns an *UntrustedError if root, who calls, was to obey a file
// that others can write or replace: a policy says what root does. Who has called
// sudo is trusted too, for he could have made root do it without the file. Other
// users have no rights to lend.
func CheckTrust(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return fsys.CheckOwned(path, caller()...)
}

// caller is the user who called sudo(8); the variable is believed as the
// arguments are, for both come from the one who runs this as root.
func caller() []uint32 {
	uid, err := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32)
	if err != nil {
		return nil
	}
	return []uint32{uint32(uid)}
}

// CheckProgram is CheckTrust of this very program: whoever can replace it is
// root at its next run, and for good once it was copied for the boot. One that
// was removed since it started can be replaced by nobody.
func CheckProgram() error {
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot tell where this program lies: %w", err)
	}
	err = CheckTrust(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
