package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// isolationControls are the part of section 5 of the benchmark that is about
// what a container shares with the host.
func isolationControls() []Control {
	all := []Control{
		shares("host-network", "network", "5.10", resource.High, "D03", "It reaches every local service of the host, and rules about containers do not see it.", func(c *resource.Container) string { return c.NetworkMode }),
		shares("host-pid", "processes", "5.16", resource.High, "D04", "It sees and may stop the processes of the host, and reads what they were started with.", func(c *resource.Container) string { return c.PidMode }),
		shares("host-ipc", "shared memory", "5.17", resource.Medium, "D04", "It reads and writes what processes of the host share.", func(c *resource.Container) string { return c.IpcMode }),
		shares("host-uts", "host name", "5.21", resource.Low, "D04", "It may change the name of the host.", func(c *resource.Container) string { return c.Spec.UTSMode }),
		shares("host-userns", "user ids", "5.31", resource.High, "D01", "Its root is the host's root although the daemon maps users.", func(c *resource.Container) string { return c.UsernsMode }),
		shares("host-cgroup", "cgroups", "", resource.Low, "D04", "It sees the cgroups of all others.", func(c *resource.Container) string { return c.Spec.CgroupnsMode }),
	}
	return append(all, []Control{
		{
			ID: "host-devices", Title: "No device of the host is in a container", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: cis("5.18"),
			Why: "A disk is all files of the host; other devices command hardware.",
			How: "Devices and device rules that each container was given; privileged gives all.", Remedy: recreate("without --device, or with r only"), judge: each(func(_ *tally, c *resource.Container) *flaw {
				all := slices.Clone(c.Spec.Devices)
				for _, r := range c.Spec.DeviceRules { // with one a container makes the device itself
					all = append(all, "the rule "+r)
				}
				if c.Privileged {
					all = append(all, "all of them (privileged)")
				}
				if len(all) == 0 {
					return nil
				}
				return &flaw{"has " + strings.Join(all, ", "), "none", ""}
			}),
		},
		{
			ID: "ulimits-override", Title: "Containers keep the daemon's ulimits", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("5.19"),
			Why: "Limits of a container's own may be higher than what the host bears.",
			How: "A person judges the ulimits that containers bring.", Remedy: recreate("without --ulimit"), judge: judgeOverride,
		},
		{
			ID: "mount-propagation", Title: "No mount of a container propagates to the host", Severity: resource.Medium, Level: 1, OWASP: []string{"D09"}, CIS: cis("5.20"),
			Why: "What is mounted below a shared mount in the container appears on the host.",
			How: "The propagation of each mount: shared and rshared.", Remedy: recreate("with :rprivate, the default"), judge: each(lookPropagation),
		},
		{
			ID: "seccomp", Title: "Containers run under a seccomp filter", Severity: resource.High, Level: 1, OWASP: []string{"D04"}, CIS: cis("5.22"), Key: "seccomp",
			Why: "Without it every system call of the kernel can be tried.",
			How: "seccomp=unconfined and privileged among the options of each container, and the Seccomp line of each running process in /proc.", Remedy: recreate("without seccomp=unconfined and --privileged"), judge: each(lookSeccomp),
		},
		{
			ID: "exec-privileged", Title: "docker exec is not used with --privileged", Severity: resource.Medium, Level: 2, OWASP: []string{"D04"}, CIS: cis("5.23"),
			Why: "Such a process has what the container was denied.",
			How: "Docker keeps no record: a person looks into the audit log.", Remedy: "tell those who may; an authorization plugin can refuse it", judge: execs("--privileged"),
		},
		{
			ID: "exec-root", Title: "docker exec is not used with --user root", Severity: resource.Low, Level: 2, OWASP: []string{"D01"}, CIS: cis("5.24"),
			Why: "Such a process is root in a container that has no root.",
			How: "Docker keeps no record: a person looks into the audit log.", Remedy: "tell those who may; an authorization plugin can refuse it", judge: execs("--user root"),
		},
		{
			ID: "container-cgroup-parent", Title: "Containers run under the default cgroup", Severity: resource.Low, Level: 1, OWASP: []string{"D07"}, CIS: cis("5.25"),
			Why: "Another parent may have no limits, or those of something else.",
			How: "The cgroup parent that each container was given; one that is the daemon's default does not count.", Remedy: recreate("without --cgroup-parent"), judge: each(func(_ *tally, c *resource.Container) *flaw {
				if c.Spec.CgroupParent == "" {
					return nil
				}
				return &flaw{"under " + c.Spec.CgroupParent, "the default", ""}
			}),
		},
		{
			ID: "container-no-new-privileges", Title: "Processes in containers gain no privileges", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"}, CIS: cis("5.26"), Key: "daemon.no-new-privileges",
			Why: "A setuid program in the image makes root of any user.",
			How: "The NoNewPrivs line of each running process in /proc; for a stopped container its options, then the daemon's default.", Remedy: recreate("with --security-opt no-new-privileges"), judge: judgeNoNewPrivileges,
		},
		{
			ID: "image-versions", Title: "Images are the ones that are meant", Severity: resource.Low, Level: 1, OWASP: []string{"D08", "D02"}, CIS: cis("5.28"),
			Why: "A tag moves; a local image of that name may be an old one.",
			How: "A person compares; the evidence names the image of each container and when it was built.", Remedy: "docker pull, then recreate; or name images by digest", judge: judgeVersions,
		},
		{
			ID: "default-bridge", Title: "Containers are on networks of their own", Severity: resource.Low, Level: 2, OWASP: []string{"D03"}, CIS: cis("5.30"),
			Why: "On the default bridge everything reaches everything.",
			How: "Containers attached to the network bridge.", Remedy: "docker network create NAME", judge: each(lookBridge),
		},
		{
			ID: "docker-socket-mounted", Title: "No container can command the daemon", Severity: resource.Critical, Level: 1, OWASP: []string{"D04", "D01"}, CIS: cis("5.32"),
			Why: "Whoever writes to the socket starts a container with the host's disk in it. Read-only mounts do not hinder that.",
			How: "Bind mounts that are, or contain, a socket of dockerd or containerd, by whatever path.", Remedy: recreate("without it"), judge: each(lookSockets),
		},
		{
			ID: "unmasked-paths", Title: "The kernel's files are masked in containers", Severity: resource.High, Level: 1, OWASP: []string{"D04"},
			Why: "Files in /proc and /sys that Docker hides command the kernel of the host.",
			How: "The options systempaths=unconfined and privileged.", Remedy: recreate("without systempaths=unconfined"), judge: each(func(_ *tally, c *resource.Container) *flaw {
				o, _ := last(options(c, "systempaths"))
				switch {
				case c.Privileged:
					return &flaw{"privileged, and so not masked", "masked", ""}
				case o == "unconfined" || c.Spec.Unmasked:
					return &flaw{"systempaths=unconfined", "masked", ""}
				}
				return nil
			}),
		},
	}...)
}

