package host

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Scratch runs f in a network namespace of its own, which ends with it: rules
// that are loaded there touch nobody. f must do all in the goroutine that it
// is called in, and start programs from there.
func Scratch(f func() error) error { return onThread(func() error { return apart(f) }) }

func apart(f func() error) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("cannot make a network namespace: %w", err)
	}
	return f()
}

// onThread runs f on a thread that ends with it, and with it whatever
// namespace f has moved it to.
func onThread(f func() error) error {
	if os.Geteuid() != 0 {
		return errNeedsRoot
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		if unix.Gettid() != unix.Getpid() {
			done <- f()
			return
		}
		// The main thread cannot end, and /proc/self is its namespace.
		done <- onThread(f)
		runtime.UnlockOSThread()
	}()
	return <-done
}

// A Netns is a network namespace without a name. It lives while it is open or
// a socket in it is, so that it ends with this process however that ends; what
// is in it, the far ends of its links too, goes with it.
type Netns struct{ file *os.File }

// NewNetns makes a network namespace with nothing in it.
func NewNetns() (*Netns, error) {
	n := &Netns{}
	err := onThread(func() error {
		return apart(func() (err error) {
			n.file, err = os.Open("/proc/thread-self/ns/net")
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Do runs f inside. f must do all in the goroutine that it is called in; the
// sockets that it opens stay inside wherever they are used.
func (n *Netns) Do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("cannot enter a network namespace: %w", err)
		}
		return f()
	})
}

// Close lets go of the namespace.
func (n *Netns) Close() error { return n.file.Close() }
