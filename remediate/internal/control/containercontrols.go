package control

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// containerControls are 4.1 and the part of section 5 of the benchmark that is
// about what a container may do.
func containerControls() []Control {
	return []Control{
		{
			ID: "container-user", Title: "Containers run as a user of their own", Severity: resource.Medium, Level: 1, OWASP: []string{"D01"}, CIS: cis("4.1"),
			Why:    "A process that was taken over is root in the container, with root's capabilities, and on the host too unless user namespaces are on.",
			How:    "The user that each container was made with, its image's included: name root, number 0, or none.",
			Remedy: "USER in the Dockerfile, or user: in the compose file", judge: each(lookUser),
		},
		{
			ID: "apparmor", Title: "Containers run under an AppArmor profile", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: cis("5.2"),
			Why: "The profile keeps a process off /proc and /sys files that command the kernel.",
			How: "The profile that each container runs under, where the kernel has AppArmor.", Remedy: recreate("without apparmor=unconfined"), judge: judgeAppArmor,
		},
		{
			ID: "selinux", Title: "Containers run under SELinux labels of their own", Severity: resource.Medium, Level: 2, OWASP: []string{"D04"}, CIS: cis("5.3"), Key: "daemon.selinux-enabled",
			Why: "The labels keep containers from each other's files and from the host's.",
			How: "The label that each container runs with, where the kernel has SELinux.", Remedy: recreate("without label=disable"), judge: judgeSELinux,
		},
		{
			ID: "capabilities-added", Title: "Containers have no capabilities beyond the default", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: cis("5.4"),
			Why: "Each one is a part of root's power.",
			How: "Added capabilities that are not among the 14 of Docker's default; privileged adds all.", Remedy: recreate("with --cap-drop ALL and only those --cap-add that it needs"), judge: each(lookCapabilities),
		},
		{
			ID: "capabilities-dangerous", Title: "No container has a capability that leads to the host", Severity: resource.High, Level: 1, OWASP: []string{"D04"},
			Why: "With one of these a root process loads kernel modules, mounts file systems, reads any file or enters other processes.",
			How: "SYS_ADMIN, SYS_MODULE, SYS_PTRACE, SYS_RAWIO, SYS_BOOT, DAC_READ_SEARCH, BPF, PERFMON, MAC_ADMIN, MAC_OVERRIDE, SYSLOG, NET_ADMIN or ALL, added; privileged adds all.", Remedy: recreate("without that --cap-add"), judge: each(lookDangerous),
		},
		{
			ID: "privileged", Title: "No container is privileged", Severity: resource.Critical, Level: 1, OWASP: []string{"D04", "D01"}, CIS: cis("5.5"),
			Why: "A privileged container has all capabilities, all devices and no filter: its root is the host's.",
			How: "The flag privileged of each container.", Remedy: recreate("with the one device or capability that it needs"), judge: when(func(c *resource.Container) bool { return c.Privileged }, "privileged", "not privileged", recreate("without --privileged, with the one device or capability that it needs")),
		},
		{
			ID: "sensitive-mounts", Title: "No directory of the host's system can be written in a container", Severity: resource.High, Level: 1, OWASP: []string{"D09", "D04"}, CIS: cis("5.6"),
			Why: "What a container may write under /etc, /usr or /root, the host runs.",
			How: "Bind mounts that may be written, of a system directory, of anything below one, or of a directory that has one below it.", Remedy: recreate("with :ro, or a volume, or the one file that it needs"), judge: each(lookMounts),
		},
		{
			ID: "sshd", Title: "No ssh daemon runs in a container", Severity: resource.Low, Level: 1, OWASP: []string{"D09"}, CIS: cis("5.7"),
			Why: "It is a second way in, with keys and accounts that nobody looks after.",
			How: "Processes of the host named sshd or dropbear that belong to a container's cgroup.", Remedy: "build the image without it; docker exec does the same", judge: judgeSSHD,
		},
		{
			ID: "privileged-ports", Title: "No port below 1024 is published", Severity: resource.Low, Level: 1, OWASP: []string{"D03"}, CIS: cis("5.8"),
			Why: "Such ports are for the services of the host; a container that takes one speaks in their name.",
			How: "Ports of the host below 1024 to which a container's port is published, on any address.", Remedy: "publish another port, behind a proxy that is meant to have the low one; waive it for that proxy", judge: each(lookLowPorts),
		},
		{
			ID: "published-ports", Title: "Only needed ports are published", Severity: resource.Medium, Level: 1, OWASP: []string{"D03"}, CIS: cis("5.9"),
			Why: "Each open port is one more way in.",
			How: "A person judges the list of published ports.", Remedy: recreate("without the -p that nobody needs"), judge: judgePublished,
		},
		{
			ID: "bind-address", Title: "Published ports have an address of their own", Severity: resource.Medium, Level: 1, OWASP: []string{"D03"}, CIS: cis("5.14"), Key: "daemon.ip",
			Why: "A port on the wildcard address is open on every network of the host, past the rules of ufw and firewalld.",
			How: "The host address of each published port: 0.0.0.0, :: and none are the wildcard.", Remedy: recreate("with -p ADDRESS:PORT:PORT"), judge: each(lookWildcard),
		},
		{
			ID: "memory-limit", Title: "Containers have a limit of memory", Severity: resource.Medium, Level: 1, OWASP: []string{"D07"}, CIS: cis("5.11"), Key: "limits",
			Why: "One that leaks makes the kernel kill what it picks, on the whole host.",
			How: "The limit that each container was given.", judge: each(func(_ *tally, c *resource.Container) *flaw {
				if c.Spec.Memory > 0 {
					return nil
				}
				return &flaw{"no limit of memory", "a limit", update(c, "--memory 512m --memory-swap 512m") + " (with the size that it needs)"}
			}),
		},
		{
			ID: "cpu-limit", Title: "Containers have a share or limit of CPU", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("5.12"), Key: "limits",
			Why: "One that runs wild slows all others down.",
			How: "Shares, CPUs or a quota that each container was given.", judge: each(func(_ *tally, c *resource.Container) *flaw {
				if c.Spec.NanoCPUs > 0 || c.Spec.CPUQuota > 0 || c.Spec.CPUShares > 0 && c.Spec.CPUShares != 1024 {
					return nil
				}
				return &flaw{"neither share nor limit of CPU", "one of them", update(c, "--cpus 1") + " (with what it needs)"}
			}),
		},
		{
			ID: "pids-limit", Title: "Containers have a limit of processes", Severity: resource.Medium, Level: 1, OWASP: []string{"D07"}, CIS: cis("5.29"), Key: "limits",
			Why: "A fork bomb in one stops the whole host.",
			How: "The limit that each container was given; 0 and -1 are none.", judge: each(func(_ *tally, c *resource.Container) *flaw {
				if c.Spec.Pids > 0 {
					return nil
				}
				return &flaw{"no limit of processes", "a limit", update(c, "--pids-limit 200") + " (with the number that it needs)"}
			}),
		},
		{
			ID: "restart-policy", Title: "Containers are restarted five times at most", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("5.15"), Key: "limits",
			Why: "A container that fails for ever is started for ever, and nobody is told.",
			How: "on-failure with at most 5 tries, or no policy. always and unless-stopped have no bound; tasks of a swarm have its own.", judge: each(lookRestart),
		},
		{
			ID: "healthcheck", Title: "Containers have a health check", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("5.27"),
			Why: "A container that hangs counts as running.",
			How: "A health check of the container, its image's included.", Remedy: "HEALTHCHECK in the Dockerfile, --health-cmd, or healthcheck: in the compose file",
			judge: when(func(c *resource.Container) bool { return c.Spec.Health == "" }, "no health check", "a health check", ""),
		},
		{
			ID: "read-only-root", Title: "The root file system of containers is read-only", Severity: resource.Medium, Level: 1, OWASP: []string{"D09"}, CIS: cis("5.13"),
			Why: "Whoever breaks in otherwise keeps tools there, and the container is no longer its image.",
			How: "The flag read-only of each container.", Remedy: recreate("with --read-only"), judge: judgeReadOnly,
		},
	}
}

