//go:build linux && amd64

// Crash runs a program and kills it, or makes a call fail, at its Nth system
// call that changes something on disk. See package ptrace for what counts.
package main

import (
	"flag"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	fs := flag.NewFlagSet("crash", flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), `usage: crash [flags] -- CMD ARG...

Kills CMD at its Nth system call that changes something on disk or in netfilter;
the call is not carried out. Calls are counted over all threads and children. With
-n 0 it runs to the end and total=N is printed, to stderr.
The exit code is that of CMD, or 128 plus the number of the signal.`)
		fs.PrintDefaults()
	}
	n := fs.Int("n", 0, "number of the call to act at; 0 only counts")
	sig := fs.String("signal", "KILL", "signal to send, without SIG")
	errno := fs.String("errno", "", "make the call fail with this error (EIO, ENOSPC, ...) instead of killing")
	cut := fs.String("cut", "", "cut the power instead of killing: of the file system at -disk as if its journal was\n"+
		"written out and data not (data-lost), or neither (all-lost), by FS_IOC_SHUTDOWN, on ext4 and XFS;\n"+
		"or hold the program there for ever, for whoever copies the disk meanwhile (hold).\nWith -n 0: when it has ended")
	disk := fs.String("disk", "/", "a directory of that file system")
	parent := fs.Bool("tracee-only", false, "do not count calls of children, and leave them alive")
	list := fs.Bool("list", false, "print every call with its number and paths, to stderr")
	if err := fs.Parse(args); err != nil || fs.NArg() == 0 {
		fs.Usage()
		return 2
	}
	act, err := action(*sig, *errno)
	if err == nil && *cut != "" {
		act, err = powerCut(*cut, *disk)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		return 2
	}
	res, err := ptrace.Run(ptrace.Options{
		Argv: fs.Args(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, N: *n, Act: act, ParentOnly: *parent,
	})
	if err == nil && *cut != "" && (*n == 0 || len(res.Calls) < *n) {
		fmt.Fprintf(os.Stderr, "ended with %d\n", res.Exit())
		err = act(nil)
	}
	if *list {
		for _, c := range res.Calls {
			fmt.Fprintln(os.Stderr, c)
		}
	}
	if *n == 0 {
		fmt.Fprintf(os.Stderr, "total=%d\n", len(res.Calls))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		return 2
	}
	return res.Exit()
}

func action(sig, errno string) (func(*ptrace.Stop) error, error) {
	if errno != "" {
		for e := syscall.Errno(1); e < 134; e++ {
			if unix.ErrnoName(e) == errno {
				return func(s *ptrace.Stop) error { s.Fail(e); return nil }, nil
			}
		}
		return nil, fmt.Errorf("unknown error %q", errno)
	}
	s := unix.SignalNum("SIG" + sig)
	if s == 0 {
		return nil, fmt.Errorf("unknown signal %q", sig)
	}
	return func(stop *ptrace.Stop) error { return stop.Kill(s) }, nil
}
