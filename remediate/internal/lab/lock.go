package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrBusy says that another run is at work.
var ErrBusy = errors.New("another bulwark prove is at work on this host")

// A Reservation keeps other labs away until it is closed, or the lab that it was
// given to.
type Reservation struct{ lock *os.File }

// Close gives it back. It may be called twice.
func (r *Reservation) Close() { _ = r.lock.Close() }

// Reserve says early whether a lab could be opened: it refuses where probes would
// do harm, and with ErrBusy when another run is still at work after so long.
func Reserve(ctx context.Context, o Options, wait time.Duration) (*Reservation, error) {
	return reserve(ctx, o, wait, under("/run"))
}

// busyTick is how often a lock is tried.
const busyTick = 100 * time.Millisecond

func reserve(ctx context.Context, o Options, wait time.Duration, at places) (*Reservation, error) {
	if err := harmless(o); err != nil {
		return nil, err
	}
	for end := time.Now().Add(wait); ; {
		lock, err := takeLock(at.lock)
		if err == nil {
			return &Reservation{lock}, nil
		}
		if !errors.Is(err, ErrBusy) || time.Now().After(end) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(busyTick):
		}
	}
}

// takeLock takes the lock of labs, which the kernel frees when the process ends.
// The file is never removed: another run could otherwise lock a new file of the
// same name.
func takeLock(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrBusy
	} else if err != nil {
		err = fmt.Errorf("cannot lock %s: %w", path, err)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
