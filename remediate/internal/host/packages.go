package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// installTimeout bounds an installation: it may load from a slow archive and
// wait for another package manager's lock.
const installTimeout = 15 * time.Minute

// Install installs packages with apt-get or dnf. Whoever is impatient does not
// end it: a package manager that is killed leaves packages unpacked that are not
// configured, and its next run refuses to work. lock, which may be nil, is
// handed to the child; apt and rpm keep it from the daemons that they start.
func Install(ctx context.Context, installer string, packages []string, lock *os.File) error {
	argv, err := installCommand(installer, packages)
	if err != nil {
		return err
	}
	r := prepare(context.WithoutCancel(ctx), installTimeout, argv, nil, lock)
	r.cmd.Env = append(r.cmd.Env, "DEBIAN_FRONTEND=noninteractive")
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // away from the terminal's Ctrl-C
	r.cmd.Cancel = func() error { return r.cmd.Process.Signal(unix.SIGTERM) }
	r.cmd.WaitDelay = time.Minute
	r.start()
	if _, err := r.wait(); err != nil {
		return fmt.Errorf("cannot install %s: %w", strings.Join(packages, ", "), installError(argv, err))
	}
	return ctx.Err()
}

func installCommand(installer string, packages []string) ([]string, error) {
	path := program(installer)
	if path == "" {
		return nil, fmt.Errorf("cannot install %s: there is no %s", strings.Join(packages, ", "), installer)
	}
	switch installer {
	case "apt-get":
		return append([]string{
			path, "install", "-y", "--no-install-recommends",
			"-o", "DPkg::Lock::Timeout=120",
			// An answer to the question about a changed configuration file.
			"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
		}, packages...), nil
	case "dnf":
		return append([]string{path, "install", "-y"}, packages...), nil
	}
	return nil, fmt.Errorf("cannot install %s: bulwark does not know the package manager %s", strings.Join(packages, ", "), installer)
}

// errorTail is how many bytes are shown of what an installer says in the end.
const errorTail = 500

func installError(argv []string, err error) error {
	var p *ProgramError
	if !errors.As(err, &p) {
		return err
	}
	said := p.Stderr
	if len(said) > errorTail {
		said = "..." + said[len(said)-errorTail:]
	}
	return fmt.Errorf("%s ended with status %d: %s", strings.Join(argv, " "), p.Code, said)
}
