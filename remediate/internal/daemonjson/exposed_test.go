package daemonjson_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A file with secrets is made for root alone. One that is there keeps its mode,
// and the plan warns.
func TestSecretsInAReadableFile(t *testing.T) {
	secret := key("labels", `["token=abcd"]`)
	for _, tc := range []struct {
		name, file string
		mode       uint32
		key        resource.DaemonKey
		made       uint32 // mode of a new file
		warns      bool
	}{
		{"new", "", 0, secret, 0o600, false},
		{"new without", "", 0, key("debug", "true"), 0o644, false},
		{"readable", `{}`, 0o644, secret, 0, true},
		{"had one", `{"labels": ["token=abcd"]}`, 0o640, key("debug", "true"), 0, true},
		{"private", `{}`, 0o600, secret, 0, false},
		{"readable without", `{}`, 0o644, key("debug", "true"), 0, false},
	} {
		s := snapshot(tc.file, v29)
		s.DaemonJSON.Value.Print.Mode = tc.mode
		if tc.file == "" {
			s.DaemonJSON.Value.Content, s.DaemonJSON.Value.Print = nil, resource.Fingerprint{Type: resource.Absent}
		}
		r := daemonjson.Kind{}.Diff([]resource.DaemonKey{tc.key}, s)
		warns := slices.ContainsFunc(r.Impacts, func(i resource.Impact) bool { return strings.Contains(i.Text, "holds secrets") })
		if len(r.Changes) != 1 || r.Changes[0].Mode != tc.made || warns != tc.warns {
			t.Errorf("%s: %+v, warns %v", tc.name, r.Changes, warns)
		}
	}
}