// shares makes the control that no container has a namespace of the host.
func shares(id, what, number string, severity resource.Severity, area, why string, mode func(*resource.Container) string) Control {
	c := Control{
		ID: id, Title: "No container shares the host's " + what, Severity: severity, Level: 1, OWASP: []string{area},
		Why: why, How: "The mode that each container was made with; of one that joins another, that one's.", Remedy: recreate("without the host's namespace"),
		judge: each(func(t *tally, c *resource.Container) *flaw {
			switch other, ok := t.joined(c, mode); {
			case mode(other) == "host":
				return &flaw{"shares the host's " + what + by(c, other), "a namespace of its own", ""}
			case !ok:
				return undecided("it joins " + mode(other) + ", which is not known")
			}
			return nil
		}),
	}
	if number != "" {
		c.CIS = cis(number)
	}
	if id == "host-cgroup" {
		c.Key = "daemon.default-cgroupns-mode"
	}
	return c
}

// maxJoins bounds how many containers are followed that join each other.
const maxJoins = 16

// joined follows "container:ID" to the container whose namespace it is.
func (t *tally) joined(c *resource.Container, mode func(*resource.Container) string) (*resource.Container, bool) {
	for range maxJoins {
		id, joins := strings.CutPrefix(mode(c), "container:")
		if !joins {
			return c, true
		}
		other, known := t.byID[id]
		if !known {
			return c, false
		}
		c = other
	}
	return c, false
}

func by(c, other *resource.Container) string {
	if c == other {
		return ""
	}
	return " with " + other.Name
}

func judgeOverride(t *tally) {
	all, ok := t.containersOr()
	for _, c := range all {
		if len(c.Spec.Ulimits) > 0 {
			t.byHand("judge the limits that containers bring themselves", c.Name+": "+strings.Join(c.Spec.Ulimits, ", "))
		}
	}
	if ok && len(t.evidence) == 0 {
		t.nothing("no container has ulimits of its own")
	}
}

