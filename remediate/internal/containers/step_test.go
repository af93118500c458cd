package containers_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/containers"
	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const mib = 1 << 20

type set = resource.ContainerLimits

var (
	none = set{Restart: "no"}
	some = set{Memory: 64 * mib, MemorySwap: -1, NanoCPUs: 5e8, Pids: 9, Restart: "on-failure", RestartMax: 5}
	// lifted is as near to none as Docker comes.
	lifted = set{Memory: 1 << 62, MemorySwap: -1, NanoCPUs: 2e9, Restart: "no"}
)

func config(l set) map[string]any {
	return map[string]any{
		"Memory": l.Memory, "MemorySwap": l.MemorySwap, "NanoCpus": l.NanoCPUs, "PidsLimit": l.Pids,
		"RestartPolicy": map[string]any{"Name": l.Restart, "MaximumRetryCount": l.RestartMax},
	}
}

// now are the limits that the daemon has.
func (d *daemon) now(t *testing.T) set {
	t.Helper()
	b, err := json.Marshal(d.config)
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		Memory, MemorySwap, NanoCpus int64
		PidsLimit                    int64
		RestartPolicy                struct {
			Name              string
			MaximumRetryCount int
		}
	}
	if err := json.Unmarshal(b, &h); err != nil {
		t.Fatal(err)
	}
	return set{
		Memory: h.Memory, MemorySwap: h.MemorySwap, NanoCPUs: h.NanoCpus, Pids: h.PidsLimit,
		Restart: h.RestartPolicy.Name, RestartMax: h.RestartPolicy.MaximumRetryCount,
	}
}

func payload(t *testing.T, before, after set) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(limits.Payload{ID: "id", Name: "web", Before: before, After: after, Back: limits.Back(before, after, 2)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	ctx = context.Background()
	did = txn.UndoInfo{Did: true, SameBoot: true}
)

func TestDoAndBack(t *testing.T) {
	for name, c := range map[string]struct{ before, after, back set }{
		"from none": {none, some, lifted},
		"exactly":   {set{Memory: 32 * mib, MemorySwap: 32 * mib, NanoCPUs: 1e9, Pids: 5, Restart: "always"}, some, set{Memory: 32 * mib, MemorySwap: 32 * mib, NanoCPUs: 1e9, Pids: 5, Restart: "always"}},
		"one":       {set{Pids: 3, Restart: "no"}, set{Restart: "no"}, set{Pids: 3, Restart: "no"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon(t, config(c.before))
			step := &containers.Step{DockerHost: d.address}
			p := payload(t, c.before, c.after)
			if err := step.Check(ctx, p); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time after a crash that lost the record of the first
				if _, err := step.Do(ctx, p); err != nil || d.now(t) != c.after {
					t.Fatalf("%v %+v", err, d.now(t))
				}
			}
			made := len(d.updates)
			for range 2 {
				if err := step.Restore(ctx, p, did); err != nil || d.now(t) != c.back {
					t.Fatalf("%v %+v", err, d.now(t))
				}
			}
			if made > 2 || len(d.updates) > 2*made {
				t.Errorf("%d requests to set, %d in all", made, len(d.updates))
			}
			if (len(step.Notes) > 0) != (c.back != c.before) {
				t.Errorf("%q", step.Notes)
			}
		})
	}
}

// Killed between the two requests that unlimited swap takes, in either
// direction, the step goes on or back.
func TestKilledHalfWay(t *testing.T) {
	between := some
	between.MemorySwap = 1<<63 - 4096
	p := payload(t, none, some)
	d := newDaemon(t, config(between))
	step := &containers.Step{DockerHost: d.address}
	if _, err := step.Do(ctx, p); err != nil || d.now(t) != some {
		t.Errorf("on: %v %+v", err, d.now(t))
	}
	for _, half := range []set{between, {Memory: 1 << 62, MemorySwap: 1<<63 - 4096, NanoCPUs: 2e9, Restart: "no"}} {
		d := newDaemon(t, config(half))
		step := &containers.Step{DockerHost: d.address}
		if err := step.Restore(ctx, p, did); err != nil || d.now(t) != lifted {
			t.Errorf("back: %v %+v", err, d.now(t))
		}
	}
}

// Nothing is touched that was not begun, and nothing before dockerd runs.
func TestRestoreTouchesNothing(t *testing.T) {
	d := newDaemon(t, config(some))
	step := &containers.Step{DockerHost: d.address}
	p := payload(t, none, some)
	if err := step.Restore(ctx, p, txn.UndoInfo{}); err != nil || len(d.updates) > 0 {
		t.Errorf("not begun: %v", err)
	}
	var later *txn.LaterError
	if err := step.Restore(ctx, p, txn.UndoInfo{Did: true, Boot: true}); !errors.As(err, &later) || len(d.updates) > 0 {
		t.Errorf("at boot: %v", err)
	}
	d.config = config(none)
	if err := step.Restore(ctx, p, did); err != nil || len(d.updates) > 0 || step.Notes != nil {
		t.Errorf("as before: %v %q", err, step.Notes)
	}
}

