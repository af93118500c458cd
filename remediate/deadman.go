package remediate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// Bounds of ApplyOptions.ConfirmWithin.
const (
	MinConfirm = 10 * time.Second
	MaxConfirm = 24 * time.Hour
)

// dueLock is how long the dead man waits for a run that holds the lock: it may
// be the apply that set him.
const dueLock = 10 * time.Minute

// A deadMan takes a transaction back that nobody confirms. He is set before the
// first change, for an apply that dies; and again when it begins to wait, for
// the whole window.
type deadMan struct {
	host   *Host
	window time.Duration
	// early is the process that stands in for the first timer where there is
	// no systemd.
	early *host.Detached
	armed bool
	notes []string
}

// guard has spec taken back if nobody confirms it; it does nothing if spec does
// not ask to be confirmed.
func (r *run) guard(spec *txn.Spec) {
	if spec.AwaitConfirm == 0 {
		return
	}
	r.dead = &deadMan{host: r.host, window: spec.AwaitConfirm}
	spec.Arm = func(ctx context.Context, id string) error {
		if err := r.dead.arm(ctx, id); err != nil {
			return fmt.Errorf("cannot see to it that the change is rolled back if nobody confirms it: %w", err)
		}
		return nil
	}
}

// standDown removes the timers of a transaction that is over.
func (r *run) standDown(ctx context.Context, spec txn.Spec, t *txn.Result) {
	if spec.AwaitConfirm == 0 || t.Outcome == txn.Unchanged {
		return
	}
	if id, err := r.txn.Active(); err == nil && id == "" {
		r.host.disarm(ctx, t.ID)
	}
}

// checkConfirm refuses a time to confirm that cannot be kept.
func (h *Host) checkConfirm(within time.Duration) error {
	switch {
	case within == 0:
		return nil
	case !h.Live():
		return errors.New("cannot wait for a confirmation of changes to an image: nothing runs there that would roll them back")
	case within < MinConfirm || within > MaxConfirm:
		return fmt.Errorf("cannot wait %s for a confirmation: from %s to %s is possible", within, MinConfirm, MaxConfirm)
	}
	return nil
}

func (d *deadMan) arm(ctx context.Context, id string) error {
	names := timers(id)
	first := !d.armed
	d.armed = true
	sd, err := host.OpenSystemd(ctx)
	if errors.Is(err, host.ErrNoSystemd) {
		return d.detach(id, first)
	}
	if err != nil {
		return err
	}
	defer sd.Close()
	t := host.Timer{Name: names[0], After: d.window, Argv: d.host.dueCommand(id), About: "Roll back bulwark's transaction " + id + " unless it is confirmed"}
	if first {
		t.Name = names[1]
		return sd.StartTimer(ctx, t)
	}
	if err := sd.StartTimer(ctx, t); err != nil {
		return err
	}
	// One that is left fires too early, finds that it is not due, and goes.
	_ = sd.StopTimer(ctx, names[1])
	return nil
}

// detach stands in for a timer.
func (d *deadMan) detach(id string, first bool) error {
	if first {
		if err := d.host.copyProgram(); err != nil {
			return err
		}
	}
	p, err := host.Detach(append(d.host.dueCommand(id), "--after", d.window.String()))
	if err != nil {
		return err
	}
	if first {
		d.early = p
		return nil
	}
	if d.early != nil {
		d.early.End()
	}
	d.notes = []string{fmt.Sprintf("systemd does not run here: process %d rolls back if nobody confirms, unless it is ended before; then, and after a reboot, the next run of bulwark does", p.PID())}
	return nil
}

// dueCommand is run by the dead man, from the copy of this program: the one
// that was called may be gone by then.
func (h *Host) dueCommand(id string) []string {
	argv := []string{StateDir + "/" + binDir + "/" + binName, "recover", "--due", id, "--lock-timeout", dueLock.String()}
	if h.dockerHost != "" {
		argv = append(argv, "--docker-host", h.dockerHost)
	}
	return argv
}

// timers are the names of the units of a transaction: while it waits, and while
// it is made.
func timers(id string) [2]string {
	name := "bulwark-deadman-" + id
	return [2]string{name, name + "-apply"}
}

// disarm removes the timers of a transaction that is closed. It comes after the
// end is on disk: a timer that fires in between finds nothing to do, and so does
// one that cannot be removed.
func (h *Host) disarm(ctx context.Context, id string) {
	ctx = context.WithoutCancel(ctx)
	_ = h.withSystemd(ctx, func(sd *host.Systemd) error {
		for _, name := range timers(id) {
			_ = sd.StopTimer(ctx, name)
		}
		return nil
	})
}

// sleep waits until d has gone by since start, by a clock that counts also
// while the machine is suspended.
func sleep(ctx context.Context, start, d time.Duration) error {
	const step = 5 * time.Second
	for {
		left := start + d - host.Uptime()
		if left <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(left, step)):
		}
	}
}
