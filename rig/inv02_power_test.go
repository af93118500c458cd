//go:build rig

package rig_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

var powerStage = flag.String("power", "", "what rig/powersweep and rig/powercut ask: learn, judge or rollback")

// powerFile keeps what was learned over power cuts.
const powerFile = "/root/power.json"

const refusedFile = "/root/refused.yaml"

// refusedPolicy is the whole policy with a daemon.json that dockerd does not start
// with: apply takes it back by itself.
var refusedPolicy = strings.Replace(wholePolicy, "daemon:\n", "daemon:\n  storage-driver: nosuchdriver\n", 1)

type powerEnds struct {
	Before, After map[string]string
}

// Invariants 2 and 3, the part inside the host that loses its power: it is cut
// from outside, which then asks here what the boot has made of it.
func TestInvariant02Power(t *testing.T) {
	switch *powerStage {
	case "learn":
		powerLearn(t)
	case "judge":
		powerJudge(t)
	case "rollback":
		h := powerHost(t)
		h.rollback()
		h.awaitKept()
		if end := h.judge("rollback after the cut"); end != "before" {
			t.Fatalf("rollback ended as %s", end)
		}
	default:
		t.Skip("driven from outside the host, whose power it cuts: rig/powersweep, rig/powercut")
	}
}

// powerLearn applies once more than it seems to need: under userns-remap
// dockerd has a data root of its own, in which a container is to be kept too.
func powerLearn(t *testing.T) {
	h := preparedHost(t)
	h.mustRun(wholeApply...)
	h.mustRun("docker", "import", "/var/lib/bulwark-rig/busybox.tar", "busybox:test")
	h.keep()
	h.rollback()
	took := h.learn()
	h.touchesAll()
	b, err := json.Marshal(powerEnds{h.before, h.after})
	if err == nil {
		err = os.WriteFile(powerFile, b, 0o600)
	}
	if err == nil {
		err = os.WriteFile(refusedFile, []byte(refusedPolicy), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	calls := h.undisturbed()
	t.Logf("total=%d", len(calls))
	t.Logf("limits=%d", limitsSet(t, calls))
	h.mustRun("sync")
	t.Logf("apply took %.1f seconds", took.Seconds())
}

// limitsSet is the call at which dockerd has set the limits, which apply makes
// durable: after a cut there, recovery has to wait for dockerd.
func limitsSet(t *testing.T, calls []ptrace.Call) int {
	t.Helper()
	i := slices.IndexFunc(calls, func(c ptrace.Call) bool {
		return c.Name == "fsync" && strings.HasPrefix(c.Paths[0], "/var/lib/docker/containers/")
	})
	if i < 0 {
		t.Fatal("the limits were not made durable")
	}
	return calls[i].N
}

func powerHost(t *testing.T) *sweepHost {
	t.Helper()
	b, err := os.ReadFile(powerFile)
	var ends powerEnds
	if err == nil {
		err = json.Unmarshal(b, &ends)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &sweepHost{T: t, runs: wholeRuns, before: ends.Before, after: ends.After}
}

// powerJudge finds the host as the boot left it, which is over, with the units that
// recover: nobody has called recover.
func powerJudge(t *testing.T) {
	h := powerHost(t)
	h.awaitKept()
	if exists("/var/lib/bulwark/ACTIVE") {
		t.Error("the boot left a transaction open")
	}
	h.mustRun("bulwark", "history")
	if failed, err := output("systemctl", "list-units", "--failed", "--plain", "--no-legend", "bulwark*"); err != nil || failed != "" {
		t.Errorf("units of bulwark failed in the boot: %v\n%s", err, failed)
	}
	// A draft that never became a transaction is dropped by the next command that
	// writes; nothing else may be left for one to do.
	drafts, _ := filepath.Glob("/var/lib/bulwark/txn/.new-*")
	if res := h.crash(math.MaxInt32, recoverCommand); len(drafts) == 0 && len(res.Calls) > 0 {
		t.Errorf("the boot left something to recover: %v", res.Calls)
	}
	t.Logf("second recovery: %t", ranInBoot(t, "bulwark-recover-limits.service"))
	t.Logf("state: %s", h.judge("after the boot"))
}

// ranInBoot tells whether a unit was started since the boot.
func ranInBoot(t *testing.T, unit string) bool {
	t.Helper()
	at, err := output("systemctl", "show", "-p", "ExecMainStartTimestampMonotonic", "--value", unit)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(at) != "0"
}

// awaitKept waits for the container that dockerd is to start by itself.
func (h *sweepHost) awaitKept() {
	h.Helper()
	const limit = 3 * time.Minute
	for deadline := time.Now().Add(limit); ; time.Sleep(300 * time.Millisecond) {
		out, err := exec.Command("docker", "inspect", "-f", "{{.State.Running}}", "kept").CombinedOutput()
		if err == nil && strings.TrimSpace(string(out)) == "true" {
			return
		}
		if time.Now().After(deadline) {
			h.Fatalf("the container with a restart policy does not run after %s: %v\n%s", limit, err, out)
		}
	}
}