// A container that is gone is noted and no failure, whenever it went.
func TestGone(t *testing.T) {
	p := payload(t, none, some)
	for _, lost := range []int{0, 1, 2} {
		d := newDaemon(t, config(none))
		d.gone, d.lostAfter = lost == 0, lost
		step := &containers.Step{DockerHost: d.address}
		if _, err := step.Do(ctx, p); err != nil || len(step.Notes) != 1 || !strings.HasPrefix(step.Notes[0], "container web is gone") {
			t.Errorf("%d: %v %q", lost, err, step.Notes)
		}
		if err := step.Restore(ctx, p, did); err != nil || len(step.Notes) != 2 {
			t.Errorf("%d: %v %q", lost, err, step.Notes)
		}
		if err := step.Check(ctx, p); err != nil {
			t.Error(err)
		}
	}
}

// A refused update is an error in the daemon's words, and undone is what was
// never done.
func TestRefused(t *testing.T) {
	p := payload(t, none, some)
	d := newDaemon(t, config(none))
	d.refuse = "unable to set memory limit to 67108864"
	step := &containers.Step{DockerHost: d.address}
	if _, err := step.Do(ctx, p); err == nil || err.Error() != "cannot set the limits of container web: the Docker daemon refuses: Error response from daemon: unable to set memory limit to 67108864" {
		t.Errorf("%v", err)
	}
	if err := step.Restore(ctx, p, did); err != nil || d.now(t) != none || step.Notes != nil {
		t.Errorf("%v %+v", err, d.now(t))
	}
	d.refuse, d.discards = "", true
	if _, err := step.Do(ctx, p); err == nil || !strings.Contains(err.Error(), "did not take the limits of container web: memory 64 MiB (with swap unlimited), now none") || !strings.HasSuffix(err.Error(), "Limitation discarded.") {
		t.Errorf("%v", err)
	}
}

// The second of the two requests may be refused too.
func TestRefusedHalfWay(t *testing.T) {
	p := payload(t, none, some)
	d := newDaemon(t, config(none))
	d.dies = func(n int) { d.refuse = "no more" }
	step := &containers.Step{DockerHost: d.address}
	if _, err := step.Do(ctx, p); err == nil {
		t.Error("no error")
	}
	d.dies, d.refuse = nil, ""
	if err := step.Restore(ctx, p, did); err != nil || d.now(t) != lifted {
		t.Errorf("%v %+v", err, d.now(t))
	}
}

// What somebody else changed stops Do before anything, and is left by Restore,
// which puts back the rest.
func TestForeign(t *testing.T) {
	p := payload(t, none, some)
	d := newDaemon(t, config(set{Pids: 77, Restart: "no"}))
	step := &containers.Step{DockerHost: d.address}
	var drift *txn.DriftError
	if _, err := step.Do(ctx, p); !errors.As(err, &drift) || drift.Path != "container web" || drift.What != "pids none, now 77" || len(d.updates) > 0 {
		t.Errorf("%v", err)
	}
	if err := step.Check(ctx, p); !errors.As(err, &drift) {
		t.Errorf("%v", err)
	}
	theirs := some
	theirs.Pids = 77
	d.config = config(theirs)
	left := lifted
	left.Pids = 77
	for range 2 {
		err := step.Restore(ctx, p, did)
		var foreign *txn.ForeignError
		if !errors.As(err, &foreign) || foreign.What != "pids 9, now 77" || d.now(t) != left {
			t.Errorf("%v %+v", err, d.now(t))
		}
	}
	forced := did
	forced.Force = true
	if err := step.Restore(ctx, p, forced); err != nil || d.now(t) != lifted {
		t.Errorf("%v %+v", err, d.now(t))
	}
}

// No container is killed by a limit that it exceeds, neither by Do nor by
// Restore; page cache does not count.
func TestInUse(t *testing.T) {
	d := newDaemon(t, config(none))
	d.usage = 64*mib + 1
	step := &containers.Step{DockerHost: d.address}
	if _, err := step.Do(ctx, payload(t, none, some)); err == nil || !strings.Contains(err.Error(), "would be killed with a limit of 64 MiB") || len(d.updates) > 0 {
		t.Errorf("%v", err)
	}
	d.usage = 64 * mib
	if _, err := step.Do(ctx, payload(t, none, some)); err != nil {
		t.Error(err)
	}
	low := set{Memory: 32 * mib, MemorySwap: 32 * mib, Restart: "no"}
	high := set{Memory: 128 * mib, MemorySwap: 128 * mib, Restart: "no"}
	d.config, d.updates = config(high), nil
	if err := step.Restore(ctx, payload(t, low, high), did); err == nil || !strings.HasSuffix(err.Error(), "restart it, then run recovery again") || len(d.updates) > 0 {
		t.Errorf("%v", err)
	}
	d.pid = 0
	if err := step.Restore(ctx, payload(t, low, high), did); err != nil || d.now(t) != low {
		t.Errorf("%v", err)
	}
}

// A journal that cannot be read and a daemon that is not there are errors.
func TestUnable(t *testing.T) {
	step := &containers.Step{DockerHost: "unix:///nonexistent/s"}
	for _, p := range []json.RawMessage{json.RawMessage("5"), payload(t, none, some)} {
		if _, err := step.Do(ctx, p); err == nil {
			t.Errorf("%s: no error", p)
		}
		if err := step.Restore(ctx, p, did); err == nil {
			t.Errorf("%s: no error", p)
		}
	}
}
