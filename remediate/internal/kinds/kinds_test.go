package kinds_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/kinds"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Each section of a policy must show in the plan of an empty host, served or
// not: a section that a new release adds to the format and forgets here would
// be passed over in silence.
func TestEverySectionShows(t *testing.T) {
	sections := reflect.TypeFor[plans.Policy]()
	seen := 0
	for i := range sections.NumField() {
		f := sections.Field(i)
		if f.Type.Kind() != reflect.Pointer || f.Name == "Userns" {
			continue
		}
		seen++
		var p plans.Policy
		reflect.ValueOf(&p).Elem().Field(i).Set(reflect.New(f.Type.Elem()))
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		r := kinds.Diff(&p, emptyHost(), "/etc/docker/daemon.json")
		if !slices.ContainsFunc(r.Controls, func(c resource.ControlResult) bool {
			return c.ID == name && c.Status != resource.OK
		}) {
			t.Errorf("section %s does not show among %v", name, r.Controls)
		}
	}
	if seen < 10 {
		t.Fatalf("only %d sections found", seen)
	}
}

func emptyHost() *resource.Snapshot {
	return &resource.Snapshot{
		Root:       "/",
		DaemonJSON: resource.Known(resource.File{Path: "/etc/docker/daemon.json", Print: resource.Fingerprint{Type: resource.Absent}}),
		Engine:     resource.Known(resource.Engine{Version: "26.1.5", RootDir: "/var/lib/docker"}),
		Binary:     resource.Known(resource.Binary{Version: "26.1.5"}),
		Flags:      resource.Known([]resource.Flag{}),
		Containers: resource.Known([]resource.Container{}),
		Accounts:   resource.Known(resource.Accounts{}),
	}
}

// An account that nothing names, or a key that names no account, is half a
// change: when one kind cannot serve a control, the other must not try.
func TestControlOfTwoKindsIsWholeOrNot(t *testing.T) {
	p, err := plans.Load("strict", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := emptyHost()
	s.Flags = resource.Known([]resource.Flag{{Name: "userns-remap", Value: "other", Origin: "/etc/default/docker"}})
	r := kinds.Diff(p, s, "/etc/docker/daemon.json")
	for _, c := range r.Changes {
		if slices.Contains(c.Controls, "userns-remap") || c.Kind == "subid" {
			t.Errorf("%s changes for userns-remap, which a flag blocks", c.Path)
		}
		if strings.Contains(string(c.Content), "userns-remap") {
			t.Errorf("daemon.json gets userns-remap, which a flag blocks:\n%s", c.Content)
		}
	}
	if len(r.Changes) == 0 {
		t.Error("the other controls were not served")
	}
}

// Kinds are listed by name once, and observe without a panic on a reader that
// can read nothing.
func TestObserveNothing(t *testing.T) {
	for _, k := range kinds.All("/etc/docker/daemon.json") {
		s := &resource.Snapshot{}
		k.Observe(context.Background(), nil, blind{}, s)
	}
}
