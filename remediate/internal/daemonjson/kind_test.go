package daemonjson_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type reader struct {
	resource.Reader
	file resource.File
	err  error
}

func (r reader) File(path string) (resource.File, error) { r.file.Path = path; return r.file, r.err }

func TestObserve(t *testing.T) {
	var s resource.Snapshot
	daemonjson.Kind{}.Observe(context.Background(), reader{}, &s)
	if s.DaemonJSON.Value.Path != "/etc/docker/daemon.json" || s.DaemonJSON.Unknown != "" {
		t.Errorf("%+v", s.DaemonJSON)
	}
	daemonjson.Kind{Path: "/x.json"}.Observe(context.Background(), reader{err: errors.New("denied")}, &s)
	if s.DaemonJSON.Unknown != "denied" {
		t.Errorf("%+v", s.DaemonJSON)
	}
}

func TestPending(t *testing.T) {
	s := snapshot(`{"icc": false, "group": "x", "debug": false}`, v29)
	s.DaemonJSON.Value.Print.CtimeNS = 300 * second
	engine(s, func(e *resource.Engine) {
		e.LiveRestore = true
		e.SecurityOptions = append(e.SecurityOptions, "name=userns")
	})
	want := []string{"icc", "group", "userns-remap", "live-restore"}
	if got := daemonjson.Pending(s); !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	s.Flags.Value = []resource.Flag{{Name: "live-restore", Bare: true}, {Name: "userns-remap", Value: "default"}}
	if got := daemonjson.Pending(s); !slices.Equal(got, want[:2]) {
		t.Error(cmp.Diff(want[:2], got))
	}
	if got := daemonjson.Pending(snapshot(`{"icc": true}`, v29)); len(got) != 0 {
		t.Error(got)
	}
}