func lookUser(t *tally, c *resource.Container) *flaw {
	user, _, _ := strings.Cut(c.User, ":")
	n, err := strconv.Atoi(user)
	if user != "" && user != "root" && (err != nil || n != 0) {
		return nil
	}
	seen := "runs as root"
	if c.UsernsMode != "host" && t.mapped {
		seen += ", which is an ordinary user on the host"
	}
	return &flaw{seen, "a user of its own", ""}
}

// defaultCapabilities are those that dockerd gives (moby daemon/pkg/oci/caps).
var defaultCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

var dangerous = []string{
	"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_BOOT", "DAC_READ_SEARCH", "BPF", "PERFMON",
	"MAC_ADMIN", "MAC_OVERRIDE", "SYSLOG", "NET_ADMIN",
}

// added are the capabilities that were added. One that is both added and dropped
// is there: dockerd drops from its default only, then adds (TweakCapabilities of
// moby daemon/pkg/oci/caps).
func added(c *resource.Container) []string { return names(c.Spec.CapAdd) }

func names(caps []string) []string {
	var all []string
	for _, c := range caps {
		all = append(all, strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(c)), "CAP_"))
	}
	return all
}

func lookCapabilities(_ *tally, c *resource.Container) *flaw {
	if c.Privileged {
		return &flaw{"privileged, and so has all", "Docker's 14, or fewer", ""}
	}
	more := slices.DeleteFunc(added(c), func(a string) bool { return slices.Contains(defaultCapabilities, a) })
	if len(more) == 0 {
		return nil
	}
	return &flaw{"added " + strings.Join(more, ", "), "Docker's 14, or fewer", ""}
}

