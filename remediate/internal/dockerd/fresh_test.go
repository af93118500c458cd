package dockerd

import (
	"encoding/json"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A daemon that starts after the recovery at boot has the old files, and is left
// alone: by that recovery, and by one that goes on when it runs.
func TestFreshIsLeftAlone(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus") // to ask for anything would fail
	p, err := json.Marshal(Payload{Service: resource.Service{Action: resource.Restart}})
	if err != nil {
		t.Fatal(err)
	}
	s := &Step{DockerHost: "unix:///nonexistent/s"}
	for _, info := range []txn.UndoInfo{{Did: true, Boot: true}, {Did: true, Fresh: true}} {
		if err := s.Quiesce(t.Context(), p, info); err != nil {
			t.Errorf("%+v: %v", info, err)
		}
		if err := s.Restore(t.Context(), p, info); err != nil {
			t.Errorf("%+v: %v", info, err)
		}
	}
}
