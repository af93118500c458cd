//go:build linux && amd64

// Command probe tries, from inside a container, what a seccomp profile is to
// stop and what it must leave alone.
//
//	probe              a line "GROUP CALL RESULT" for each forbidden call
//	probe workload     ordinary work; prints "ok", or what failed
//
// RESULT is the name of the errno, or "ok". A line tells a filter from a kernel
// only beside the same line without a filter: calls that this process's
// capabilities do not reach are not tried, and their line says so.
//
// Every call is harmless where it is allowed: the kernel must find its
// arguments wrong before it does anything. Only linux/amd64.
package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 0:
		return tryAll()
	case args[0] == "alone" && len(args) == 2: // internal: one attempt that may end the process
		return tryAlone(args[1])
	case args[0] == "workload" && len(args) == 1:
		return workload()
	case args[0] == "workload-child": // internal
		return child(args[1:])
	}
	return fmt.Errorf("usage: probe [workload]")
}

func tryAll() error {
	caps, err := effective()
	if err != nil {
		return err
	}
	for i, a := range attempts() {
		result := "untried"
		switch {
		case a.needs&^caps != 0:
		case a.alone:
			result = tryInChild(i)
		default:
			result = name(a.try())
		}
		fmt.Println(a.group, a.name, result)
	}
	return nil
}

func tryAlone(arg string) error {
	i, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	fmt.Println(name(attempts()[i].try()))
	return nil
}

func name(e unix.Errno) string {
	if e == 0 {
		return "ok"
	}
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return strconv.Itoa(int(e))
}

func effective() (uint64, error) {
	var data [2]unix.CapUserData
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return 0, fmt.Errorf("cannot read the capabilities: %w", err)
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), nil
}
