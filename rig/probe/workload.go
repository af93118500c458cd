//go:build linux && amd64

package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// A work item is something that programs do every day.
type work struct {
	name string
	do   func(dir string) error
}

func works() []work {
	return []work{
		{"threads", threads},
		{"timers", timers},
		{"random", random},
		{"signals", signals},
		{"children", children},
		{"process settings", settings},
		{"files", files},
		{"ownership", ownership},
		{"locks", locks},
		{"xattrs", xattrs},
		{"mapped memory", mapped},
		{"copies in the kernel", kernelCopies},
		{"watches", watches},
		{"an archive", archive},
		{"event descriptors", eventFDs},
		{"unix sockets", unixSockets},
		{"https over loopback", https},
	}
}

// workload does each item and fails with all that went wrong. One that hangs
// has failed as well: a program may wait for ever for a call that was refused.
func workload() error {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var failed []error
	for _, w := range works() {
		done := make(chan error, 1)
		go func() { done <- w.do(dir) }()
		select {
		case err = <-done:
		case <-time.After(time.Minute):
			err = errors.New("still not done after a minute")
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", w.name, err))
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("the workload failed\n%w", errors.Join(failed...))
	}
	fmt.Println("ok")
	return nil
}

// steps runs until the first that fails, and says which.
func steps(list ...step) error {
	for _, s := range list {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

type step struct {
	name string
	do   func() error
}
