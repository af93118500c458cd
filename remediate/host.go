// Package remediate is the facade of bulwark's engine: it observes a host,
// plans, applies, rolls back and recovers. Commands see nothing below it.
package remediate

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
)

// DefaultDockerHost is where dockerd listens on every packaged host.
const DefaultDockerHost = host.DefaultDockerHost

// StateDir is where the journal, backups and state live, below the root.
const StateDir = "/var/lib/bulwark"

// A Host is one machine, or the image of one below a directory.
type Host struct {
	// Tool is the version of bulwark, for records.
	Tool string
	// Root is "/" or the image's directory.
	Root       string
	dockerHost string
	root       *fsys.Root
	reader     *host.Reader
}

// Open opens the host whose files are below root ("" means "/"). dockerHost
// is where the daemon listens, "" for the default socket.
func Open(tool, root, dockerHost string) (*Host, error) {
	if root == "" {
		root = "/"
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("cannot open --root: %w", err)
	}
	files, err := fsys.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("cannot open --root %s: %w", root, err)
	}
	return &Host{
		Tool: tool, Root: root, dockerHost: dockerHost,
		root: files, reader: host.NewReader(root, files, dockerHost),
	}, nil
}

// Close releases the root.
func (h *Host) Close() error { return h.root.Close() }

// Live reports whether the host is the running one, not an image.
func (h *Host) Live() bool { return h.reader.Live() }

// Permitted says why this user may not change the host, before anything is
// shown or asked.
func (h *Host) Permitted() error {
	if os.Geteuid() != 0 {
		return errNeedsRoot
	}
	return nil
}
