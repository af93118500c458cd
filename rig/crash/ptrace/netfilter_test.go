//go:build linux && amd64

package ptrace_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// A look at rules changes nothing; each way to change them is one call.
func TestChangesOfRulesCount(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("BULWARK_REQUIRE_ROOT") == "" {
		t.Skip("needs root for a network namespace")
	}
	for script, want := range map[string]string{
		"nft list ruleset; iptables-nft-save; iptables-legacy-save": "",
		"nft add table inet x; nft list ruleset":                    "sendmsg",
		"iptables-nft -N X":                                         "sendmsg",
		"iptables-legacy -N X":                                      "setsockopt",
	} {
		res, err := ptrace.Run(ptrace.Options{
			Argv:  []string{"/usr/bin/unshare", "--net", "sh", "-ec", script},
			Env:   append(os.Environ(), "XTABLES_LOCKFILE=/dev/null"),
			Match: func(c ptrace.Call) bool { return strings.Contains(c.Paths[0], "socket:") },
		})
		if err != nil || res.Exit() != 0 {
			t.Fatalf("%s: exit %d, %v", script, res.Exit(), err)
		}
		var got []string
		for _, c := range res.Calls {
			got = append(got, c.Name)
		}
		if !slices.Equal(slices.Compact(got), strings.Fields(want)) {
			t.Errorf("%s: %v, want %s", script, got, want)
		}
	}
}
