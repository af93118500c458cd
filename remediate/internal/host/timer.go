package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// A Timer is to run a program once, when some time is over, whatever becomes of
// the process that set it. It does not outlive the boot.
type Timer struct {
	Name  string // of the units, without suffix
	About string // Description of the units
	After time.Duration
	Argv  []string
}

// again are further times at which the program is run: systemd that is reading
// its units anew at the very moment (systemctl daemon-reload) takes a timer that
// is over for one that has run, and never runs it.
var again = []time.Duration{0, 15 * time.Second, 2 * time.Minute, 15 * time.Minute, time.Hour}

// accuracy is how late a timer may be; the default is a minute (systemd.timer(5)).
const accuracy = 100 * time.Millisecond

// StartTimer sets t and makes sure that it runs. It counts from the start of
// systemd: OnActiveSec begins anew with each daemon-reload (252, measured).
func (s *Systemd) StartTimer(ctx context.Context, t Timer) error {
	now, err := s.sinceStart()
	if err != nil {
		return fmt.Errorf("cannot set the timer %s: %w", t.Name, err)
	}
	timer := []dbus.Property{
		dbus.PropDescription(t.About),
		property("TimersMonotonic", elapses(now+t.After)),
		property("AccuracyUSec", usec(accuracy)),
		property("RemainAfterElapse", false),
	}
	service := []dbus.Property{
		dbus.PropDescription(t.About),
		dbus.PropType("oneshot"),
		dbus.PropExecStart(t.Argv, false),
	}
	aux := []dbus.PropertyCollection{{Name: t.Name + ".service", Properties: service}}
	start := func(ctx context.Context, name, mode string, done chan<- string) (int, error) {
		return s.conn.StartTransientUnitAux(ctx, name, mode, timer, aux, done)
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := s.job(ctx, "start", t.Name+".timer", start); err != nil {
		return err
	}
	return s.checkTimer(ctx, t.Name)
}

// checkTimer trusts no answer but what systemd says of the units afterwards.
func (s *Systemd) checkTimer(ctx context.Context, name string) error {
	timer, err := s.Unit(ctx, name+".timer")
	if err != nil {
		return err
	}
	service, err := s.Unit(ctx, name+".service")
	if err != nil {
		return err
	}
	if timer.ActiveState != "active" || service.LoadState != "loaded" {
		return fmt.Errorf("cannot set the timer %s: systemd says that it is %s, and its service %s", name, timer.ActiveState, service.LoadState)
	}
	return nil
}

// StopTimer removes a timer. What it has started runs on. One that is not there
// is no error.
func (s *Systemd) StopTimer(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	err := s.Stop(ctx, name+".timer")
	var de godbus.Error
	if errors.As(err, &de) && de.Name == "org.freedesktop.systemd1.NoSuchUnit" {
		return nil
	}
	return err
}

// elapse is one line of a timer unit, type (st).
type elapse struct {
	Base string
	USec uint64
}

func elapses(at time.Duration) []elapse {
	var all []elapse
	for _, later := range again {
		all = append(all, elapse{"OnStartupSec", usec(at + later)})
	}
	return all
}

// usec rounds up to milliseconds: systemd writes no more to the unit file, which
// it reads again at a daemon-reload, and a timer must not be too early.
func usec(d time.Duration) uint64 {
	return uint64((d+time.Millisecond-1)/time.Millisecond) * 1000
}

func property(name string, value any) dbus.Property {
	return dbus.Property{Name: name, Value: godbus.MakeVariant(value)}
}

// sinceStart is how long systemd runs, by the clock of its timers, which stands
// still while the machine is suspended.
func (s *Systemd) sinceStart() (time.Duration, error) {
	text, err := s.conn.GetManagerProperty("UserspaceTimestampMonotonic")
	if err != nil {
		return 0, fmt.Errorf("cannot ask systemd when it started: %w", err)
	}
	var started uint64
	if _, err := fmt.Sscanf(text, "@t %d", &started); err != nil {
		return 0, fmt.Errorf("cannot read when systemd started: %q", text)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, fmt.Errorf("cannot read the clock: %w", err)
	}
	return time.Duration(now.Nano()) - time.Duration(started)*time.Microsecond, nil
}

// Uptime is the time since boot, with the time in which the machine was suspended.
func Uptime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // fails for unknown clocks only
	return time.Duration(ts.Nano())
}

// Detach starts a program that outlives this process, its terminal and its
// session, for hosts without systemd. End stops it.
func Detach(argv []string) (*Detached, error) {
	cmd := command(context.Background(), argv)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", argv[0], err)
	}
	return &Detached{cmd}, nil
}

// Detached is a program that Detach started.
type Detached struct{ cmd *exec.Cmd }

// PID is its process id.
func (d *Detached) PID() int { return d.cmd.Process.Pid }

// End kills it.
func (d *Detached) End() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
}
