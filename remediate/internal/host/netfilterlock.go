package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// rulesLock keeps two loads of rules apart: what runs at boot and after a
// flush does not take the transaction's lock. One would remove as stale the
// sets that the other has just made.
const rulesLock = "/run/bulwark-rules.lock"

// rulesWait bounds the wait for another load: on a machine that is slow to boot
// one was seen to take half a minute, and an undo must not fail for that.
const rulesWait = 2 * programTimeout

// LockRules waits until nobody else loads rules, and returns what ends that.
// The file stays: to unlink it would let a third one lock a new file.
func LockRules(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, rulesWait, errors.New("another run of bulwark is loading rules"))
	defer cancel()
	f, err := os.OpenFile(rulesLock, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the rules: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("cannot lock the rules: %w", err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("cannot lock the rules: %w", context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
}
