package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A round of throughput has one flood for each policy. Machines slow down and
// speed up meanwhile, so policies are compared within a round.
const (
	floodTime   = time.Second
	floodRounds = 11
)

// egress measures rules for connections outward: how long apply takes by the
// number of entries, and what they cost each packet.
func egress() {
	run("bash", "/root/rig/testdata/evilnet")
	run("docker", "network", "create", "bench")
	run("docker", "run", "-d", "--init", "--restart=always", "--name", "bench", "--network", "bench",
		"-v", "/usr/local/bin/wire:/bin/wire:ro", "busybox:test", "sleep", "1000000")
	run("ip", "netns", "exec", "evil", "nft", `table inet bench {
		counter came {}
		chain in { type filter hook prerouting priority -400; udp dport 9 counter name came drop; }
	}`)
	for _, n := range []int{1, 1000, 10000} {
		entries(n)
	}
	throughput("iptables (nft)", "iptables")
	throughput("nftables", "nftables")
	legacy()
	throughput("iptables (legacy)", "iptables")
}

// entries compares apply with iptables -A, once for each entry. The latter
// works in a network namespace of its own, where nothing else is.
func entries(n int) {
	var whole []time.Duration
	writePolicy("iptables", n)
	for range 3 {
		whole = append(whole, wall(applyEgress))
		rollback()
	}
	run("ip", "netns", "add", "bench")
	run("ip", "netns", "exec", "bench", "iptables", "-N", "ALLOWED")
	single := wall(func() {
		for _, a := range addresses(n) {
			run("ip", "netns", "exec", "bench", "iptables", "-w", "-A", "ALLOWED", "-d", a, "-p", "udp", "--dport", "9", "-j", "RETURN")
		}
	})
	run("ip", "netns", "del", "bench")
	w := median(whole)
	fmt.Printf("egress, %d entries: apply %v; iptables -A for each %v, ratio %.3f\n",
		n, w.Round(time.Millisecond), single.Round(time.Millisecond), w.Seconds()/single.Seconds())
}

// throughput floods a destination that is allowed last, without an answer, so
// that each packet passes all rules; rounds alternate between the policies.
func throughput(what, backend string) {
	var none, few, cost []float64
	for range floodRounds {
		z, f, m := packets(), flooded(backend, 10), flooded(backend, 10000)
		none, few, cost = append(none, z), append(few, f), append(cost, f/m)
	}
	fmt.Printf("egress, %s: packets each second without rules %.0f, with 10 entries %.0f; cost of a packet, 10000 over 10 entries: %.3f\n",
		what, middle(none), middle(few), middle(cost))
}

func flooded(backend string, n int) float64 {
	writePolicy(backend, n)
	applyEgress()
	defer rollback()
	return packets()
}

var arrived = regexp.MustCompile(`packets (\d+) bytes`)

func packets() float64 {
	reset := []string{"ip", "netns", "exec", "evil", "nft", "reset", "counter", "inet", "bench", "came"}
	run(reset...)
	run("docker", "exec", "bench", "wire", "flood", "203.0.113.2:9", floodTime.String())
	out, err := exec.Command(reset[0], reset[1:]...).Output()
	match := arrived.FindSubmatch(out)
	if err != nil || match == nil {
		log.Fatalf("measure: cannot read the counter: %v\n%s", err, out)
	}
	n, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil || n == 0 {
		log.Fatalf("measure: no packet came: %v", err)
	}
	return n / floodTime.Seconds()
}

// addresses are n that no two can be merged of; the last is where packets go.
func addresses(n int) []string {
	var list []string
	for i := range n - 1 {
		list = append(list, fmt.Sprintf("198.18.%d.%d", i/128, i%128*2))
	}
	return append(list, "203.0.113.2")
}

func writePolicy(backend string, n int) {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nname: bench\negress:\n  backend: %s\n  allow:\n", backend)
	for _, a := range addresses(n) {
		fmt.Fprintf(&b, "    - {to: %s, ports: [9/udp]}\n", a)
	}
	if err := os.WriteFile("/root/egress.yaml", []byte(b.String()), 0o600); err != nil {
		log.Fatal(err)
	}
}

func applyEgress() { run("bulwark", "apply", "--yes", "--policy", "/root/egress.yaml") }
func rollback()    { run("bulwark", "rollback", "--yes", "--settle", "0s") }

// legacy makes dockerd write to the legacy tables.
func legacy() {
	run("systemctl", "stop", "docker.socket", "docker.service")
	run("nft", "flush", "ruleset")
	for _, t := range []string{"iptables", "ip6tables"} {
		run("update-alternatives", "--quiet", "--set", t, "/usr/sbin/"+t+"-legacy")
	}
	run("systemctl", "reset-failed", "docker.service", "docker.socket")
	run("systemctl", "start", "docker.service")
	run("docker", "exec", "bench", "true")
}

func middle(f []float64) float64 {
	slices.Sort(f)
	return f[len(f)/2]
}
