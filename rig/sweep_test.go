//go:build rig

package rig_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// The policy of the sweep changes all kinds of things at once: accounts, six
// files under shadow-utils' lock, a seccomp profile in a new folder, daemon.json,
// and a restart that moves the data root.
const sweepPolicy = `version: 1
name: sweep
daemon:
  no-new-privileges: true
  labels: [swept=yes]
userns:
  remap: dockremap
seccomp:
  deny: [ptrace]
`

const sweepDaemonJSON = "{\n\t\"debug\": false,\n\t\"shutdown-timeout\" : 3\n}"

// Rules in both families, with sets, and no restart of dockerd.
const sweepEgressPolicy = `version: 1
name: sweep
egress:
  allow:
    - {to: 192.0.2.1}
    - {to: 192.0.2.3}
    - {to: 192.0.2.5}
    - {to: 192.0.2.7}
    - {to: 198.51.100.0/24}
    - {to: "2001:db8:1::/48"}
    - {to: "2001:db8:3::/48"}
    - {to: "2001:db8:5::/48"}
    - {to: "2001:db8:7::/48"}
    - {to: "2001:db8:9::/48"}
`

var sweepApply = []string{"bulwark", "apply", "--yes", "--policy", "/root/sweep.yaml", "--settle", "0s", "--retry"}

// Kill -9 at every system call of apply that changes something, on the real
// host. After recover the host is as before or as wanted, dockerd runs with
// that, and nothing is left lying about.
func TestKillSweep(t *testing.T) {
	skipOnVM(t)
	newSweepHost(t, sweepPolicy, map[string]func(string) bool{
		"before": func(info string) bool {
			return !strings.Contains(info, "name=userns") && !strings.Contains(info, "swept=yes") &&
				strings.Contains(info, "profile=default") && strings.HasSuffix(info, " 1")
		},
		"after": func(info string) bool {
			return strings.Contains(info, "name=userns") && strings.Contains(info, "swept=yes") &&
				strings.Contains(info, "profile=/etc/docker/seccomp/bulwark-")
		},
	}).everyPoint(50, 0)
}

// The same for rules in the kernel: they are those of before or those that are
// wanted, in both families and with their sets, and so is the record of them.
func TestKillSweepEgress(t *testing.T) {
	skipOnVM(t)
	always := func(info string) bool { return strings.HasSuffix(info, " 1") }
	h := newSweepHost(t, sweepEgressPolicy, map[string]func(string) bool{"before": always, "after": always})
	if strings.Contains(h.before["rules"], "BULWARK") || strings.Count(h.after["rules"], "-j BULWARK-EGRESS") != 2 ||
		!strings.Contains(h.after["rules"], "create bulwark-6-") {
		t.Fatalf("this proves little: before\n%s\nafter\n%s", h.before["rules"], h.after["rules"])
	}
	h.everyPoint(40, 4)
}

const sweepAuditPolicy = `version: 1
name: sweep
audit:
  groups: [docker-socket, identity]
`

// The same for audit rules and their files. Only a VM has them, whose CPU is
// emulated: a few points, which differ from run to run.
func TestKillSweepAudit(t *testing.T) {
	vm, err := inVM()
	if err != nil {
		t.Fatal(err)
	}
	if !vm {
		t.Skip("VM only: audit rules belong to the machine, not to a container of it")
	}
	always := func(info string) bool { return strings.HasSuffix(info, " 1") }
	h := newSweepHost(t, sweepAuditPolicy, map[string]func(string) bool{"before": always, "after": always})
	if strings.Contains(h.before["audit"], "bulwark-") || !strings.Contains(h.after["audit"], "bulwark-docker-socket") {
		t.Fatalf("this proves little: before\n%s\nafter\n%s", h.before["audit"], h.after["audit"])
	}
	h.somePoints(6)
}