func lookPropagation(_ *tally, c *resource.Container) *flaw {
	var bad []string
	for _, m := range c.Spec.Mounts {
		if m.Propagation == "shared" || m.Propagation == "rshared" {
			bad = append(bad, fmt.Sprintf("%s (%s)", m.Target, m.Propagation))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &flaw{strings.Join(bad, ", "), "private", ""}
}

// lookSeccomp asks the options, then the kernel: a container without a filter of
// its own may have that of an outer container, and one with the right options
// may have been started by a daemon without seccomp.
func lookSeccomp(t *tally, c *resource.Container) *flaw {
	o, _ := last(options(c, "seccomp"))
	switch {
	case o == "unconfined":
		return &flaw{"seccomp=unconfined", "a filter", ""}
	case c.Privileged:
		return &flaw{"privileged, and so without a filter", "a filter", ""}
	case c.Seccomp != nil && *c.Seccomp == 0:
		return &flaw{"runs without a filter (Seccomp: 0 in /proc)", "a filter", ""}
	case passesAll(o):
		return &flaw{"a profile that allows every system call", "a filter", ""}
	case o == "" && c.Seccomp == nil && t.unfiltered != "":
		return &flaw{t.unfiltered, "a filter", ""}
	}
	return nil
}

// passesAll: docker puts a profile itself into the option.
func passesAll(profile string) bool {
	var p struct {
		DefaultAction string
		Syscalls      []any
	}
	if !strings.HasPrefix(strings.TrimSpace(profile), "{") || json.Unmarshal([]byte(profile), &p) != nil {
		return false
	}
	return len(p.Syscalls) == 0 && slices.Contains([]string{"", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG"}, p.DefaultAction)
}

// unfiltered says why a container without an option of its own would start without a
// filter, "" if it would not.
func unfiltered(s *resource.Snapshot) string {
	e, ok := s.Engine.Get()
	switch {
	case !ok:
		return ""
	case !slices.ContainsFunc(e.SecurityOptions, func(o string) bool { return strings.HasPrefix(o, "name=seccomp") }):
		return "the daemon has no seccomp"
	case text(daemonjson.Current(s, "seccomp-profile").Value) == "unconfined":
		return "the daemon's profile is unconfined"
	}
	return ""
}

func execs(option string) func(*tally) {
	return func(t *tally) {
		t.byHand("Docker keeps no record of it", "ausearch -k bulwark-docker-socket, and the shells' histories, for docker exec "+option)
	}
}

// judgeNoNewPrivileges: the daemon's default goes into a container when it is
// created, and the API does not show it, so that of a stopped one it is known
// only what it was told itself.
func judgeNoNewPrivileges(t *tally) {
	set := daemonjson.Current(t.s, "no-new-privileges")
	each(func(t *tally, c *resource.Container) *flaw {
		o, said := last(options(c, "no-new-privileges"))
		switch {
		case c.NoNewPrivs != nil && *c.NoNewPrivs == 1, c.NoNewPrivs == nil && said && (o == "" || on(o)):
			return nil
		case c.NoNewPrivs != nil || said:
			return &flaw{"may gain privileges", "no-new-privileges", ""}
		case set.Unknown != "":
			return undecided(set.Unknown)
		case set.Doubt != "":
			return undecided("its process does not say, and the daemon's default is in doubt: " + set.Doubt)
		case string(set.Value) != "true":
			return &flaw{"may gain privileges", "no-new-privileges", ""}
		case !t.createdSince(c):
			return undecided("its process does not say, and whether the daemon had the default when it was created is not known")
		}
		return nil
	})(t)
}

// createdSince: by the daemon that runs now.
func (t *tally) createdSince(c *resource.Container) bool {
	p, ok := t.s.Process.Get()
	return ok && p.StartedNS > 0 && c.Spec.CreatedNS > p.StartedNS
}

func judgeVersions(t *tally) {
	all, ok := t.containersOr()
	built := map[string]string{}
	for _, i := range t.s.Survey.Value.Images.Value {
		built[i.ID] = day(i.CreatedNS)
	}
	for _, c := range all {
		t.byHand("compare with what the registry has", fmt.Sprintf("%s: %s, built %s", c.Name, c.Image, orNone(built[c.Spec.ImageID])))
	}
	if ok && len(all) == 0 {
		t.nothing("there are no containers")
	}
}

func lookBridge(_ *tally, c *resource.Container) *flaw {
	on := c.NetworkMode == "bridge" || c.NetworkMode == "default"
	if running(c) { // networks can be changed while it runs, the mode stays
		on = slices.ContainsFunc(c.Networks, func(e resource.Endpoint) bool { return e.Network == "bridge" })
	}
	if !on {
		return nil
	}
	return &flaw{"on the default bridge", "a network of its own", "docker network connect NETWORK " + quoted(c.Name) + " && docker network disconnect bridge " + quoted(c.Name)}
}
