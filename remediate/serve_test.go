package remediate

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestCanServe: dockerd is not restarted while it starts or stops, nor when
// nobody could tell whether it came back.
func TestCanServe(t *testing.T) {
	const mute = "docker is not running"
	for _, tc := range []struct {
		active, sub, engine, want string
	}{
		{"active", "running", "", ""},
		{"active", "running", mute, "it runs and cannot be asked: " + mute},
		{"activating", "start", mute, "docker.service is activating (start)"},
		{"activating", "auto-restart", mute, ""}, // a crash loop may be what the change ends
		{"deactivating", "stop-sigterm", mute, "docker.service is deactivating"},
	} {
		s := &resource.Snapshot{Unit: resource.Known(resource.Unit{
			Name: "docker.service", LoadState: "loaded", ActiveState: tc.active, SubState: tc.sub,
		})}
		s.Engine.Unknown = tc.engine
		err := canServe(resource.Service{Action: resource.Restart}, s)
		if (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s (%s), %q: %v, want %q", tc.active, tc.sub, tc.engine, err, tc.want)
		}
		if err := canServe(resource.Service{}, s); err != nil {
			t.Errorf("nothing to serve: %v", err)
		}
	}
}
