//go:build rig

package rig_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var powerStage = flag.String("power", "", "internal, of rig/powersweep: learn, or judge")

// powerFile keeps what was learned over power cuts.
const powerFile = "/root/power.json"

const refusedFile = "/root/refused.yaml"

// refusedPolicy is the whole policy with a daemon.json that dockerd does not start
// with: apply takes it back by itself.
var refusedPolicy = strings.Replace(wholePolicy, "daemon:\n", "daemon:\n  storage-driver: nosuchdriver\n", 1)

type powerEnds struct {
	Before, After map[string]string
	Total         int
}

// Invariants 2 and 3, the part inside the host that loses power: rig/powersweep
// cuts it, from outside, and asks this after the boot.
func TestInvariant02Power(t *testing.T) {
	switch *powerStage {
	case "learn":
		powerLearn(t)
	case "judge":
		powerJudge(t)
	default:
		t.Skip("driven from outside the host, whose power it cuts: rig/powersweep")
	}
}

func powerLearn(t *testing.T) {
	h := wholeHost(t)
	ends := powerEnds{h.before, h.after, h.total()}
	b, err := json.Marshal(ends)
	if err == nil {
		err = os.WriteFile(powerFile, b, 0o600)
	}
	if err == nil {
		err = os.WriteFile(refusedFile, []byte(refusedPolicy), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.mustRun("sync")
	t.Logf("total=%d", ends.Total)
}

// powerJudge finds the host as the boot left it: nobody has called recover.
func powerJudge(t *testing.T) {
	b, err := os.ReadFile(powerFile)
	var ends powerEnds
	if err == nil {
		err = json.Unmarshal(b, &ends)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := &sweepHost{T: t, runs: wholeRuns, before: ends.Before, after: ends.After}
	h.untilContainersRun()
	if exists("/var/lib/bulwark/ACTIVE") {
		t.Error("the boot left a transaction open")
	}
	h.mustRun("bulwark", "history")
	// A draft that never became a transaction is dropped by the next command that
	// writes; nothing else may be left for one to do.
	drafts, _ := filepath.Glob("/var/lib/bulwark/txn/.new-*")
	if res := h.crash(math.MaxInt32, recoverCommand); len(drafts) == 0 && len(res.Calls) > 0 {
		t.Errorf("the boot left something to recover: %v", res.Calls)
	}
	end := h.judge("after the boot")
	if end == "after" {
		h.mustRun("bulwark", "rollback", "--yes", "--settle", "0s")
		h.judge("rollback")
	}
	t.Logf("end=%s", end)
}

// untilContainersRun waits for those with a restart policy: under userns-remap
// there are none.
func (h *sweepHost) untilContainersRun() {
	for range 100 {
		out, err := exec.Command("docker", "info", "--format", "{{.SecurityOptions}} {{.Containers}} {{.ContainersRunning}}").Output()
		if f := strings.Fields(string(out)); err == nil && len(f) > 2 && f[len(f)-1] == f[len(f)-2] {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}
