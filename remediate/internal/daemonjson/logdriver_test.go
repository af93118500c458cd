package daemonjson_test

import (
	"encoding/json"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A policy that bounds logs without naming a driver must not touch a host that
// sends them elsewhere, by file or by flag.
func TestLogOptsWithoutDriver(t *testing.T) {
	for _, tc := range []struct {
		file  string
		flags []resource.Flag
		want  resource.Status
	}{
		{`{}`, nil, resource.Changing},
		{`{"log-driver":"json-file"}`, nil, resource.Changing},
		{`{"log-driver":"local"}`, nil, resource.Changing},
		{`{"log-driver":"journald"}`, nil, resource.Blocked},
		{`{}`, []resource.Flag{{Name: "log-driver", Value: "journald", Origin: "/etc/default/docker"}}, resource.Blocked},
		{`{}`, []resource.Flag{{Name: "log-driver", Value: "local", Origin: "/etc/default/docker"}}, resource.Changing},
	} {
		s := &resource.Snapshot{
			Root: "/",
			DaemonJSON: resource.Known(resource.File{
				Path: "/etc/docker/daemon.json", Content: []byte(tc.file), Print: resource.Fingerprint{Type: resource.Regular},
			}),
			Engine: resource.Known(resource.Engine{Version: "26.1.5"}),
			Flags:  resource.Known(tc.flags),
		}
		r := daemonjson.Kind{}.Diff([]resource.DaemonKey{{
			Key: "log-opts", Value: json.RawMessage(`{"max-size":"10m"}`), Control: "log-opts",
		}}, s)
		if got := r.Controls[0].Status; got != tc.want {
			t.Errorf("%s %v: %s (%s), want %s", tc.file, tc.flags, got, r.Controls[0].Reason, tc.want)
		}
	}
}
