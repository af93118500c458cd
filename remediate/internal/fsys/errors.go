package fsys

import (
	"fmt"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// An UnsafeError says why a path must not be written: a link, a foreign owner
// of a parent, an immutable file, a mount point.
type UnsafeError struct {
	Path string
	Why  string
	// Remedy is a command, "" if there is none that is safe to name.
	Remedy string
}

func (e *UnsafeError) Error() string { return fmt.Sprintf("cannot write %s: %s", e.Path, e.Why) }

// A ChangedError says that a file was not what the caller expected at the
// moment of the rename. The file is as it was found.
type ChangedError struct {
	Path string
	// What is the first difference, in words.
	What string
	Now  resource.Fingerprint
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("cannot replace %s: somebody changed it meanwhile (%s)", e.Path, e.What)
}
