//go:build linux && amd64

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// threads keeps several threads alive at once: each is locked to its goroutine.
func threads(string) error {
	var ready, all sync.WaitGroup
	release := make(chan bool)
	ids := make(chan int, 16)
	for range cap(ids) {
		ready.Add(1)
		all.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with us
			ids <- unix.Gettid()
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	close(release)
	all.Wait()
	close(ids)
	seen := map[int]bool{}
	for id := range ids {
		seen[id] = true
	}
	if len(seen) != cap(ids) {
		return fmt.Errorf("%d threads ran at once, want %d", len(seen), cap(ids))
	}
	return nil
}

func timers(string) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	soon := unix.ItimerSpec{Value: unix.Timespec{Nsec: 1e6}}
	if err := unix.TimerfdSettime(fd, 0, &soon, nil); err != nil {
		return err
	}
	if _, err := unix.Read(fd, make([]byte, 8)); err != nil {
		return err
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return err
	}
	<-time.After(time.Millisecond)
	return unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
}

func random(string) error {
	buf := make([]byte, 32)
	if n, err := unix.Getrandom(buf, 0); err != nil || n != len(buf) {
		return fmt.Errorf("getrandom: %d bytes: %v", n, err)
	}
	_, err := os.ReadFile("/proc/sys/kernel/random/uuid")
	return err
}

func signals(string) error {
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGUSR1, unix.SIGALRM)
	defer signal.Stop(got)
	return steps(
		step{"kill", func() error { return unix.Kill(os.Getpid(), unix.SIGUSR1) }},
		step{"arrival", func() error { <-got; return nil }},
		step{"tgkill", func() error { return unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGUSR1) }},
		step{"arrival", func() error { <-got; return nil }},
		step{"setitimer", func() error {
			_, err := unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{Value: unix.Timeval{Usec: 1000}})
			return err
		}},
		step{"arrival", func() error { <-got; return nil }},
		step{"pidfd", func() error {
			fd, err := unix.PidfdOpen(os.Getpid(), 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.PidfdSendSignal(fd, unix.SIGUSR1, nil, 0)
		}},
		step{"arrival", func() error { <-got; return nil }},
	)
}

// children starts this program again: in a pipe, in a session of its own, and
// killed.
func children(string) error {
	again := func(args ...string) *exec.Cmd {
		return exec.Command("/proc/self/exe", append([]string{"workload-child"}, args...)...)
	}
	echo := again("echo")
	echo.Stdin = strings.NewReader("there and back")
	out, err := echo.Output()
	if err != nil || string(out) != "there and back" {
		return fmt.Errorf("the child sent %q: %v", out, err)
	}
	session := again("session")
	session.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	if err := session.Run(); err != nil {
		return fmt.Errorf("a child in a session of its own: %w", err)
	}
	asleep := again("sleep")
	if err := asleep.Start(); err != nil {
		return err
	}
	if err := asleep.Process.Kill(); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := asleep.Wait(); !errors.As(err, &exit) {
		return fmt.Errorf("a killed child ended with: %v", err)
	}
	return nil
}

func child(args []string) error {
	switch args[0] {
	case "echo":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "session":
		if id, err := unix.Getsid(0); err != nil || id != os.Getpid() {
			return fmt.Errorf("session %d: %v", id, err)
		}
		return nil
	case "sleep":
		time.Sleep(time.Hour)
		return nil
	}
	return fmt.Errorf("unknown part %s", args[0])
}

func settings(string) error {
	var (
		limit unix.Rlimit
		set   unix.CPUSet
		info  unix.Sysinfo_t
		uts   unix.Utsname
		usage unix.Rusage
	)
	unix.Umask(unix.Umask(0o22))
	return steps(
		step{"prlimit", func() error { return unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit) }},
		step{"setrlimit", func() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }},
		step{"affinity", func() error { return unix.SchedGetaffinity(0, &set) }},
		step{"set affinity", func() error { return unix.SchedSetaffinity(0, &set) }},
		step{"sysinfo", func() error { return unix.Sysinfo(&info) }},
		step{"uname", func() error { return unix.Uname(&uts) }},
		step{"rusage", func() error { return unix.Getrusage(unix.RUSAGE_SELF, &usage) }},
		step{"nice", func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 1) }},
		step{"prctl", func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }},
		step{"thread's name", func() error {
			return unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&[]byte("probe\x00")[0])), 0, 0, 0)
		}},
		step{"groups", func() error { _, err := unix.Getgroups(); return err }},
	)
}