// somePoints kills apply at so many points, half of them where the kernel's
// rules change.
func (h *sweepHost) somePoints(count int) {
	h.Helper()
	all := h.crash(math.MaxInt32, sweepApply).Calls
	h.mustRun("bulwark", "rollback", "--yes", "--settle", "0s")
	var inRules []int
	for i, c := range all {
		if strings.HasPrefix(c.Name, "send") {
			inRules = append(inRules, i+1)
		}
	}
	if len(inRules) < 4 {
		h.Fatalf("apply changes rules in %d of %d calls only", len(inRules), len(all))
	}
	seed := uint64(time.Now().UnixNano())
	h.Logf("seed %d: %d of %d points, %d of them change rules", seed, count, len(all), len(inRules))
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range count {
		n := 1 + r.IntN(len(all))
		if i%2 == 0 {
			n = inRules[r.IntN(len(inRules))]
		}
		res := h.crash(n, sweepApply)
		at := fmt.Sprintf("%d: %s", n, res.Calls[len(res.Calls)-1])
		h.mustRun("bulwark", "recover")
		if h.judge("killed at "+at) == "after" {
			h.mustRun("bulwark", "rollback", "--yes", "--settle", "0s")
			h.judge("rollback after " + at)
		}
	}
}

// stride is how many points are passed over: all are visited unless -short asks
// for a sample, whose first point is then printed and differs from run to run.
func (h *sweepHost) stride() (first, step int) {
	if !testing.Short() {
		return 1, 1
	}
	step = 4
	first = 1 + int(time.Now().Unix())%step
	h.Logf("a sample: every %dth point from %d", step, first)
	return first, step
}

// everyPoint fails unless at least so many points end as before, and so many
// are changes of netfilter.
func (h *sweepHost) everyPoint(least, leastInRules int) {
	before, after, inRules, tries := 0, 0, 0, 0
	n, step := h.stride()
	least, leastInRules = least/step, leastInRules/step
	for ; ; n += step {
		tries++
		res := h.crash(n, sweepApply)
		killed := res.Signal() == syscall.SIGKILL
		at := "the end"
		if killed {
			last := res.Calls[len(res.Calls)-1]
			at = last.String()
			if strings.HasPrefix(last.Name, "send") { // a change of netfilter
				inRules++
			}
		}
		// Every seventh time recovery is killed as well, at a point that moves.
		if killed && tries%7 == 0 {
			h.crash(1+n/7, []string{"bulwark", "recover"})
		}
		h.mustRun("bulwark", "recover")
		switch h.judge(fmt.Sprintf("killed at %d: %s", n, at)) {
		case "before":
			before++
		case "after":
			after++
			h.mustRun("bulwark", "rollback", "--yes", "--settle", "0s")
			h.judge("rollback after " + at)
		}
		if !killed {
			break
		}
	}
	if before < least || after < 1 || inRules < leastInRules {
		h.Errorf("%d points ended as before, %d as after, %d were in netfilter: the sweep did not see a whole apply", before, after, inRules)
	}
	h.Logf("%d points, %d of them in netfilter; %d ended as before, %d as wanted", n-1, inRules, before, after)
}

func skipOnVM(t *testing.T) {
	t.Helper()
	out, err := exec.Command("systemd-detect-virt").Output()
	if kind := strings.TrimSpace(string(out)); kind != "systemd-nspawn" {
		if err != nil || kind == "none" {
			t.Fatalf("cannot tell what this host is: %q, %v", kind, err)
		}
		t.Skipf("runs in the container rig, where a restart takes a second; this is %s", kind)
	}
}

type sweepHost struct {
	*testing.T
	before, after map[string]string
	// runs says whether docker info is that of "before" or "after".
	runs map[string]func(string) bool
}

// newSweepHost makes the host, and learns from one undisturbed apply and
// rollback what before and after look like.
func newSweepHost(t *testing.T, policy string, runs map[string]func(string) bool) *sweepHost {
	if err := resetHost(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := resetHost(); err != nil {
			t.Error(err)
		}
	})
	h := &sweepHost{T: t, runs: runs}
	for path, text := range map[string]string{"/root/sweep.yaml": policy, "/etc/docker/daemon.json": sweepDaemonJSON} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h.mustRun("systemctl", "restart", "docker")
	h.mustRun("docker", "run", "-d", "--init", "--restart=always", "--name", "kept", "busybox:test", "sleep", "100000")
	start := h.dump(true)
	h.mustRun(sweepApply...)
	h.after = h.dump(false)
	h.mustRun("bulwark", "rollback", "--yes", "--settle", "0s")
	h.before = h.dump(true)
	for path, state := range start {
		if path != "/etc/.pwd.lock" && h.before[path] != state {
			t.Fatalf("rollback did not restore %s:\n%s", path, cmp.Diff(state, h.before[path]))
		}
	}
	h.before = h.dump(true)
	return h
}

