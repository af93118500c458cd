package daemonjson_test

import (
	"encoding/json"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A dockerd that cannot raise its own limit of open files cannot give a
// container a higher one; then no container starts any more.
func TestNofileBeyondDockerd(t *testing.T) {
	for _, tc := range []struct {
		hard  uint64
		value string
		want  resource.Status
	}{
		{20000, `{"nofile":{"Name":"nofile","Hard":524288,"Soft":1024}}`, resource.Blocked},
		{20000, `{"nofile":{"Name":"nofile","Hard":-1,"Soft":1024}}`, resource.Blocked},
		{20000, `{"nofile":{"Name":"nofile","Hard":20000,"Soft":1024}}`, resource.Changing},
		{20000, `{"nproc":{"Name":"nproc","Hard":99999,"Soft":99999}}`, resource.Changing},
		{0, `{"nofile":{"Name":"nofile","Hard":524288,"Soft":1024}}`, resource.Changing},
	} {
		s := &resource.Snapshot{
			Root:       "/",
			DaemonJSON: resource.Known(resource.File{Path: "/etc/docker/daemon.json"}),
			Engine:     resource.Known(resource.Engine{Version: "26.1.5"}),
			Process:    resource.Known(resource.Process{PID: 1, Argv: []string{"dockerd"}, NofileHard: tc.hard}),
			Flags:      resource.Known([]resource.Flag{}),
		}
		r := daemonjson.Kind{}.Diff([]resource.DaemonKey{{
			Key: "default-ulimits", Value: json.RawMessage(tc.value), Control: "default-ulimits",
		}}, s)
		if got := r.Controls[0].Status; got != tc.want {
			t.Errorf("limit %d, %s: %s (%s), want %s", tc.hard, tc.value, got, r.Controls[0].Reason, tc.want)
		}
	}
}
