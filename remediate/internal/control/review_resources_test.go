package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestResourcesAndLogs(t *testing.T) {
	c1 := func(change func(*resource.Container)) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){with("c", change)}
	}
	logs := func(driver string, opts ...string) []func(*resource.Snapshot) {
		return c1(func(c *resource.Container) {
			c.LogDriver, c.Spec.LogOpts = driver, map[string]string{}
			for i := 0; i+1 < len(opts); i += 2 {
				c.Spec.LogOpts[opts[i]] = opts[i+1]
			}
		})
	}
	tmpfs := func(o string) []func(*resource.Snapshot) {
		return c1(func(c *resource.Container) { c.Spec.Tmpfs = map[string]string{"/t": o} })
	}
	driver := func(name string) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.LoggingDriver = name })}
	}
	audit := func(k resource.AuditKernel) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){func(s *resource.Snapshot) { s.Audit = resource.Known(resource.Audit{Kernel: resource.Known(k)}) }}
	}
	for _, c := range []rebuiltCase{
		{name: "bounded", edit: logs("json-file", "max-size", "1m"), control: "log-size", want: resource.Holds},
		{name: "without a bound", edit: logs("json-file", "max-file", "5"), control: "log-size", want: resource.Fails},
		{name: "the driver of old", edit: logs(""), control: "log-size", want: resource.Fails},
		{name: "local", edit: logs("local"), control: "log-size", want: resource.Holds},
		{name: "tmpfs", edit: tmpfs("rw,size=64m"), control: "tmpfs-size", want: resource.Holds},
		{name: "tmpfs without size", edit: tmpfs("rw,resize=1"), control: "tmpfs-size", want: resource.Fails},
		{name: "tmpfs of size 0", edit: tmpfs("size=0"), control: "tmpfs-size", want: resource.Fails},
		{name: "tmpfs by --mount", edit: c1(func(c *resource.Container) { c.Spec.Mounts = []resource.Mount{{Type: "tmpfs", Target: "/t"}} }), control: "tmpfs-size", want: resource.Unjudged},
		{name: "tmpfs in a limit", edit: c1(func(c *resource.Container) { c.Spec.Memory, c.Spec.Tmpfs = 1, map[string]string{"/t": ""} }), control: "tmpfs-size", want: resource.Holds},
		{name: "oom", edit: c1(func(c *resource.Container) { c.Spec.NoOOMKill = true }), control: "oom-killer", want: resource.Fails},
		{name: "no oom", edit: c1(none), control: "oom-killer", want: resource.Holds},
		{name: "writable", edit: c1(none), control: "writable-layers", want: resource.ByHand},
		{name: "a volume", edit: c1(func(c *resource.Container) {
			c.Spec.ReadonlyRoot, c.Spec.Mounts = true, []resource.Mount{{Type: "volume", RW: true}}
		}), control: "writable-layers", want: resource.ByHand},
		{name: "not writable", edit: c1(func(c *resource.Container) {
			c.Spec.ReadonlyRoot, c.Spec.Mounts = true, []resource.Mount{{Type: "volume"}}
		}), control: "writable-layers", want: resource.NoObject},
		{name: "no logs", edit: logs("none"), control: "container-logs", want: resource.Fails},
		{name: "logs", edit: logs("journald"), control: "container-logs", want: resource.Holds},
		{name: "syslog over TCP", edit: logs("syslog", "syslog-address", "tcp+tls://h:1"), control: "log-blocking", want: resource.Fails},
		{name: "syslog over UDP", edit: logs("syslog", "syslog-address", "udp://h:1"), control: "log-blocking", want: resource.Holds},
		{name: "not blocking", edit: logs("syslog", "syslog-address", "tcp://h:1", "mode", "non-blocking"), control: "log-blocking", want: resource.Holds},
		{name: "gelf over TCP", edit: logs("gelf", "gelf-address", "tcp://h:1"), control: "log-blocking", want: resource.Fails},
		{name: "fluentd", edit: logs("fluentd"), control: "log-blocking", want: resource.Fails},
		{name: "fluentd async", edit: logs("fluentd", "fluentd-async", "1"), control: "log-blocking", want: resource.Holds},
		{name: "fluentd by a socket", edit: logs("fluentd", "fluentd-address", "unix:///s"), control: "log-blocking", want: resource.Holds},
		{name: "accepted", edit: logs("fluentd"), policy: &plans.Policy{Logging: &plans.Logging{AllowBlockingTCP: true}}, control: "log-blocking", want: resource.NoObject},
		{name: "journald", edit: driver("journald"), control: "log-driver", want: resource.ByHand},
		{name: "gelf", file: `{"log-opts": {"gelf-address": "udp://logs.example:1"}}`, edit: driver("gelf"), control: "log-driver", want: resource.Holds},
		{name: "fluentd here", edit: driver("fluentd"), control: "log-driver", want: resource.ByHand},
		{name: "gelf here", file: `{"log-opts": {"gelf-address": "udp://127.0.0.1:1"}}`, edit: driver("gelf"), control: "log-driver", want: resource.ByHand},
		{name: "syslog", edit: driver("syslog"), control: "log-driver", want: resource.ByHand},
		{name: "syslog elsewhere", file: `{"log-opts": {"syslog-address": "tcp://logs.example:1"}}`, edit: driver("syslog"), control: "log-driver", want: resource.Holds},
		{name: "syslog by a socket", file: `{"log-opts": {"syslog-address": "unixgram:///dev/log"}}`, edit: driver("syslog"), control: "log-driver", want: resource.ByHand},
		{name: "a plugin", edit: driver("loki"), control: "log-driver", want: resource.ByHand},
		{name: "the policy's", edit: driver("json-file"), policy: &plans.Policy{Logging: &plans.Logging{Drivers: []string{"json-file"}}}, control: "log-driver", want: resource.Holds},
		{name: "not the policy's", edit: driver("gelf"), policy: &plans.Policy{Logging: &plans.Logging{Drivers: []string{"json-file"}}}, control: "log-driver", want: resource.Fails},
		{name: "audit", edit: audit(resource.AuditKernel{Enabled: resource.AuditOn, PID: 1}), control: "audit-running", want: resource.Holds},
		{name: "audit off", edit: audit(resource.AuditKernel{PID: 1}), control: "audit-running", want: resource.Fails},
		{name: "nobody takes records", edit: audit(resource.AuditKernel{Enabled: resource.AuditLocked}), control: "audit-running", want: resource.Fails},
		{name: "lost", edit: audit(resource.AuditKernel{Enabled: resource.AuditOn, PID: 1, Lost: 1}), control: "audit-running", want: resource.Fails},
		{name: "a rule, and auditing off", edit: []func(*resource.Snapshot){auditing("/etc/docker", "-w /etc/docker -p wa"), func(s *resource.Snapshot) { s.Audit.Value.Kernel.Value.Enabled = resource.AuditOff }}, control: "audit-etc-docker", want: resource.Fails, says: "off"},
		{name: "nothing there", edit: []func(*resource.Snapshot){auditing("/etc/docker", "-w /etc/docker -p wa"), func(s *resource.Snapshot) { s.Audit.Value.Paths["/etc/docker"] = resource.AuditPath{} }}, control: "audit-etc-docker", want: resource.NoObject},
	} {
		t.Run(c.name, c.run)
	}
}