func (h *sweepHost) mustRun(argv ...string) {
	h.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		h.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

// crash kills argv at its nth mutating call.
func (h *sweepHost) crash(n int, argv []string) ptrace.Result {
	h.Helper()
	var out bytes.Buffer
	res, err := ptrace.Run(ptrace.Options{
		Argv: argv, Stdout: &out, Stderr: &out, N: n,
		Act: func(s *ptrace.Stop) error { return s.Kill(syscall.SIGKILL) },
	})
	if err != nil {
		h.Fatalf("crash %d: %v\n%s", n, err, &out)
	}
	if res.Signal() == 0 && res.Exit() != 0 {
		h.Fatalf("apply ended by itself with %d\n%s", res.Exit(), &out)
	}
	return res
}

// judge fails unless the host is before or after, in files and in the daemon.
func (h *sweepHost) judge(what string) string {
	h.Helper()
	h.clean(what)
	info, err := exec.Command("docker", "info", "--format", "{{.SecurityOptions}} {{.Labels}} {{.ContainersRunning}}").CombinedOutput()
	if err != nil {
		h.Fatalf("%s: dockerd does not answer: %v\n%s", what, err, info)
	}
	said := strings.TrimSpace(string(info))
	diffBefore := cmp.Diff(h.before, h.dump(true))
	if diffBefore == "" && h.runs["before"](said) {
		return "before"
	}
	diffAfter := cmp.Diff(h.after, h.dump(false))
	if diffAfter == "" && h.runs["after"](said) {
		return "after"
	}
	h.Fatalf("%s: the host is neither before nor after\ndocker info: %s\nto before: %s\nto after: %s", what, info, diffBefore, diffAfter)
	return ""
}

// clean fails when a transaction is open or something was left behind.
func (h *sweepHost) clean(what string) {
	h.Helper()
	for _, pattern := range []string{
		"/var/lib/bulwark/ACTIVE*", "/var/lib/bulwark/*.tmp", "/var/lib/bulwark/txn/.*", "/var/lib/bulwark/bin/.*",
		"/etc/.*~", "/etc/docker/.*~", "/etc/docker/seccomp/.*~", "/etc/systemd/system/.*~",
		"/etc/audit/.*~", "/etc/audit/rules.d/.*~", "/etc/tmpfiles.d/.*~", "/etc/systemd/journald.conf.d/.*~",
	} {
		left, err := filepath.Glob(pattern)
		if err != nil || len(left) > 0 {
			h.Fatalf("%s: left behind: %v %v", what, left, err)
		}
	}
}

// dump is the state of all that lies below /etc, of bulwark's own part of the
// kernel's rules and of the record of it. Times are compared only where
// they must come back: a file that was put back has its old one.
func (h *sweepHost) dump(times bool) map[string]string {
	h.Helper()
	rules, err := dumpRules()
	if err != nil {
		h.Fatal(err)
	}
	record, err := dumpFile("/var/lib/bulwark/egress.json")
	if err != nil {
		h.Fatal(err)
	}
	events, err := auditRules()
	if err != nil {
		h.Fatal(err)
	}
	all := map[string]string{"rules": ownPart(rules), "record": withoutTime(record, times), "audit": events}
	err = filepath.WalkDir("/etc", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			all[path] = "a directory"
			return nil
		}
		text, err := dumpFile(path)
		all[path] = withoutTime(text, times)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return all
}

// auditRules are the kernel's; a container has none.
func auditRules() (string, error) {
	vm, err := inVM()
	if err != nil || !vm {
		return "", err
	}
	return output("auditctl", "-l")
}

func withoutTime(dump string, times bool) string {
	head, tail, found := strings.Cut(dump, "mtime ")
	if times || !found {
		return dump
	}
	_, rest, _ := strings.Cut(tail, "\n")
	return head + rest
}
