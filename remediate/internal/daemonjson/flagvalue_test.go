package daemonjson_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestFlagValues: a flag that gives the wanted value is accepted in place of
// the file, in the syntax of each flag.
func TestFlagValues(t *testing.T) {
	for _, tc := range []struct {
		argv       []string
		key, value string
		status     resource.Status
	}{
		{[]string{"--selinux-enabled=0"}, "selinux-enabled", "false", resource.OK},
		{[]string{"--live-restore=maybe"}, "live-restore", "false", resource.Blocked},
		{[]string{"--mtu", "1400"}, "mtu", "1400", resource.OK},
		{[]string{"--mtu", "x"}, "mtu", "1400", resource.Blocked},
		{[]string{"--group=a", "-Gb"}, "group", `"b"`, resource.OK},
		{[]string{"--dns-opt=a", "--dns-opt=b"}, "dns-opts", `["a","b"]`, resource.OK},
		{[]string{"--dns-opt=a"}, "dns-opts", `["a","b"]`, resource.Blocked},
		{[]string{"--log-opt", "max-size=1m", "--log-opt=tag=a=b"}, "log-opts", `{"tag":"a=b"}`, resource.OK},
		{[]string{"--log-opt", "max-size=1m"}, "log-opts", `{"tag":null}`, resource.OK},
		{[]string{"--log-opt", "max-size=1m"}, "log-opts", `{"max-size":null}`, resource.Blocked},
		{[]string{"--feature", "a", "--feature=b=false"}, "features", `{"a":true,"b":false}`, resource.OK},
		{[]string{"--feature", "a=x"}, "features", `{"a":true}`, resource.Blocked},
		{[]string{"--default-network-opt=bridge=mtu=1400"}, "default-network-opts", `{"bridge":{"mtu":"1400"}}`, resource.OK},
		{[]string{"--default-network-opt=bridge"}, "default-network-opts", `{"bridge":{"mtu":"1400"}}`, resource.Blocked},
		{[]string{"--default-ulimit", "nofile=1024:4096"}, "default-ulimits", `{"nofile":{"Name":"nofile","Soft":1024,"Hard":4096}}`, resource.OK},
		{[]string{"--default-ulimit", "nofile=1024"}, "default-ulimits", `{"nofile":{"Name":"nofile","Soft":1024,"Hard":1024}}`, resource.OK},
		{[]string{"--default-ulimit", "nofile=x"}, "default-ulimits", `{"nofile":{"Name":"nofile","Soft":1024,"Hard":1024}}`, resource.Blocked},
		{[]string{"--default-address-pool", "base=10.0.0.0/8,size=24"}, "default-address-pools", `[]`, resource.Blocked},
		{[]string{"-lwarn"}, "log-level", "", resource.Blocked},
		{[]string{"--add-runtime=x=/x"}, "runtimes", `{"y":{"path":"/y"}}`, resource.Changing},
		{[]string{"--icc=true"}, "icc", "", resource.Blocked},
	} {
		s := snapshot("{}", v29)
		engine(s, func(e *resource.Engine) { e.Bridge = nil })
		s.Flags.Value = daemonjson.ParseFlags(tc.argv, nil)
		s.Process.Value.Argv = append([]string{"dockerd"}, tc.argv...)
		r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key(tc.key, tc.value)}, s)
		if r.Controls[0].Status != tc.status {
			t.Errorf("%q, %s: %+v, want %s", tc.argv, tc.value, r.Controls[0], tc.status)
		}
	}
}
