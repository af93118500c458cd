package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// ValidateConfig runs dockerd --validate over a candidate daemon.json with
// the flags of the next start. The candidate is handed over as an inherited
// memory file: nothing is left on disk if we are killed. The caller must have
// removed userns-remap from candidate and flags: with the value "default"
// dockerd 26.0 and newer create the account while validating
// (moby cmd/dockerd/daemon.go, loadDaemonCliConfig).
func ValidateConfig(ctx context.Context, dockerd string, flags []string, candidate []byte) error {
	f, err := memFile(candidate)
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	argv := append([]string{dockerd}, flags...)
	cmd := command(ctx, append(argv, "--config-file=/proc/self/fd/3", "--validate"))
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return fmt.Errorf("dockerd refuses the new daemon.json: %s", strings.TrimSpace(string(out)))
	}
	return fmt.Errorf("cannot run dockerd --validate: %w", err)
}

func memFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("daemon.json", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot create a memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), "daemon.json")
	if _, err := f.WriteAt(content, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot fill a memory file: %w", err)
	}
	return f, nil
}
