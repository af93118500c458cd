package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Containers, one good and one bad for each control, and the odd ways round.
func TestContainers(t *testing.T) {
	c1 := func(change func(*resource.Container)) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){with("c", change)}
	}
	stopped := func(c *resource.Container) { c.State, c.PID = "exited", 0 }
	priv := func(c *resource.Container) { c.Privileged = true }
	number := func(n int) *int { return &n }
	opt := func(o ...string) func(*resource.Container) {
		return func(c *resource.Container) { c.SecurityOpt = o }
	}
	lsm := func(name string) func(*resource.Snapshot) {
		return func(s *resource.Snapshot) { s.Host.Value.LSM = []string{name} }
	}
	join := func(mode string) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){
			with("b", func(c *resource.Container) { c.NetworkMode, c.PidMode, c.IpcMode = mode, mode, mode }),
			with("c", func(c *resource.Container) {
				c.NetworkMode, c.PidMode, c.IpcMode = "container:b", "container:b", "container:b"
			}),
		}
	}
	both := func(a, b func(*resource.Snapshot)) []func(*resource.Snapshot) {
		return []func(*resource.Snapshot){a, b}
	}
	for _, c := range []rebuiltCase{
		{name: "user", edit: c1(func(c *resource.Container) { c.User = "1000:0" }), control: "container-user", want: resource.Holds},
		{name: "no user", edit: c1(none), control: "container-user", want: resource.Fails},
		{name: "user +0", edit: c1(func(c *resource.Container) { c.User = "+0" }), control: "container-user", want: resource.Fails},
		{name: "mapped", edit: both(engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=userns"} }), with("c", none)), control: "container-user", want: resource.Fails, says: "ordinary user"},
		{name: "apparmor", edit: both(lsm("apparmor"), with("c", func(c *resource.Container) { c.Spec.AppArmor = "docker-default" })), control: "apparmor", want: resource.Holds},
		{name: "no apparmor", edit: both(lsm("apparmor"), with("c", opt("apparmor=unconfined"))), control: "apparmor", want: resource.Fails},
		{name: "apparmor of a stopped one", edit: both(lsm("apparmor"), with("c", stopped)), control: "apparmor", want: resource.Holds},
		{name: "apparmor of a running one", edit: both(lsm("apparmor"), with("c", none)), control: "apparmor", want: resource.Fails},
		{name: "modules unread", edit: both(func(s *resource.Snapshot) { s.Host.Value.LSM = nil }, with("c", none)), control: "apparmor", want: resource.Unjudged},
		{name: "selinux", edit: both(lsm("selinux"), with("c", func(c *resource.Container) { c.Spec.ProcessLabel = "system_u:system_r:container_t:s0:c1,c2" })), control: "selinux", want: resource.Holds},
		{name: "selinux of any kind", edit: both(lsm("selinux"), with("c", func(c *resource.Container) { c.Spec.ProcessLabel = "system_u:system_r:spc_t:s0" })), control: "selinux", want: resource.Fails},
		{name: "label=disable", edit: both(lsm("selinux"), with("c", func(c *resource.Container) { stopped(c); c.SecurityOpt = []string{"label:disable"} })), control: "selinux", want: resource.Fails},
		{name: "label type", edit: both(lsm("selinux"), with("c", func(c *resource.Container) { stopped(c); c.SecurityOpt = []string{"label=type:spc_t"} })), control: "selinux", want: resource.Fails},
		{name: "a daemon without selinux", edit: both(lsm("selinux"), with("c", stopped)), control: "selinux", want: resource.Fails},
		{name: "no capabilities", edit: c1(none), control: "capabilities-added", want: resource.Holds},
		{name: "of the default", edit: c1(func(c *resource.Container) { c.Spec.CapAdd = []string{"cap_chown"} }), control: "capabilities-added", want: resource.Holds},
		{name: "one more", edit: c1(func(c *resource.Container) { c.Spec.CapAdd = []string{"NET_ADMIN"} }), control: "capabilities-added", want: resource.Fails},
		{name: "all by privileged", edit: c1(priv), control: "capabilities-dangerous", want: resource.Fails},
		{name: "privileged adds", edit: c1(priv), control: "capabilities-added", want: resource.Fails},
		{name: "dangerous", edit: c1(func(c *resource.Container) { c.Spec.CapAdd = []string{"CAP_SYS_ADMIN"} }), control: "capabilities-dangerous", want: resource.Fails},
		{name: "not dangerous", edit: c1(func(c *resource.Container) { c.Spec.CapAdd = []string{"IPC_LOCK"} }), control: "capabilities-dangerous", want: resource.Holds},
		{name: "not privileged", edit: c1(none), control: "privileged", want: resource.Holds},
		{name: "crontabs", edit: c1(mount("/var/spool/cron/crontabs", true)), control: "sensitive-mounts", want: resource.Fails},
		{name: "systemd's sockets", edit: c1(mount("/run/systemd/private", true)), control: "sensitive-mounts", want: resource.Fails},
		{name: "keys of a user", edit: c1(mount("/home/u/x/.ssh", true)), control: "sensitive-mounts", want: resource.Fails},
		{name: "data of a user", edit: c1(mount("/home/u/data", true)), control: "sensitive-mounts", want: resource.Holds},
		{name: "a name like a system's", edit: c1(mount("/etcetera", true)), control: "sensitive-mounts", want: resource.Holds},
		{name: "a data root elsewhere", edit: both(engineOf(func(e *resource.Engine) { e.RootDir = "/srv/docker" }), with("c", mount("/srv/docker/x", true))), control: "sensitive-mounts", want: resource.Fails, says: "data root"},
		{name: "beside a data root elsewhere", edit: both(engineOf(func(e *resource.Engine) { e.RootDir = "/srv/docker" }), with("c", mount("/srv/docker-x", true))), control: "sensitive-mounts", want: resource.Holds},
		{name: "sshd", edit: both(func(s *resource.Snapshot) { s.Survey.Value.Sshd = []string{"c"} }, with("c", none)), control: "sshd", want: resource.Fails},
		{name: "processes unread", edit: both(func(s *resource.Snapshot) { s.Survey.Value.Listeners = resource.Unknown[[]resource.Listener]("denied") }, with("c", none)), control: "sshd", want: resource.Unjudged},
		{name: "memory", edit: c1(func(c *resource.Container) { c.Spec.Memory = 1 }), control: "memory-limit", want: resource.Holds},
		{name: "no memory", edit: c1(func(c *resource.Container) { c.Spec.Memory = -1 }), control: "memory-limit", want: resource.Fails},
		{name: "shares", edit: c1(func(c *resource.Container) { c.Spec.CPUShares = 512 }), control: "cpu-limit", want: resource.Holds},
		{name: "shares of the default", edit: c1(func(c *resource.Container) { c.Spec.CPUShares = 1024 }), control: "cpu-limit", want: resource.Fails},
		{name: "cpus", edit: c1(func(c *resource.Container) { c.Spec.NanoCPUs = 1 }), control: "cpu-limit", want: resource.Holds},
		{name: "pids", edit: c1(func(c *resource.Container) { c.Spec.Pids = 1 }), control: "pids-limit", want: resource.Holds},
		{name: "no pids", edit: c1(func(c *resource.Container) { c.Spec.Pids = -1 }), control: "pids-limit", want: resource.Fails},
		{name: "five tries", edit: c1(func(c *resource.Container) { c.RestartPolicy, c.Spec.RestartMax = "on-failure", 5 }), control: "restart-policy", want: resource.Holds},
		{name: "six tries", edit: c1(func(c *resource.Container) { c.RestartPolicy, c.Spec.RestartMax = "on-failure", 6 }), control: "restart-policy", want: resource.Fails},
		{name: "tries without end", edit: c1(func(c *resource.Container) { c.RestartPolicy = "on-failure" }), control: "restart-policy", want: resource.Fails},
		{name: "no tries", edit: c1(func(c *resource.Container) { c.RestartPolicy = "no" }), control: "restart-policy", want: resource.Holds},
		{name: "health", edit: c1(func(c *resource.Container) { c.Spec.Health = "healthy" }), control: "healthcheck", want: resource.Holds},
		{name: "no health", edit: c1(none), control: "healthcheck", want: resource.Fails},
		{name: "read-only", edit: c1(func(c *resource.Container) { c.Spec.ReadonlyRoot = true }), control: "read-only-root", want: resource.Holds},
		{name: "not read-only", edit: c1(none), control: "read-only-root", want: resource.Fails},
		{name: "port 1023", edit: c1(port("", 1023)), control: "privileged-ports", want: resource.Fails},
		{name: "any port", edit: c1(port("10.0.0.1", 0)), control: "privileged-ports", want: resource.Holds},

		{name: "the network of one that has the host's", edit: join("host"), control: "host-network", want: resource.Fails, says: "with b"},
		{name: "the processes of one that has the host's", edit: join("host"), control: "host-pid", want: resource.Fails, says: "with b"},
		{name: "memory of one that has the host's", edit: join("host"), control: "host-ipc", want: resource.Fails, says: "with b"},
		{name: "the network of another", edit: join("n"), control: "host-network", want: resource.Holds},
		{name: "the network of one that is gone", edit: c1(func(c *resource.Container) { c.NetworkMode = "container:x" }), control: "host-network", want: resource.Unjudged},
		{name: "a circle", edit: c1(func(c *resource.Container) { c.NetworkMode = "container:c" }), control: "host-network", want: resource.Unjudged},
		{name: "uts", edit: c1(func(c *resource.Container) { c.Spec.UTSMode = "host" }), control: "host-uts", want: resource.Fails},
		{name: "own uts", edit: c1(none), control: "host-uts", want: resource.Holds},
		{name: "userns", edit: c1(func(c *resource.Container) { c.UsernsMode = "host" }), control: "host-userns", want: resource.Fails},
		{name: "own userns", edit: c1(none), control: "host-userns", want: resource.Holds},
		{name: "cgroup", edit: c1(func(c *resource.Container) { c.Spec.CgroupnsMode = "host" }), control: "host-cgroup", want: resource.Fails},
		{name: "own cgroup", edit: c1(func(c *resource.Container) { c.Spec.CgroupnsMode = "private" }), control: "host-cgroup", want: resource.Holds},
		{name: "a device", edit: c1(func(c *resource.Container) { c.Spec.Devices = []string{"/dev/sda:/dev/sda:rwm"} }), control: "host-devices", want: resource.Fails},
		{name: "a rule for devices", edit: c1(func(c *resource.Container) { c.Spec.DeviceRules = []string{"b *:* rwm"} }), control: "host-devices", want: resource.Fails},
		{name: "all devices", edit: c1(priv), control: "host-devices", want: resource.Fails},
		{name: "no device", edit: c1(none), control: "host-devices", want: resource.Holds},
		{name: "ulimits", edit: c1(func(c *resource.Container) { c.Spec.Ulimits = []string{"nofile=1:2"} }), control: "ulimits-override", want: resource.ByHand},
		{name: "no ulimits", edit: c1(none), control: "ulimits-override", want: resource.NoObject},
		{name: "shared", edit: c1(func(c *resource.Container) { c.Spec.Mounts = []resource.Mount{{Propagation: "rshared"}} }), control: "mount-propagation", want: resource.Fails},
		{name: "slave", edit: c1(func(c *resource.Container) { c.Spec.Mounts = []resource.Mount{{Propagation: "rslave"}} }), control: "mount-propagation", want: resource.Holds},
		{name: "filtered", edit: c1(func(c *resource.Container) { c.Seccomp = number(2) }), control: "seccomp", want: resource.Holds},
		{name: "not filtered", edit: c1(func(c *resource.Container) { c.Seccomp = number(0) }), control: "seccomp", want: resource.Fails},
		{name: "older form", edit: c1(opt("seccomp:unconfined")), control: "seccomp", want: resource.Fails},
		{name: "the last of two", edit: c1(opt("seccomp=unconfined", "seccomp=builtin")), control: "seccomp", want: resource.Holds},
		{name: "an empty profile", edit: c1(opt("seccomp={}")), control: "seccomp", want: resource.Fails, says: "allows every"},
		{name: "a profile that allows all", edit: c1(opt(`seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`)), control: "seccomp", want: resource.Fails},
		{name: "a profile", edit: c1(opt(`seccomp={"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{}]}`)), control: "seccomp", want: resource.Holds},
		{name: "the daemon's, which is none", edit: both(engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=seccomp,profile=unconfined"} }), with("c", stopped)), control: "seccomp", want: resource.Fails},
		{name: "its own, whatever the daemon's", edit: both(engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=seccomp,profile=unconfined"} }), with("c", opt("seccomp=builtin"))), control: "seccomp", want: resource.Holds},
		{name: "a daemon without seccomp", edit: both(engineOf(func(e *resource.Engine) { e.SecurityOptions = nil }), with("c", stopped)), control: "seccomp", want: resource.Fails},
		{name: "exec", control: "exec-privileged", want: resource.ByHand},
		{name: "cgroup parent", edit: c1(func(c *resource.Container) { c.Spec.CgroupParent = "/x" }), control: "container-cgroup-parent", want: resource.Fails},
		{name: "no cgroup parent", edit: c1(none), control: "container-cgroup-parent", want: resource.Holds},
		{name: "nnp in the kernel", edit: c1(func(c *resource.Container) { c.NoNewPrivs = number(1) }), control: "container-no-new-privileges", want: resource.Holds},
		{name: "not in the kernel, whatever it was told", edit: c1(func(c *resource.Container) {
			c.NoNewPrivs, c.SecurityOpt = number(0), []string{"no-new-privileges"}
		}), control: "container-no-new-privileges", want: resource.Fails},
		{name: "nnp told", edit: c1(opt("no-new-privileges")), control: "container-no-new-privileges", want: resource.Holds},
		{name: "nnp told by number", edit: c1(opt("no-new-privileges=1")), control: "container-no-new-privileges", want: resource.Holds},
		{name: "nnp of an older daemon", file: `{"no-new-privileges": true}`, edit: c1(stopped), control: "container-no-new-privileges", want: resource.Unjudged},
		{name: "nnp of this daemon", file: `{"no-new-privileges": true}`, edit: c1(func(c *resource.Container) { stopped(c); c.Spec.CreatedNS = now.UnixNano() }), control: "container-no-new-privileges", want: resource.Holds},
		{name: "on the bridge", edit: c1(func(c *resource.Container) { c.Networks = []resource.Endpoint{{Network: "bridge"}} }), control: "default-bridge", want: resource.Fails},
		{name: "off the bridge since", edit: c1(func(c *resource.Container) { c.Networks = []resource.Endpoint{{Network: "n"}} }), control: "default-bridge", want: resource.Holds},
		{name: "to the bridge", edit: c1(stopped), control: "default-bridge", want: resource.Fails},
		{name: "no socket", edit: c1(mount("/run/docker", true)), control: "docker-socket-mounted", want: resource.Fails},
		{name: "a name like a socket's", edit: c1(mount("/run/docker.sock.d", true)), control: "docker-socket-mounted", want: resource.Holds},
		{name: "unmasked", edit: c1(func(c *resource.Container) { c.Spec.Unmasked = true }), control: "unmasked-paths", want: resource.Fails},
		{name: "unmasked by option", edit: c1(opt("systempaths=unconfined")), control: "unmasked-paths", want: resource.Fails},
		{name: "unmasked by privileged", edit: c1(priv), control: "unmasked-paths", want: resource.Fails},
		{name: "masked", edit: c1(none), control: "unmasked-paths", want: resource.Holds},
		{name: "writes", edit: c1(mount("/srv/x", true)), control: "host-mounts", want: resource.Fails},
		{name: "reads", edit: c1(mount("/srv/x", false)), control: "host-mounts", want: resource.Holds},
		{name: "meant to write", edit: c1(mount("/srv/x", true)), policy: &plans.Policy{Immutable: &plans.Immutable{Writable: []string{"/srv/x/"}}}, control: "host-mounts", want: resource.Holds},
		{name: "not meant to write", edit: c1(mount("/srv/xy", true)), policy: &plans.Policy{Immutable: &plans.Immutable{Writable: []string{"/srv/x"}}}, control: "host-mounts", want: resource.Fails},
	} {
		t.Run(c.name, c.run)
	}
}
