package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Systemd changes the state of units. Every call is bounded by its context:
// docker.service has TimeoutStartSec=0, so systemd itself waits for ever.
type Systemd struct{ conn *dbus.Conn }

// OpenSystemd connects to systemd.
func OpenSystemd(ctx context.Context) (*Systemd, error) {
	conn, err := dialSystemd(ctx)
	if err != nil {
		return nil, err
	}
	return &Systemd{conn}, nil
}

// Close drops the connection.
func (s *Systemd) Close() { s.conn.Close() }

// Unit reads a unit's properties.
func (s *Systemd) Unit(ctx context.Context, name string) (resource.Unit, error) {
	return readUnit(ctx, s.conn, name)
}

// A JobError is a systemd job that ended otherwise than "done".
type JobError struct{ Verb, Unit, Result string }

func (e *JobError) Error() string {
	return fmt.Sprintf("cannot %s %s: systemd says %q", e.Verb, e.Unit, e.Result)
}

type startJob func(ctx context.Context, name, mode string, ch chan<- string) (int, error)

func (s *Systemd) job(ctx context.Context, verb, unit string, start startJob) error {
	done := make(chan string, 1)
	if _, err := start(ctx, unit, "replace", done); err != nil {
		return fmt.Errorf("cannot %s %s: %w", verb, unit, err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return &JobError{verb, unit, result}
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cannot %s %s: %w", verb, unit, context.Cause(ctx))
	}
}

// Start, Stop and Restart run a job and wait for its end.
func (s *Systemd) Start(ctx context.Context, unit string) error {
	return s.job(ctx, "start", unit, s.conn.StartUnitContext)
}

// Stop stops a unit.
func (s *Systemd) Stop(ctx context.Context, unit string) error {
	return s.job(ctx, "stop", unit, s.conn.StopUnitContext)
}

// Restart stops and starts a unit.
func (s *Systemd) Restart(ctx context.Context, unit string) error {
	return s.job(ctx, "restart", unit, s.conn.RestartUnitContext)
}

// ResetFailed clears the failed state and the start counter: without it
// StartLimitBurst=3 per minute refuses the start that a rollback needs.
func (s *Systemd) ResetFailed(ctx context.Context, unit string) error {
	err := s.conn.ResetFailedUnitContext(ctx, unit)
	var de interface{ Error() string }
	if errors.As(err, &de) && strings.Contains(de.Error(), "not loaded") {
		return nil // nothing to reset on a unit that systemd does not hold
	}
	return err
}

// Signal sends a signal to the unit's main process.
func (s *Systemd) Signal(ctx context.Context, unit string, sig syscall.Signal) error {
	return s.conn.KillUnitWithTarget(ctx, unit, dbus.Main, int32(sig))
}

// Reload makes systemd read its unit files again.
func (s *Systemd) Reload(ctx context.Context) error { return s.conn.ReloadContext(ctx) }

// Enable makes the links of a unit's [Install] section.
func (s *Systemd) Enable(ctx context.Context, unit string) error {
	_, _, err := s.conn.EnableUnitFilesContext(ctx, []string{unit}, false, false)
	return err
}

// LastWords returns what a unit logged between two instants (a zero until is
// now), newest last, at most n lines. The journal is read by journalctl: libsystemd needs cgo.
func LastWords(ctx context.Context, unit string, since, until time.Time, n int) []string {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	argv := []string{
		"journalctl", "--no-pager", "--quiet", "--output=cat", "--unit=" + unit,
		fmt.Sprintf("--since=@%d", since.Unix()), fmt.Sprintf("--lines=%d", n),
	}
	if !until.IsZero() {
		argv = append(argv, fmt.Sprintf("--until=@%d.%06d", until.Unix(), until.Nanosecond()/1000))
	}
	out, err := command(ctx, argv).Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	said := strings.TrimSpace(string(out))
	if said == "" {
		return nil
	}
	return strings.Split(said, "\n")
}
