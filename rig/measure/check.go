package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is where rig/bench puts a copy of docker-bench-security, if it is given
// one.
const bench = "/root/docker-bench-security"

// profiles are containers as people make them, the good and the bad.
var profiles = [][]string{
	{},
	{"--cap-add", "SYS_PTRACE", "--user", "0:0", "--security-opt", "apparmor=unconfined"},
	{"--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--restart", "always"},
	{
		"--read-only", "--cap-drop", "ALL", "--user", "1000:1000", "--security-opt", "no-new-privileges", "--memory", "32m", "--memory-swap", "32m",
		"--cpus", "0.5", "--pids-limit", "50", "--restart", "on-failure:3", "--health-cmd", "true", "--network", "apart", "--log-opt", "max-size=1m",
	},
	{"--network", "host", "--pid", "host"},
	{"-v", "/etc:/host-etc:ro", "-v", "/var/run/docker.sock:/s"},
	{"-v", "/etc:/host-etc", "-v", "/srv:/srv:rshared"},
	{"-p"}, // with a port of its own
	{"--ipc", "host", "--uts", "host", "--device", "/dev/null"},
	{"--security-opt", "seccomp=unconfined", "--memory", "32m", "--memory-swap", "32m", "-p"},
}

// mix starts containers until there are n.
func mix(have, n int) {
	for i := have; i < n; i++ {
		options := slices.Clone(profiles[i%len(profiles)])
		if last := len(options) - 1; last >= 0 && options[last] == "-p" {
			address := map[bool]string{true: "127.0.0.1:", false: ""}[i%len(profiles) == 9]
			options = append(options, fmt.Sprintf("%s%d:80", address, 8000+i))
		}
		run(slices.Concat([]string{"docker", "run", "-d", "--name", fmt.Sprintf("c%03d", i)}, options, []string{"busybox:test", "sleep", "100000"})...)
	}
}

// checks compares check with docker inspect of all containers, and with
// docker-bench-security where there is one.
func checks(upTo int) {
	run("docker", "network", "create", "apart")
	have := 0
	for _, n := range []int{0, 20, 100, 1000} {
		if n > upTo {
			break
		}
		mix(have, n)
		have = n
		once(n)
	}
}

func once(n int) {
	var own, all, inspect []time.Duration
	var rss int64
	for range rounds {
		cmd := exec.Command("bulwark", "check", "--json")
		all = append(all, wall(func() {
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 {
				log.Fatalf("measure: bulwark check: %v", err)
			}
		}))
		u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		own = append(own, time.Duration(u.Utime.Nano()+u.Stime.Nano()))
		rss = max(rss, u.Maxrss)
		if n > 0 {
			inspect = append(inspect, wall(func() { run("sh", "-c", "docker inspect $(docker ps -aq)") }))
		}
	}
	fmt.Printf("check, %d containers: wall %v, own time %v, memory %.1f MB", n, median(all).Round(time.Millisecond), median(own).Round(time.Millisecond), float64(rss)/1000)
	if n > 0 {
		fmt.Printf("; docker inspect of all %v, ratio %.2f", median(inspect).Round(time.Millisecond), median(all).Seconds()/median(inspect).Seconds())
	}
	fmt.Println()
	if _, err := os.Stat(bench); err == nil && n <= 100 {
		took := wall(func() { other() })
		fmt.Printf("docker-bench-security: %v, %.0f times check\n", took.Round(time.Millisecond), took.Seconds()/median(all).Seconds())
		sideBySide(n)
	}
}

func other() {
	cmd := exec.Command("bash", bench+"/docker-bench-security.sh", "-b", "-n", "1000", "-l", "/root/other")
	cmd.Dir = bench
	if out, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("measure: docker-bench-security: %v\n%s", err, out)
	}
}

// A result is one check in the shape that both print.
type result struct {
	ID      string   `json:"id"`
	Result  string   `json:"result"`
	Details string   `json:"details"`
	Items   []string `json:"items"`
}

func results(b []byte) map[string]result {
	var doc struct {
		Tests []struct {
			Results []result `json:"results"`
		} `json:"tests"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		log.Fatalf("measure: %v", err)
	}
	all := map[string]result{}
	for _, t := range doc.Tests {
		for _, r := range t.Results {
			all[r.ID] = r
		}
	}
	return all
}

// sideBySide prints each number of which the two say different things.
func sideBySide(n int) {
	theirs, err := os.ReadFile("/root/other.json")
	if err != nil {
		log.Fatalf("measure: %v", err)
	}
	cmd := exec.Command("bulwark", "check", "--format", "docker-bench", "--verbose")
	ours, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != 2 {
		log.Fatalf("measure: %v", err)
	}
	a, b := results(theirs), results(ours)
	same := 0
	for id, x := range a {
		if y, ok := b[id]; ok && x.Result == y.Result && len(x.Items) == len(y.Items) {
			same++
		}
	}
	fmt.Printf("%d containers: %d numbers of theirs, %d of ours, %d alike\n", n, len(a), len(b), same)
	ids := map[string]bool{}
	for id := range a {
		ids[id] = true
	}
	for id := range b {
		ids[id] = true
	}
	for id := range ids {
		if x, y := a[id], b[id]; x.Result != y.Result || len(x.Items) != len(y.Items) {
			fmt.Printf("| %s | %s %s | %s %s |\n", id, x.Result, brief(x), y.Result, brief(y))
		}
	}
}

func brief(r result) string {
	text := fmt.Sprintf("(%d) %s", len(r.Items), strings.Join(r.Items, " "))
	if len(r.Items) == 0 {
		text = r.Details
	}
	return strings.ReplaceAll(text[:min(len(text), 160)], "\n", " ")
}
