// Command measure times plan and apply on the rig that it runs in, against
// the bare daemon in the same run, and rules against none. It prints medians and
// ratios.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const rounds = 5

func main() {
	log.SetFlags(0)
	if os.Args[1] == "loop" && len(os.Args) == 4 {
		loop(os.Args[2], os.Args[3])
		return
	}
	if _, err := os.Stat("/run/bulwark-rig"); err != nil {
		log.Fatal("measure: this is not a rig")
	}
	switch os.Args[1] {
	case "egress":
		egress()
		return
	case "audit":
		audit()
		return
	case "mix":
		run("docker", "network", "create", "apart")
		mix(0, len(profiles))
		run("docker", "create", "--name", "never-ran", "--privileged", "busybox:test", "true")
		return
	case "check":
		n, err := strconv.Atoi(os.Args[2])
		if err != nil {
			log.Fatalf("measure: %v", err)
		}
		checks(n)
		return
	}
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatalf("measure: %v", err)
	}
	restarts("no container")
	for i := range 10 {
		run("docker", "run", "-d", "--restart=always", "--name", fmt.Sprint("run", i), "busybox:test",
			"sh", "-c", "trap exit TERM; while :; do sleep 1; done")
	}
	restarts("10 containers that stop at SIGTERM")
	for i := range max(0, n-10) {
		run("docker", "create", "--name", fmt.Sprint("idle", i), "busybox:test", "true")
	}
	plan(n)
	egress()
}

// restarts compares apply of a key that needs a restart with the restart
// alone. Both wait for the daemon's answer.
func restarts(what string) {
	var bare, fast, whole []time.Duration
	for i := range rounds {
		bare = append(bare, wall(func() {
			run("systemctl", "reset-failed", "docker.service", "docker.socket")
			run("systemctl", "restart", "docker.service")
			run("docker", "version")
		}))
		fast = append(fast, apply(2*i, "0s"))
		whole = append(whole, apply(2*i+1, "7s"))
	}
	b, f, w := median(bare), median(fast), median(whole)
	fmt.Printf("%s: systemctl restart %v; apply %v, ratio %.2f; with the 7 s watch %v, ratio %.2f\n",
		what, b.Round(time.Millisecond), f.Round(time.Millisecond), f.Seconds()/b.Seconds(),
		w.Round(time.Millisecond), w.Seconds()/b.Seconds())
}

// apply wants a value that differs from the last one.
func apply(i int, settle string) time.Duration {
	policy := fmt.Sprintf("version: 1\nname: bench\ndaemon:\n  no-new-privileges: %v\n", i%2 == 0)
	if err := os.WriteFile("/root/bench.yaml", []byte(policy), 0o600); err != nil {
		log.Fatal(err)
	}
	return wall(func() { run("bulwark", "apply", "--yes", "--policy", "/root/bench.yaml", "--settle", settle) })
}

// plan measures the time of its own and the memory on a converged host.
func plan(containers int) {
	var own, all, ps []time.Duration
	var rss int64
	for range rounds * 2 {
		cmd := exec.Command("bulwark", "plan", "--policy", "/root/bench.yaml", "--detailed-exitcode")
		all = append(all, wall(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				log.Fatalf("the host is not converged: %v\n%s", err, out)
			}
		}))
		u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		own = append(own, time.Duration(u.Utime.Nano()+u.Stime.Nano()))
		rss = max(rss, u.Maxrss)
		ps = append(ps, wall(func() { run("docker", "ps", "--all") }))
	}
	fmt.Printf("plan, %d containers: own time %v, wall %v (docker ps -a: %v, ratio %.2f), memory %.1f MB\n",
		containers, median(own).Round(time.Millisecond/10), median(all).Round(time.Millisecond),
		median(ps).Round(time.Millisecond), median(all).Seconds()/median(ps).Seconds(), float64(rss)/1000)
}

func wall(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func run(argv ...string) {
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		log.Fatalf("measure: %s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}
