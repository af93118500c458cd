package control

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// daemonControls are section 2 of the benchmark.
func daemonControls() []Control {
	return []Control{
		{
			ID: "rootless", Title: "dockerd runs without root where it can", Severity: resource.Low, Level: 2, OWASP: []string{"D01"}, CIS: cis("2.1"),
			Why:    "Whoever takes over a daemon that runs as root has the host.",
			How:    "The daemon's security options name rootless; else a person judges whether the workloads would run rootless.",
			Remedy: "dockerd-rootless-setuptool.sh install; it excludes userns-remap, AppArmor profiles, overlay networks and ports below 1024", judge: judgeRootless,
		},
		{
			ID: "icc", Title: "Containers on the default bridge do not reach each other", Severity: resource.Medium, Level: 1, OWASP: []string{"D03"}, CIS: cis("2.2"), Key: "daemon.icc",
			Why:    "A container that was taken over otherwise reaches every port of its neighbours.",
			How:    "The option enable_icc of the network bridge, as the daemon says it.",
			Remedy: "put containers that must talk on networks of their own", judge: judgeICC,
		},
		{
			ID: "log-level", Title: "The daemon logs at level info", Severity: resource.Low, Level: 1, OWASP: []string{"D10"}, CIS: cis("2.3"), Key: "daemon.log-level",
			Why: "Above info, events are missing when they are needed; debug writes more than is wanted, and details of requests.",
			How: "log-level and debug of the running daemon.", judge: judgeLogLevel,
		},
		{
			ID: "iptables", Title: "dockerd manages its packet filter rules", Severity: resource.High, Level: 1, OWASP: []string{"D03"}, CIS: cis("2.4"), Key: "daemon.iptables",
			Why: "Without its rules networks are not kept apart, and DOCKER-USER, where filters of one's own belong, does not exist.",
			How: "iptables of the running daemon: its flags, its file.", judge: want("iptables", true),
		},
		{
			ID: "insecure-registries", Title: "No registry is used without TLS", Severity: resource.High, Level: 1, OWASP: []string{"D08", "D04"}, CIS: cis("2.5"), Key: "daemon.insecure-registries",
			Why: "Whoever is on the way can replace images of such a registry.",
			How: "The registries and networks that the daemon itself lists as insecure; the loopback networks, which always are, do not count.", judge: empty("insecure-registries"),
		},
		{
			ID: "storage-driver-aufs", Title: "The storage driver is not aufs", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: cis("2.6"),
			Why: "aufs was never part of the kernel and is no longer maintained.",
			How: "The storage driver that the daemon names.", Remedy: "move to overlay2: save the images and volumes, change storage-driver, load them again", judge: notDriver("aufs"),
		},
		{
			ID: "storage-driver-devicemapper", Title: "The storage driver is not devicemapper", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: since18("2.7"),
			Why: "devicemapper left Docker with Engine 25; a host that uses it cannot be brought up to date.",
			How: "The storage driver that the daemon names.", Remedy: "move to overlay2: save the images and volumes, change storage-driver, load them again", judge: notDriver("devicemapper"),
		},
		{
			ID: "daemon-tls", Title: "The API listens on TCP with verified clients only", Severity: resource.Critical, Level: 1, OWASP: []string{"D04", "D03"}, CIS: cis("2.7"),
			Why:    "Whoever reaches the API without TLS and a client certificate is root on the host.",
			How:    "Addresses of the running daemon from its flags, file and sockets, and tlsverify beside them.",
			Remedy: "remove the tcp:// address from hosts in daemon.json or -H in the unit; remote clients can use ssh://", judge: judgeTLS,
		},
		{
			ID: "default-ulimits", Title: "Containers have limits of open files and processes by default", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("2.8"), Key: "daemon.default-ulimits",
			Why: "One container can use up what all share.",
			How: "default-ulimits of the running daemon; Engine 29 brings a limit of open files of its own.", judge: judgeUlimits,
		},
		{
			ID: "userns-remap", Title: "Root in a container is not root on the host", Severity: resource.High, Level: 2, OWASP: []string{"D01"}, CIS: cis("2.9"), Key: "userns",
			Why: "Without user namespaces, uid 0 in a container is uid 0 on the host: what it gets hold of, it owns.",
			How: "The security options that the daemon lists: userns or rootless.", judge: judgeUserns,
		},
		{
			ID: "cgroup-parent", Title: "Containers run under the daemon's own cgroup", Severity: resource.Low, Level: 2, OWASP: []string{"D07"}, CIS: cis("2.10"), Key: "daemon.cgroup-parent",
			Why: "Another parent may have no limits, or those of something else.",
			How: "cgroup-parent of the running daemon: its flags, its file.", judge: empty("cgroup-parent"),
		},
		{
			ID: "base-device-size", Title: "The size of base devices was not changed", Severity: resource.Low, Level: 2, OWASP: []string{"D07"}, CIS: cis("2.11"),
			Why: "A larger base device lets one image fill the disk. Only the storage driver devicemapper has them.",
			How: "dm.basesize among storage-opts.", Remedy: "remove dm.basesize from storage-opts", judge: judgeBaseSize,
		},
		{
			ID: "authorization", Title: "An authorization plugin decides about calls of the API", Severity: resource.Low, Level: 2, OWASP: []string{"D04"}, CIS: cis("2.12"),
			Why:    "Without one, whoever may use the socket may do everything.",
			How:    "authorization-plugins of the running daemon.",
			Remedy: "install and test a plugin before its name goes into authorization-plugins: one that does not answer locks everybody out", judge: given("authorization-plugins"),
		},
		{
			ID: "no-new-privileges", Title: "Containers gain no privileges by default", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: cis("2.14"), Key: "daemon.no-new-privileges",
			Why: "A setuid program in an image makes root of any user.",
			How: "no-new-privileges of the running daemon.", judge: want("no-new-privileges", true),
		},
		{
			ID: "live-restore", Title: "Containers live on while dockerd restarts", Severity: resource.Medium, Level: 1, OWASP: []string{"D04", "D02"}, CIS: cis("2.15"), Key: "daemon.live-restore",
			Why: "A daemon whose restart stops everything is a daemon that is not brought up to date.",
			How: "What the daemon says of itself. A swarm node cannot have it.", judge: judgeLiveRestore,
		},
		{
			ID: "userland-proxy", Title: "Published ports go through the kernel", Severity: resource.Low, Level: 1, OWASP: []string{"D03"}, CIS: cis("2.16"), Key: "daemon.userland-proxy",
			Why: "One process of root for each port, and the container does not see who calls.",
			How: "userland-proxy of the running daemon: its flags, its file.", judge: want("userland-proxy", false),
		},
		{
			ID: "seccomp-default", Title: "The daemon's seccomp profile filters system calls", Severity: resource.High, Level: 1, OWASP: []string{"D04"}, CIS: cis("2.17"), Key: "seccomp",
			Why: "Without a filter every system call of the kernel can be tried from every container.",
			How: "The profile that the daemon names among its security options.", judge: judgeSeccompDefault,
		},
		{
			ID: "experimental", Title: "Experimental features are off", Severity: resource.Low, Level: 1, OWASP: []string{"D04"}, CIS: cis("2.18"), Key: "daemon.experimental",
			Why: "They are not finished, and change without notice.",
			How: "What the daemon says of itself.", judge: want("experimental", false),
		},
	}
}

