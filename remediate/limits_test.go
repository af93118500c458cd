package remediate

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var (
	unlimitedNow = resource.ContainerLimits{Restart: "no"}
	nine         = resource.ContainerLimits{Pids: 9, Restart: "no"}
)

func limitStep(t *testing.T, name string, before, after resource.ContainerLimits) txn.StepSpec {
	t.Helper()
	b, err := json.Marshal(limits.Payload{ID: "id-" + name, Name: name, Before: before, After: after, Back: limits.Back(before, after, 2)})
	if err != nil {
		t.Fatal(err)
	}
	return txn.StepSpec{Name: limitsStep, Payload: b}
}

// withPids is a host of containers with limits of processes.
func withPids(pids map[string]int64) *resource.Snapshot {
	s := &resource.Snapshot{Engine: resource.Known(resource.Engine{
		CPUs: 2, Limits: &resource.LimitSupport{Memory: true, Swap: true, Pids: true, CPUs: true},
	})}
	var all []resource.Container
	for name, n := range pids {
		all = append(all, resource.Container{ID: "id-" + name, Name: name, State: "running", Spec: resource.Spec{Pids: n}})
	}
	slices.SortFunc(all, func(a, b resource.Container) int { return strings.Compare(a.Name, b.Name) })
	s.Containers = resource.Known(all)
	return s
}

func TestUndoLimits(t *testing.T) {
	steps := []txn.StepSpec{
		limitStep(t, "db", unlimitedNow, nine), limitStep(t, "gone", unlimitedNow, nine), limitStep(t, "same", unlimitedNow, nine),
		limitStep(t, "db", nine, resource.ContainerLimits{Pids: 5, Restart: "no"}),
	}
	undo, err := undoLimits("000001", steps, withPids(map[string]int64{"db": 5, "same": 0}), true)
	if err != nil || len(undo.steps) != 1 || len(undo.later) != 0 || !slices.Equal(undo.notes, []string{"container gone is gone: its limits need not be put back"}) {
		t.Fatalf("%+v %v", undo, err)
	}
	var p limits.Payload
	if err := json.Unmarshal(undo.steps[0].Payload, &p); err != nil || p.Name != "db" || p.Before.Pids != 5 || p.After != unlimitedNow {
		t.Errorf("%+v %v", p, err)
	}
	if names := limited(undo.steps); !slices.Equal(names, []string{"db"}) {
		t.Errorf("%q", names)
	}
}

// A container in a data root that dockerd does not have now is not gone: its
// limits go back when dockerd has that root again, and stay if it will not.
func TestUndoLimitsElsewhere(t *testing.T) {
	b, err := json.Marshal(limits.Payload{ID: "id-db", Name: "db", Root: "/old", Before: unlimitedNow, After: nine, Back: unlimitedNow})
	if err != nil {
		t.Fatal(err)
	}
	steps := []txn.StepSpec{{Name: limitsStep, Payload: b}}
	s := withPids(nil)
	s.Engine.Value.RootDir = "/new"
	undo, err := undoLimits("000001", steps, s, true)
	if err != nil || len(undo.steps) != 0 || len(undo.later) != 1 || undo.notes != nil {
		t.Fatalf("%+v %v", undo, err)
	}
	var p limits.Payload
	if err := json.Unmarshal(undo.later[0].Payload, &p); err != nil || !p.Elsewhere || p.Root != "/old" || p.Before != nine || p.After != unlimitedNow {
		t.Errorf("%+v %v", p, err)
	}
	undo, err = undoLimits("000001", steps, s, false)
	if err != nil || undo.steps != nil || undo.later != nil || !slices.Equal(undo.notes, []string{"container db is in /old, which dockerd does not use: its limits stay as they are"}) {
		t.Errorf("%+v %v", undo, err)
	}
	s.Engine.Value.RootDir = "/old"
	undo, err = undoLimits("000001", steps, s, true)
	if err != nil || undo.later != nil || !slices.Equal(undo.notes, []string{"container db is gone: its limits need not be put back"}) {
		t.Errorf("%+v %v", undo, err)
	}
}

// A rollback remembers too which container ran, for a boot in the middle of it.
func TestUndoLimitsOfWhatRuns(t *testing.T) {
	always := resource.ContainerLimits{Restart: "always"}
	steps := []txn.StepSpec{limitStep(t, "db", unlimitedNow, always), limitStep(t, "web", unlimitedNow, always)}
	s := withPids(map[string]int64{"db": 0, "web": 0})
	for i := range s.Containers.Value {
		s.Containers.Value[i].RestartPolicy = "always"
	}
	s.Containers.Value[1].PID = 7
	undo, err := undoLimits("000001", steps, s, false)
	if err != nil || len(undo.steps) != 2 {
		t.Fatalf("%+v %v", undo, err)
	}
	for i, ran := range []bool{false, true} {
		var p limits.Payload
		if err := json.Unmarshal(undo.steps[i].Payload, &p); err != nil || p.Ran != ran || p.After.Restart != "no" {
			t.Errorf("%+v %v", p, err)
		}
	}
}

// What somebody else changed since refuses the whole rollback.
func TestUndoLimitsOfOthers(t *testing.T) {
	steps := []txn.StepSpec{limitStep(t, "db", unlimitedNow, nine), limitStep(t, "web", unlimitedNow, nine)}
	_, err := undoLimits("000001", steps, withPids(map[string]int64{"db": 77, "web": 9}), false)
	var edited *EditedError
	if !errors.As(err, &edited) || len(edited.Conflict.Conflicts) != 1 || !strings.Contains(err.Error(), "container db (pids 9, now 77); nothing was changed") {
		t.Errorf("%v", err)
	}
}

func TestUndoLimitsUnable(t *testing.T) {
	steps := []txn.StepSpec{limitStep(t, "db", unlimitedNow, nine)}
	s := &resource.Snapshot{Containers: resource.Unknown[[]resource.Container]("docker is not running")}
	if _, err := undoLimits("", steps, s, false); err == nil || err.Error() != "cannot bring back the limits of containers: docker is not running" {
		t.Errorf("%v", err)
	}
	if undo, err := undoLimits("", nil, s, false); err != nil || undo.steps != nil || undo.notes != nil {
		t.Error(undo, err)
	}
	if _, err := undoLimits("", []txn.StepSpec{{Name: limitsStep, Payload: json.RawMessage("5")}}, s, false); err == nil {
		t.Error("no error")
	}
}

// A container that came while the transaction ran is no failure of it; one that
// it should have changed and did not is.
func TestDropLater(t *testing.T) {
	policy := &plans.Policy{Limits: &plans.Limits{Apply: true, Rules: []plans.LimitRule{{Pids: 9}}}}
	done := NewPlan(policy, withPids(map[string]int64{"db": 0}))
	if len(done.Operations) != 1 || done.Operations[0].Target != "container db" {
		t.Fatalf("%+v", done.Operations)
	}
	for name, c := range map[string]struct {
		now     map[string]int64
		pending bool
		dropped bool
	}{
		"as planned":     {map[string]int64{"db": 9}, false, false},
		"one more":       {map[string]int64{"db": 9, "new": 0}, false, true},
		"not in effect":  {map[string]int64{"db": 0, "new": 0}, true, true},
		"changed anew":   {map[string]int64{"db": 77}, true, false},
		"gone meanwhile": {map[string]int64{}, false, false},
	} {
		now := NewPlan(policy, withPids(c.now))
		if dropped := dropLater(now, done); dropped != c.dropped || now.Pending() != c.pending {
			t.Errorf("%s: dropped %v, pending %v", name, dropped, now.Pending())
		}
	}
}