func lookDangerous(_ *tally, c *resource.Container) *flaw {
	if c.Privileged {
		return &flaw{"privileged, and so has all", "none of them", ""}
	}
	bad := slices.DeleteFunc(added(c), func(a string) bool { return !slices.Contains(dangerous, a) })
	if len(bad) == 0 {
		return nil
	}
	return &flaw{"has " + strings.Join(bad, ", "), "none of them", ""}
}

func lookLowPorts(_ *tally, c *resource.Container) *flaw {
	var low []string
	for _, p := range c.Spec.Ports {
		if p.HostPort > 0 && p.HostPort < 1024 {
			low = append(low, portText(p))
		}
	}
	if len(low) == 0 {
		return nil
	}
	return &flaw{"publishes " + strings.Join(low, ", "), "ports from 1024", ""}
}

func lookWildcard(_ *tally, c *resource.Container) *flaw {
	var open []string
	for _, p := range c.Spec.Ports {
		if wildcard(p.HostIP) {
			open = append(open, portText(p))
		}
	}
	if len(open) == 0 {
		return nil
	}
	return &flaw{"publishes " + strings.Join(open, ", "), "an address", ""}
}

// wildcard reports the address of all networks, in any of its spellings.
func wildcard(address string) bool {
	a, err := netip.ParseAddr(strings.Trim(address, "[]"))
	return address == "" || err == nil && a.WithZone("").Unmap().IsUnspecified()
}

func portText(p resource.Port) string {
	ip := p.HostIP
	if strings.Contains(ip, ":") {
		ip = "[" + strings.Trim(ip, "[]") + "]"
	}
	if ip == "" {
		ip = "0.0.0.0"
	}
	if p.HostPort == 0 {
		return ip + ":(any) -> " + p.Container
	}
	return fmt.Sprintf("%s:%d -> %s", ip, p.HostPort, p.Container)
}

func judgePublished(t *tally) {
	all, ok := t.containersOr()
	for i := range all {
		for _, p := range all[i].Spec.Ports {
			t.byHand("judge whether each published port is needed", all[i].Name+": "+portText(p))
		}
	}
	if ok && len(t.evidence) == 0 {
		t.nothing("no container publishes a port")
	}
}

func lookRestart(_ *tally, c *resource.Container) *flaw {
	switch c.RestartPolicy {
	case "", "no":
		return nil
	case "on-failure":
		if c.Spec.RestartMax > 0 && c.Spec.RestartMax <= 5 {
			return nil
		}
		return &flaw{fmt.Sprintf("on-failure with %d tries (0 is no bound)", c.Spec.RestartMax), "at most 5", update(c, "--restart on-failure:5")}
	}
	return &flaw{"restart policy " + c.RestartPolicy + " has no bound", "on-failure:5, or no", update(c, "--restart on-failure:5")}
}

// judgeReadOnly lets a policy say which containers may write.
func judgeReadOnly(t *tally) {
	each(func(t *tally, c *resource.Container) *flaw {
		if c.Spec.ReadonlyRoot {
			return nil
		}
		return &flaw{"root file system can be written", "read-only", recreate("with --read-only, and --tmpfs or volumes for what it writes")}
	})(t)
}

func judgeSSHD(t *tally) {
	if _, why := t.listeners(); why != "" { // one look at /proc tells both
		t.unknown(resource.HostObject, "processes", why)
		return
	}
	each(func(t *tally, c *resource.Container) *flaw {
		if t.sshd[c.ID] {
			return &flaw{"an ssh daemon runs in it", "none", ""}
		}
		return nil
	})(t)
}