// What is apart by its labels.
func TestContexts(t *testing.T) {
	labels := func(kv ...string) map[string]string { return map[string]string{kv[0]: kv[1]} }
	in := func(name string, l map[string]string, network string, m ...resource.Mount) func(*resource.Snapshot) {
		return with(name, func(c *resource.Container) {
			c.Labels, c.Networks, c.Spec.Mounts = l, []resource.Endpoint{{Network: network}}, m
		})
	}
	both := func(a, b func(*resource.Snapshot)) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){a, b}
	}
	volume, bind := resource.Mount{Type: "volume", Name: "v"}, resource.Mount{Type: "bind", Source: "/srv"}
	prod, test := labels("com.example.env", "prod"), labels("environment", "test")
	by := func(label string, values ...string) *plans.Policy {
		return &plans.Policy{Contexts: &plans.Contexts{Label: label, Values: values}}
	}
	for _, c := range []rebuiltCase{
		{name: "one network", edit: both(in("a", prod, "n"), in("b", test, "n")), control: "contexts-network", want: resource.Fails, says: "n: shared by prod, test"},
		{name: "two networks", edit: both(in("a", prod, "n"), in("b", test, "m")), control: "contexts-network", want: resource.Holds},
		{name: "no network", edit: both(in("a", prod, "none"), in("b", test, "none")), control: "contexts-network", want: resource.Holds},
		{name: "one context", edit: both(in("a", prod, "n"), in("b", prod, "n")), control: "contexts-network", want: resource.NoObject},
		{name: "no labels", edit: both(in("a", nil, "n"), in("b", nil, "n")), control: "contexts-network", want: resource.NoObject},
		{name: "another label", edit: both(in("a", labels("x-env2", "a"), "n"), in("b", labels("x-env2", "b"), "n")), control: "contexts-network", want: resource.NoObject},
		{name: "the policy's label", edit: both(in("a", labels("team", "a"), "n"), in("b", labels("team", "b"), "n")), policy: by("team"), control: "contexts-network", want: resource.Fails},
		{name: "not the policy's label", edit: both(in("a", prod, "n"), in("b", test, "n")), policy: by("team"), control: "contexts-network", want: resource.NoObject},
		{name: "not the policy's values", edit: both(in("a", labels("team", "a"), "n"), in("b", labels("team", "b"), "n")), policy: by("team", "a", "c"), control: "contexts-network", want: resource.NoObject},
		{name: "not to be apart", edit: both(in("a", prod, "n"), in("b", test, "n")), policy: &plans.Policy{Contexts: &plans.Contexts{Separate: []string{"volume"}}}, control: "contexts-network", want: resource.NoObject},
		{name: "one volume", edit: both(in("a", prod, "n", volume), in("b", test, "m", volume)), control: "contexts-volume", want: resource.Fails, says: "volume v"},
		{name: "one directory", edit: both(in("a", prod, "n", bind), in("b", test, "m", bind)), control: "contexts-volume", want: resource.Fails, says: "/srv"},
		{name: "two volumes", edit: both(in("a", prod, "n", volume), in("b", test, "m", bind)), control: "contexts-volume", want: resource.Holds},
		{name: "one host", edit: both(in("a", prod, "n"), in("b", test, "m")), control: "contexts-host", want: resource.Fails},
		{name: "one host for one", edit: both(in("a", prod, "n"), in("b", prod, "m")), control: "contexts-host", want: resource.NoObject},
	} {
		t.Run(c.name, c.run)
	}
}
