package daemonjson_test

import (
	"encoding/json"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// icc=false is a rule of iptables, and without br_netfilter packets between
// containers of one bridge do not pass it: dockerd's word is not enough.
func TestIccWithoutBridgeNetfilter(t *testing.T) {
	for nf, want := range map[string]resource.Status{
		"1": resource.OK, "": resource.OK, "0": resource.Manual, "absent": resource.Manual,
	} {
		s := &resource.Snapshot{
			Root:       "/",
			Host:       resource.Known(resource.Host{BridgeNF: nf}),
			DaemonJSON: resource.Known(resource.File{Path: "/etc/docker/daemon.json", Content: []byte(`{"icc":false}`)}),
			Engine: resource.Known(resource.Engine{
				Version: "26.1.5", Bridge: map[string]string{"com.docker.network.bridge.enable_icc": "false"},
			}),
			Flags: resource.Known([]resource.Flag{}),
		}
		s.DaemonJSON.Value.Print.Type = resource.Regular
		r := daemonjson.Kind{}.Diff([]resource.DaemonKey{{Key: "icc", Value: json.RawMessage("false"), Control: "icc"}}, s)
		if got := r.Controls[0].Status; got != want {
			t.Errorf("bridge-nf-call-iptables %q: %s (%s), want %s", nf, got, r.Controls[0].Reason, want)
		}
	}
}
