//go:build rig

package rig_test

import (
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Invariant 22: rules of others and dockerd's own chains are byte for byte and in
// order the same over applies and rollbacks of the whole policy, with containers
// that start before, between and meanwhile.
func TestInvariant22Foreign(t *testing.T) {
	h := newWholeHost(t)
	h.mustRun("bash", "/root/rig/testdata/foreign")
	h.mustRun("systemctl", "restart", "docker") // it puts its jumps above those of others
	h.write("/root/more.yaml", strings.Replace(wholePolicy, "192.0.2.7", "192.0.2.9", 1))
	f := &foreignRules{sweepHost: h}
	all := f.rules()
	f.want = others(all)
	for range max(1, *points/20) {
		f.cycle()
	}
	f.same("everything taken back", all, f.rules())
	t.Logf("%d comparisons, %d containers started, %d of them while bulwark changed rules", f.compared, f.started, f.meanwhile)
}

type foreignRules struct {
	*sweepHost
	want                         string
	compared, started, meanwhile int
}

func (f *foreignRules) cycle() {
	f.Helper()
	f.start("early")
	f.check("a container")
	first := f.applied() // the daemon restarts with another data root
	f.check("apply")
	f.mustRun("docker", "import", "/var/lib/bulwark-rig/busybox.tar", "busybox:test")
	f.start("between")
	f.check("a container after apply")
	f.whileStarting(func() { f.mustRun("bulwark", "apply", "--yes", "--policy", "/root/more.yaml") })
	f.check("apply of other rules")
	f.whileStarting(func() { f.mustRun("bulwark", "rollback", "--yes") })
	f.check("rollback of them")
	f.mustRun("docker", "rm", "-f", "between")
	f.mustRun("bulwark", "rollback", "--yes", "--settle", "0s", "--to", first)
	f.check("rollback")
	f.mustRun("docker", "rm", "-f", "early")
}

// applied is the id of the transaction that brought the host to the policy.
func (f *foreignRules) applied() string {
	f.Helper()
	r := bulwark(wholeApply[1:]...)
	_, id, done := strings.Cut(r.out, "done: transaction ")
	if r.code != 0 || !done {
		f.Fatalf("exit code %d\n%s", r.code, r.out)
	}
	return strings.Fields(id)[0]
}

// start publishes a port, for which dockerd writes rules.
func (f *foreignRules) start(name string) {
	f.Helper()
	f.mustRun("docker", "run", "-d", "--stop-timeout", "1", "--name", name, "-p", "9001:80", "busybox:test", "sleep", "100000")
	f.started++
}

// whileStarting starts containers that publish a port, one after another, as
// long as change runs.
func (f *foreignRules) whileStarting(change func()) {
	f.Helper()
	var stop atomic.Bool
	ran := make(chan int)
	go func() {
		n := 0
		for !stop.Load() {
			if exec.Command("docker", "run", "--rm", "-p", "9002:80", "busybox:test", "true").Run() == nil {
				n++
			}
		}
		ran <- n
	}()
	change()
	stop.Store(true)
	n := <-ran
	if n == 0 {
		f.Error("no container started meanwhile: this proves little")
	}
	f.started, f.meanwhile = f.started+n, f.meanwhile+n
}

func (f *foreignRules) rules() string {
	f.Helper()
	rules, err := dumpRules()
	if err != nil {
		f.Fatal(err)
	}
	return rules
}

func (f *foreignRules) check(what string) {
	f.Helper()
	f.same(what, f.want, others(f.rules()))
}

func (f *foreignRules) same(what, want, now string) {
	f.Helper()
	f.compared++
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(now, "\n")); diff != "" {
		f.Fatalf("after %s: %s", what, diff)
	}
}
