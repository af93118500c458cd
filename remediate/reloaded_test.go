package remediate

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A reload that adds a key is taken back by a restart, one that changes a value
// by a reload.
func TestKeepsKeys(t *testing.T) {
	for _, c := range []struct {
		action        resource.ServiceAction
		before, after string
		want          bool
	}{
		{resource.Reload, "", `{"labels": ["a"]}`, true},
		{resource.Reload, `{"labels": ["a"]}`, `{"labels": ["b"]}`, false},
		{resource.Reload, `{"labels": ["a"]}`, `{"labels": ["b"], "debug": true}`, true},
		{resource.Reload, `{"labels": ["a"], "debug": true}`, `{"labels": ["a"]}`, false},
		{resource.Reload, `nonsense`, `{}`, true},
		{resource.Restart, "", `{"labels": ["a"]}`, false}, // it restarts anyway
	} {
		s := &resource.Snapshot{DaemonJSON: resource.Known(resource.File{Content: []byte(c.before)})}
		plan := &resource.Plan{
			Service: resource.Service{Action: c.action},
			Changes: []resource.Change{{Path: "/etc/other", Content: []byte("{}")}, {Path: configPath(s), Content: []byte(c.after)}},
		}
		if got := keepsKeys(plan, s); got != c.want {
			t.Errorf("%v, %s to %s: %t, want %t", c.action, c.before, c.after, got, c.want)
		}
	}
	if keepsKeys(&resource.Plan{Service: resource.Service{Action: resource.Reload}}, &resource.Snapshot{}) {
		t.Error("without a change of the file")
	}
}
