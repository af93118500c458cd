package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// resourceControls are D07 beyond the benchmark.
func resourceControls() []Control {
	return []Control{
		{
			ID: "log-size", Title: "Logs of containers are bounded", Severity: resource.Medium, Level: 1, OWASP: []string{"D07", "D10"}, Key: "daemon.log-opts",
			Why: "json-file grows without end by default, until the disk is full and everything stops.",
			How: "max-size of each container with the driver json-file; the driver local has a bound of its own, others keep no file here.", Remedy: recreate("with --log-opt max-size=10m --log-opt max-file=5"), judge: each(lookLogSize),
		},
		{
			ID: "tmpfs-size", Title: "tmpfs mounts have a size", Severity: resource.Low, Level: 1, OWASP: []string{"D07"},
			Why: "Without one a tmpfs may take half of the host's memory, unless the container has a limit of memory.",
			How: "The option size of each tmpfs, in containers without a limit of memory.", Remedy: recreate("with --tmpfs PATH:size=64m"), judge: each(lookTmpfs),
		},
		{
			ID: "oom-killer", Title: "The kernel may end a container that has used up its memory", Severity: resource.Medium, Level: 1, OWASP: []string{"D07"},
			Why: "Without it the container hangs for ever, or without a limit the kernel ends something else.",
			How: "The flag oom-kill-disable of each container.", Remedy: recreate("without --oom-kill-disable"), judge: when(func(c *resource.Container) bool { return c.Spec.NoOOMKill }, "oom-kill-disable", "the default", ""),
		},
		{
			ID: "writable-layers", Title: "What containers may write on the data root is bounded", Severity: resource.Low, Level: 2, OWASP: []string{"D07", "D09"},
			Why: "Layers and volumes that may be written have no bound: one container fills the disk of all.",
			How: "A person judges; the evidence names containers whose root or volumes can be written.", Remedy: "--read-only, volumes on file systems of their own, --storage-opt size= where the driver has quotas", judge: judgeWritable,
		},
	}
}

func lookLogSize(t *tally, c *resource.Container) *flaw {
	if c.LogDriver != "json-file" && c.LogDriver != "" {
		return nil
	}
	if c.Spec.LogOpts["max-size"] != "" {
		return nil
	}
	return &flaw{"json-file without max-size", "max-size", ""}
}

func lookTmpfs(_ *tally, c *resource.Container) *flaw {
	if c.Spec.Memory > 0 {
		return nil
	}
	var bad []string
	for target, o := range c.Spec.Tmpfs {
		if !sized(o) {
			bad = append(bad, target)
		}
	}
	if len(bad) == 0 && slices.ContainsFunc(c.Spec.Mounts, func(m resource.Mount) bool { return m.Type == "tmpfs" && c.Spec.Tmpfs[m.Target] == "" }) {
		return undecided("it has a tmpfs by --mount, whose size is not read")
	}
	if len(bad) == 0 {
		return nil
	}
	return &flaw{"tmpfs without size: " + join(bad), "size, or a limit of memory", ""}
}

// sized reports a size among the options of a tmpfs; 0 is none (tmpfs(5)).
func sized(options string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if size, ok := strings.CutPrefix(o, "size="); ok && strings.Trim(size, "0kmgKMG%") != "" {
			return true
		}
	}
	return false
}

func judgeWritable(t *tally) {
	all, ok := t.containersOr()
	for _, c := range all {
		volumes := 0
		for _, m := range c.Spec.Mounts {
			if m.Type == "volume" && m.RW {
				volumes++
			}
		}
		if !c.Spec.ReadonlyRoot || volumes > 0 {
			t.byHand("judge what may grow", fmt.Sprintf("%s: root %s, %d volumes that can be written", c.Name, map[bool]string{true: "read-only", false: "can be written"}[c.Spec.ReadonlyRoot], volumes))
		}
	}
	if ok && len(t.evidence) == 0 {
		t.nothing("no container may write to the data root")
	}
}

// loggingControls are D10.
func loggingControls() []Control {
	return []Control{
		{
			ID: "log-driver", Title: "Logs leave the host", Severity: resource.Medium, Level: 2, OWASP: []string{"D10"}, CIS: cis("2.13"), Key: "daemon.log-driver",
			Why: "Who takes over the host removes its logs.",
			How: "The daemon's default log driver: json-file, local and none keep logs here or nowhere. The journal, syslog without an address and agents on this host may forward: a person judges. logging.drivers of the policy names what is meant.", judge: judgeLogDriver,
		},
		{
			ID: "container-logs", Title: "Containers have logs", Severity: resource.Medium, Level: 1, OWASP: []string{"D10"},
			Why: "What was not logged did not happen.",
			How: "The log driver of each container: none.", Remedy: recreate("without --log-driver none"), judge: when(func(c *resource.Container) bool { return c.LogDriver == "none" }, "log driver none", "any other", ""),
		},
		{
			ID: "log-blocking", Title: "A log target that is gone stops no container", Severity: resource.Medium, Level: 1, OWASP: []string{"D10", "D07"},
			Why: "With syslog over TCP, fluentd and gelf over TCP in mode blocking, a container waits for the target: it does not start, or hangs.",
			How: "Driver, address and mode of each container's logs. logging.allow-blocking-tcp of the policy accepts it.", Remedy: recreate("with --log-opt mode=non-blocking, or log to the journal and forward that"), judge: judgeBlocking,
		},
		{
			ID: "audit-running", Title: "The kernel's audit records are kept", Severity: resource.Medium, Level: 2, OWASP: []string{"D10"}, Key: "audit",
			Why: "Rules without a daemon that writes records down are no record.",
			How: "The kernel's audit status: on, a daemon, no record lost.", Remedy: "systemctl enable --now auditd", judge: judgeAuditd,
		},
	}
}