func judgeRootless(t *tally) {
	e, ok := t.engineOr()
	switch {
	case !ok:
	case hasOption(e, "rootless"):
		t.holds(1)
	case hasOption(e, "userns"):
		t.byHand("dockerd runs as root, with user namespaces for its containers", "user namespaces are on, and exclude rootless")
	default:
		t.byHand("dockerd runs as root: judge whether its workloads would run rootless")
	}
}

// judgeICC: a host without the default bridge has no containers on it.
func judgeICC(t *tally) {
	e, ok := t.s.Engine.Get()
	if ok && e.Bridge == nil {
		t.nothing("there is no default bridge")
		return
	}
	want("icc", false)(t)
}

func judgeLogLevel(t *tally) {
	if debug := daemonjson.Current(t.s, "debug"); string(debug.Value) == "true" {
		t.failDaemon(doubted("debug is true ("+debug.Origin+")", debug), "debug: false, log-level: info")
		return
	}
	setting("log-level", "log-level: info", func(_ *tally, v json.RawMessage) string {
		if len(v) > 0 && text(v) == "" {
			return unreadable
		}
		if level := text(v); level != "" && !strings.EqualFold(level, "info") {
			return "log-level is " + level
		}
		return ""
	})(t)
}

func notDriver(name string) func(*tally) {
	return func(t *tally) {
		e, ok := t.engineOr()
		switch {
		case !ok:
		case e.Driver == name:
			t.failDaemon("the storage driver is "+name, "overlay2")
		default:
			t.holds(1)
		}
	}
}

// judgeUlimits: containerd 2.1.5 and newer, and so Engine 29, start containers
// with a soft limit of 1024 open files.
func judgeUlimits(t *tally) {
	e, _ := t.s.Engine.Get()
	if v := release(e); v.Known() && v.AtLeast(29, 0) {
		t.holds(1)
		return
	}
	given("default-ulimits")(t)
}

func judgeUserns(t *tally) {
	e, ok := t.engineOr()
	switch {
	case !ok:
	case hasOption(e, "userns"), hasOption(e, "rootless"):
		t.holds(1)
	default:
		t.failDaemon("user namespaces are off (docker info)", "userns-remap, or rootless")
	}
}

func judgeBaseSize(t *tally) {
	if e, ok := t.s.Engine.Get(); ok && e.Driver != "devicemapper" {
		t.nothing("the storage driver is " + e.Driver)
		return
	}
	setting("storage-opts", "no dm.basesize", func(_ *tally, v json.RawMessage) string {
		for _, o := range list(v) {
			if strings.HasPrefix(o, "dm.basesize") {
				return "storage-opts has " + o
			}
		}
		return ""
	})(t)
}

func judgeLiveRestore(t *tally) {
	if e, ok := t.s.Engine.Get(); ok && e.Swarm != "" && e.Swarm != "inactive" {
		t.nothing("the host is in a swarm, which excludes it")
		return
	}
	want("live-restore", true)(t)
}

func judgeSeccompDefault(t *tally) {
	e, ok := t.engineOr()
	if !ok {
		return
	}
	if !slices.ContainsFunc(e.SecurityOptions, func(o string) bool { return strings.HasPrefix(o, "name=seccomp") }) {
		t.failDaemon("the daemon filters no system calls: kernel or engine lack seccomp", "seccomp")
		return
	}
	setting("seccomp-profile", "the built-in profile, or a stricter one", func(t *tally, v json.RawMessage) string {
		switch profile := text(v); {
		case profile == "unconfined":
			return "seccomp-profile is unconfined"
		case profile != "builtin" && profile != "" && !strings.HasPrefix(path.Clean(profile), "/etc/docker/seccomp/bulwark-"):
			t.byHand("the daemon has a profile of its own; bulwark seccomp compare shows what it allows more than the built-in one", "profile "+profile)
		}
		return ""
	})(t)
}
