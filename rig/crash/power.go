//go:build linux && amd64

package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// goingShutdown is EXT4_IOC_SHUTDOWN, the same number as XFS_IOC_GOINGDOWN. The
// argument: 1 writes the journal out first, 2 does not.
const goingShutdown = 0x8004587d

var cuts = map[string]int{"data-lost": 1, "all-lost": 2}

// powerCut returns what cuts the power of the file system that has disk. The stop
// is nil when the program has ended.
func powerCut(how, disk string) (func(*ptrace.Stop) error, error) {
	if how == "hold" {
		return hold, nil
	}
	flag, ok := cuts[how]
	if !ok {
		return nil, fmt.Errorf("unknown -cut %q: want data-lost, all-lost or hold", how)
	}
	f, err := os.Open(disk) // now: afterwards the path may be unreadable
	if err != nil {
		return nil, fmt.Errorf("cannot open -disk: %w", err)
	}
	return func(s *ptrace.Stop) error {
		if err := unix.IoctlSetPointerInt(int(f.Fd()), goingShutdown, flag); err != nil {
			return fmt.Errorf("cannot cut the power of %s: %w", disk, err)
		}
		say(s)
		if s == nil {
			return nil
		}
		return s.Kill(syscall.SIGKILL)
	}, nil
}

func hold(s *ptrace.Stop) error {
	say(s)
	for {
		unix.Pause()
	}
}

func say(s *ptrace.Stop) {
	if s == nil {
		fmt.Fprintln(os.Stderr, "cut after the end")
		return
	}
	fmt.Fprintln(os.Stderr, "cut at", s.Call)
}