// remote are drivers that send logs over the network.
var remote = map[string]bool{"gelf": true, "fluentd": true, "awslogs": true, "splunk": true, "gcplogs": true, "logentries": true, "etwlogs": true}

func judgeLogDriver(t *tally) {
	set := daemonjson.Current(t.s, "log-driver")
	driver := text(set.Value)
	var opts map[string]string
	_ = json.Unmarshal(daemonjson.Current(t.s, "log-opts").Value, &opts) // of another type: dockerd would not start
	switch {
	case set.Unknown != "":
		t.unknown(resource.DaemonObject, daemonObject, set.Unknown)
	case t.p.Logging != nil && len(t.p.Logging.Drivers) > 0:
		t.namedDriver(driver)
	case set.Doubt != "":
		t.unknown(resource.DaemonObject, daemonObject, doubted("log driver "+driver+" in "+set.Origin, set))
	case leaves(driver, opts):
		t.holds(1)
	case driver == "journald" || driver == "syslog" || remote[driver]:
		t.byHand("the host's own log may be forwarded, which Docker does not know", "log driver "+driver+"; see journald.conf(5) ForwardToSyslog=, systemd-journal-upload, rsyslog")
	case driver == "json-file" || driver == "local" || driver == "none" || driver == "":
		t.failDaemon("log driver "+orNone(driver)+" ("+set.Origin+")", "a driver that sends logs elsewhere")
	default:
		t.byHand("a plugin logs", "log driver "+driver)
	}
}

// leaves reports that logs go to another host by the options themselves: what goes
// to an agent on this one may go on from there, or not.
func leaves(driver string, opts map[string]string) bool {
	at := opts[driver+"-address"]
	if driver == "fluentd" && at == "" {
		at = "localhost"
	}
	_, host, found := strings.Cut(at, "://")
	if !found {
		host = at
	}
	local := strings.HasPrefix(at, "unix") || strings.HasPrefix(host, "localhost") || loopback(strings.TrimPrefix(host, "[")) || strings.HasPrefix(host, "[::1]")
	return !local && (remote[driver] || driver == "syslog" && at != "")
}

func (t *tally) namedDriver(driver string) {
	for _, d := range t.p.Logging.Drivers {
		if d == driver {
			t.holds(1)
			return
		}
	}
	t.failDaemon("log driver "+driver, "one of "+strings.Join(t.p.Logging.Drivers, ", "))
}

func judgeBlocking(t *tally) {
	if t.p.Logging != nil && t.p.Logging.AllowBlockingTCP {
		t.nothing("the policy accepts it")
		return
	}
	each(func(_ *tally, c *resource.Container) *flaw {
		o := c.Spec.LogOpts
		tcp := strings.HasPrefix(o["syslog-address"], "tcp") || strings.HasPrefix(o["gelf-address"], "tcp") ||
			c.LogDriver == "fluentd" && !on(o["fluentd-async"]) && !on(o["fluentd-async-connect"]) && !strings.HasPrefix(o["fluentd-address"], "unix")
		if !tcp || o["mode"] == "non-blocking" {
			return nil
		}
		return &flaw{c.LogDriver + " over TCP, blocking", "mode=non-blocking", ""}
	})(t)
}

func judgeAuditd(t *tally) {
	a, ok := t.s.Audit.Get()
	if !ok {
		t.unknown(resource.HostObject, "audit", t.s.Audit.Unknown)
		return
	}
	k, ok := a.Kernel.Get()
	switch {
	case !ok:
		t.unknown(resource.HostObject, "audit", a.Kernel.Unknown)
	case k.Enabled == resource.AuditOff:
		t.fail(resource.Finding{Kind: resource.HostObject, Object: "audit", Observed: "auditing is off", Expected: "on"})
	case k.PID == 0:
		t.fail(resource.Finding{Kind: resource.HostObject, Object: "audit", Observed: "no daemon takes the kernel's records", Expected: "auditd"})
	case k.Lost > 0:
		t.fail(resource.Finding{Kind: resource.HostObject, Object: "audit", Observed: fmt.Sprintf("%d records were lost since the boot", k.Lost), Expected: "none", Remedy: "auditctl -b with a higher number"})
	default:
		t.holds(1)
	}
}
