package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// auditPolicy has every group of rules that bulwark ships.
const auditPolicy = `version: 1
name: bench
audit:
  groups: [docker-files, docker-socket, container-escape, identity]
`

// auditRounds is odd, so that the median is a measured one; the CPU of a VM is
// emulated and noisy.
const auditRounds = 7

// loops are what a container does, and how often in one measurement.
var loops = []struct {
	name  string
	times int
}{{"files", 2000}, {"pipes", 20_000}, {"calls", 200_000}}

// audit measures what the shipped rules cost a container: the same loops with
// and without them, in turns, auditd running and auditing enabled in both; once
// on a host without any rule, where the kernel skips all of auditing at each call,
// and once on one that has a rule of somebody else.
func audit() {
	auditCost("no rule before")
	run("auditctl", "-w", "/etc/hosts", "-p", "wa", "-k", "somebody")
	auditCost("a rule of somebody else before")
}

func auditCost(what string) {
	if err := os.WriteFile("/root/bench.yaml", []byte(auditPolicy), 0o600); err != nil {
		log.Fatal(err)
	}
	run("auditctl", "-e", "1")
	without, with := map[string][]time.Duration{}, map[string][]time.Duration{}
	for i := range auditRounds + 1 {
		turn(without, i > 0)
		run("bulwark", "apply", "--yes", "--policy", "/root/bench.yaml")
		turn(with, i > 0)
		if i == 0 {
			fmt.Printf("rules in the kernel: %d\n", strings.Count(output("auditctl", "-l"), "\n"))
		}
		run("bulwark", "rollback", "--yes")
	}
	for _, l := range loops {
		a, b := without[l.name], with[l.name]
		fmt.Printf("%s: %s in a container: %v without bulwark's rules, %v with, ratio of medians %.3f, of the least %.3f\n", what, l.name,
			median(a), median(b), median(b).Seconds()/median(a).Seconds(), slices.Min(b).Seconds()/slices.Min(a).Seconds())
	}
}

// turn runs each loop once; the first turn only warms up.
func turn(into map[string][]time.Duration, counts bool) {
	for _, l := range loops {
		out := output("docker", "run", "--rm", "-v", "/usr/local/bin/measure:/measure:ro", "busybox:test", "/measure", "loop", l.name, strconv.Itoa(l.times))
		d, err := time.ParseDuration(strings.TrimSpace(out))
		if err != nil {
			log.Fatalf("measure: %s printed %q", l.name, out)
		}
		if counts {
			into[l.name] = append(into[l.name], d)
		}
	}
}

func output(argv ...string) string {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		log.Fatalf("measure: %s: %v", strings.Join(argv, " "), err)
	}
	return string(out)
}

// loop runs inside a container and prints the time of one round.
func loop(kind, times string) {
	n, err := strconv.Atoi(times)
	if err != nil || n < 1 {
		log.Fatalf("measure: loop %s %s", kind, times)
	}
	do := map[string]func(int){"files": fileWork, "pipes": pipeWork, "calls": systemCalls}[kind]
	if do == nil {
		log.Fatalf("measure: no loop %s", kind)
	}
	start := time.Now()
	do(n)
	fmt.Println(time.Since(start) / time.Duration(n))
}

// fileWork is what a package manager or a mail server does all day.
func fileWork(n int) {
	dir, err := os.MkdirTemp("/tmp", "loop")
	if err != nil {
		log.Fatal(err)
	}
	data := make([]byte, 4096)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for range n {
		for _, step := range []func() error{
			func() error { return os.WriteFile(a, data, 0o600) },
			func() error { return os.Chmod(a, 0o644) },
			func() error { return os.Rename(a, b) },
			func() error { _, err := os.ReadFile(b); return err },
			func() error { _, err := os.Stat(b); return err },
			func() error { return os.Remove(b) },
		} {
			if err := step(); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// pipeWork is what servers and pipelines do: it passes a message of 1 KB to and
// fro through two pipes.
func pipeWork(n int) {
	var there, back [2]int
	for _, p := range [][]int{there[:], back[:]} {
		if err := syscall.Pipe(p); err != nil {
			log.Fatal(err)
		}
	}
	go echo(there[0], back[1])
	message := make([]byte, 1024)
	for range n {
		pass(there[1], back[0], message)
	}
}

func echo(from, to int) {
	buf := make([]byte, 1024)
	for {
		if n, err := syscall.Read(from, buf); n == 0 || err != nil {
			return
		}
		if _, err := syscall.Write(to, buf); err != nil {
			return
		}
	}
}

func pass(to, from int, message []byte) {
	if _, err := syscall.Write(to, message); err != nil {
		log.Fatal(err)
	}
	if _, err := syscall.Read(from, message); err != nil {
		log.Fatal(err)
	}
}

// systemCalls makes one that does next to nothing, so that what the kernel does
// around it shows most.
func systemCalls(n int) {
	for range n {
		syscall.Getppid()
	}
}
