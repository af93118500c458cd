package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func none(*resource.Container) {}

// Bad states that docker-bench-security, at its newest release, was seen to take
// for good. Numbers in names are those of the benchmark, 1.6.
func TestWhatOthersMiss(t *testing.T) {
	socketListens := func(s *resource.Snapshot) {
		s.Survey.Value.Listeners = resource.Known([]resource.Listener{{Proto: "tcp6", Address: "::", Port: 2375, PID: 7, Process: "dockerd"}})
	}
	for _, c := range []rebuiltCase{
		{name: "2.7 TCP by flag", argv: "-H tcp://0.0.0.0:2375", control: "daemon-tls", want: resource.Fails, says: "0.0.0.0:2375"},
		{name: "2.7 TCP by flag without a scheme", argv: "-H 0.0.0.0:2375", control: "daemon-tls", want: resource.Fails, says: "0.0.0.0:2375"},
		{name: "2.7 TCP by socket activation", edit: []func(*resource.Snapshot){socketListens}, control: "daemon-tls", want: resource.Fails, says: "[::]:2375"},
		{name: "2.7 hosts over lines", file: "{\n \"hosts\": [\n  \"tcp://0.0.0.0:2375\"\n ]\n}", control: "daemon-tls", want: resource.Fails, says: "0.0.0.0:2375"},
		{name: "3.16 mode 606", edit: []func(*resource.Snapshot){pathMode("/run/docker.sock", 0o606, 0, 112)}, control: "docker-sock-mode", want: resource.Fails, says: "mode 0606"},
		{name: "3.16 mode 622", edit: []func(*resource.Snapshot){pathMode("/run/docker.sock", 0o622, 0, 112)}, control: "docker-sock-mode", want: resource.Fails, says: "mode 0622"},
		{name: "3.6 mode 727", edit: []func(*resource.Snapshot){pathMode("/etc/docker", 0o727, 0, 0)}, control: "etc-docker-mode", want: resource.Fails, says: "mode 0727"},
		{name: "a name with nil", edit: []func(*resource.Snapshot){with("zz-vanilla", func(c *resource.Container) { c.Spec.CapAdd = []string{"SYS_ADMIN"} })}, control: "capabilities-added", want: resource.Fails, says: "zz-vanilla"},
		{name: "2.3 level by flag", argv: "--log-level=debug", control: "log-level", want: resource.Fails, says: "debug"},
		{name: "2.9 remap empty", argv: "--userns-remap=", control: "userns-remap", want: resource.Fails},
		{name: "2.14 false", argv: "--no-new-privileges=false", control: "no-new-privileges", want: resource.Fails, says: "--no-new-privileges"},
		{name: "2.15 false", argv: "--live-restore=false", control: "live-restore", want: resource.Fails},
		{name: "5.26 false", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) {
			c.State, c.PID, c.SecurityOpt = "exited", 0, []string{"no-new-privileges:false"}
		})}, control: "container-no-new-privileges", want: resource.Fails, says: "c: "},
		{name: "2.10 cgroup-parent in the file", file: `{"cgroup-parent": "/evil"}`, control: "cgroup-parent", want: resource.Fails, says: "/evil"},
		{name: "4.1 user 0:0", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.User = "0:0" })}, control: "container-user", want: resource.Fails, says: "root"},
		{name: "4.1 user 00", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.User = "00" })}, control: "container-user", want: resource.Fails, says: "root"},
		{name: "5.6 /root", edit: []func(*resource.Snapshot){with("c", mount("/root", true))}, control: "sensitive-mounts", want: resource.Fails, says: "/root"},
		{name: "5.6 /home", edit: []func(*resource.Snapshot){with("c", mount("/home", true))}, control: "sensitive-mounts", want: resource.Fails, says: "/home"},
		{name: "5.6 /var/lib", edit: []func(*resource.Snapshot){with("c", mount("/var/lib", true))}, control: "sensitive-mounts", want: resource.Fails, says: "/var/lib"},
		{name: "5.6 /etc/shadow", edit: []func(*resource.Snapshot){with("c", mount("/etc/shadow", true))}, control: "sensitive-mounts", want: resource.Fails, says: "/etc/shadow"},
		{name: "5.6 /lib64", edit: []func(*resource.Snapshot){with("c", mount("/lib64", true))}, control: "sensitive-mounts", want: resource.Fails, says: "/lib64"},
		{name: "5.32 /var/run", edit: []func(*resource.Snapshot){with("c", mount("/var/run", true))}, control: "docker-socket-mounted", want: resource.Fails, says: "/run/docker.sock"},
		{name: "5.32 read-only", edit: []func(*resource.Snapshot){with("c", mount("/run/docker.sock", false))}, control: "docker-socket-mounted", want: resource.Fails, says: "/run/docker.sock"},
		{name: "5.32 the root", edit: []func(*resource.Snapshot){with("c", mount("/", false))}, control: "docker-socket-mounted", want: resource.Fails, says: "/run/docker.sock"},
		{name: "5.32 containerd", edit: []func(*resource.Snapshot){with("c", mount("/run/containerd/containerd.sock", true))}, control: "docker-socket-mounted", want: resource.Fails, says: "containerd.sock"},
		{name: "5.32 a socket elsewhere", argv: "-H unix:///srv/d.sock", edit: []func(*resource.Snapshot){with("c", mount("/srv", true))}, control: "docker-socket-mounted", want: resource.Fails, says: "/srv/d.sock"},
		{name: "5.15 always", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.RestartPolicy = "always" })}, control: "restart-policy", want: resource.Fails, says: "always"},
		{name: "5.3 seccomp is no SELinux", edit: []func(*resource.Snapshot){
			func(s *resource.Snapshot) { s.Host.Value.LSM = []string{"capability", "selinux"} },
			with("c", func(c *resource.Container) { c.SecurityOpt = []string{"seccomp=unconfined"} }),
		}, control: "selinux", want: resource.Fails, says: "c: "},
		{name: "stopped and privileged", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.State, c.PID, c.Privileged = "created", 0, true })}, control: "privileged", want: resource.Fails, says: "created"},
		{name: "stopped with pid=host", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.State, c.PID, c.PidMode = "created", 0, "host" })}, control: "host-pid", want: resource.Fails, says: "created"},
		{name: "1.1.6 a rule for a file in it", edit: []func(*resource.Snapshot){auditing("/etc/docker", "-w /etc/docker/daemon.json -p wa")}, control: "audit-etc-docker", want: resource.Fails, says: "/etc/docker"},
		{name: "1.1.14 a rule for a longer name", edit: []func(*resource.Snapshot){auditing("/usr/bin/containerd", "-w /usr/bin/containerd-shim-runc-v2 -p wa")}, control: "audit-containerd", want: resource.Fails},
		{name: "1.1.4 a rule for another socket", edit: []func(*resource.Snapshot){auditing("/run/containerd", "-w /run/containerd/other.sock -p wa")}, control: "audit-run-containerd", want: resource.Fails},
		{name: "1.1.11 a rule for runs only", edit: []func(*resource.Snapshot){auditing("/etc/docker/daemon.json", "-w /etc/docker/daemon.json -p x")}, control: "audit-daemon-json", want: resource.Fails},
		{name: "1.1.2 al is not alice", edit: []func(*resource.Snapshot){group("al,alice")}, policy: &plans.Policy{Management: &plans.Management{Users: []string{"alice", "bob"}}}, control: "docker-group", want: resource.Fails, says: "user al"},
		{name: "1.1.2 every user is named", edit: []func(*resource.Snapshot){group("carol,dave")}, policy: &plans.Policy{Management: &plans.Management{Users: []string{"alice"}}}, control: "docker-group", want: resource.Fails, says: "user dave"},
		{name: "1.1.1 mounted onto itself", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Survey.Value.DataMount = resource.Known(resource.Mountpoint{Path: "/var/lib/docker", Target: "/var/lib/docker", Source: "/dev/vda", Device: "254:0", RootDevice: "254:0"})
		}}, control: "data-root-partition", want: resource.Fails, says: "device of /"},
		{name: "2.13 local", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.LoggingDriver = "local" })}, control: "log-driver", want: resource.Fails, says: "local"},
		{name: "2.13 none", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.LoggingDriver = "none" })}, control: "log-driver", want: resource.Fails, says: "none"},
		{name: "1.2.2 a line that has ended", control: "support-window", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Version = "27.5.1" })}, want: resource.Fails, says: "27.5.1"},
		{name: "4.6 whatever was judged before it", edit: []func(*resource.Snapshot){images(resource.Image{ID: "i", Tags: []string{"busybox:test"}, History: []string{}})}, control: "image-healthcheck", want: resource.Fails, says: "busybox:test"},
		{name: "5.8 on IPv6 only", edit: []func(*resource.Snapshot){with("c", port("::", 443))}, control: "privileged-ports", want: resource.Fails, says: "[::]:443"},
		{name: "5.14 on IPv6 only", edit: []func(*resource.Snapshot){with("c", port("::", 8443))}, control: "bind-address", want: resource.Fails, says: "[::]:8443"},
		{name: "2.4 whatever the shell", file: `{"iptables": false}`, control: "iptables", want: resource.Fails, says: "/etc/docker/daemon.json"},
		{name: "2.5 whatever the shell", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.InsecureRegistries = []string{"r.example:5000"} })}, control: "insecure-registries", want: resource.Fails, says: "r.example"},
	} {
		t.Run(c.name, c.run)
	}
}

// Good states that it was seen to take for bad, or evidence that it took from
// elsewhere.
func TestWhatOthersBlame(t *testing.T) {
	for _, c := range []rebuiltCase{
		{name: "2.7 TCP with tlsverify", file: `{"hosts": ["tcp://0.0.0.0:2376"], "tlsverify": true}`, control: "daemon-tls", want: resource.Holds},
		{name: "2.2 a file of another name", argv: "--config-file /srv/d.json", file: `{"no-new-privileges": true}`, edit: []func(*resource.Snapshot){func(s *resource.Snapshot) { s.DaemonJSON.Value.Path = "/srv/d.json" }}, control: "no-new-privileges", want: resource.Holds},
		{name: "3.14 a key named with a space", argv: "--tlskey /srv/key.pem", edit: []func(*resource.Snapshot){pathMode("/srv/key.pem", 0o400, 0, 0)}, control: "tls-key-mode", want: resource.Holds},
		{name: "2.2 icc by the daemon's word", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Bridge["com.docker.network.bridge.enable_icc"] = "false" })}, control: "icc", want: resource.Holds},
		{name: "2.9 remap by the daemon's word", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.SecurityOptions = append(e.SecurityOptions, "name=userns") })}, control: "userns-remap", want: resource.Holds},
		{name: "2.12 a plugin in the file", file: `{"authorization-plugins": ["opa"]}`, control: "authorization", want: resource.Holds},
		{name: "1.1.3 dockerd in /usr/sbin", edit: []func(*resource.Snapshot){auditing("/usr/sbin/dockerd", "-w /usr/sbin/dockerd -p wa")}, control: "audit-dockerd", want: resource.Holds},
		{name: "1.1.18 runc by its link", edit: []func(*resource.Snapshot){auditing("/usr/sbin/runc", "-w /usr/sbin/runc -p wa", "/usr/bin/runc")}, control: "audit-runc", want: resource.Holds},
		{name: "1.1.6 a rule for a directory above", edit: []func(*resource.Snapshot){auditing("/etc/docker", "-a always,exit -F dir=/etc -F perm=wa")}, control: "audit-etc-docker", want: resource.Holds},
		{name: "5.6 /etc read-only", edit: []func(*resource.Snapshot){with("c", mount("/etc", false))}, control: "sensitive-mounts", want: resource.Holds},
		{name: "5.6 a volume at /boot", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) {
			c.Spec.Mounts = []resource.Mount{{Type: "volume", Name: "v", Source: "/var/lib/docker/volumes/v/_data", Target: "/boot", RW: true}}
		})}, control: "sensitive-mounts", want: resource.Holds},
		{name: "5.7 sees the host's sshd", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.PidMode = "host" })}, control: "sshd", want: resource.Holds},
		{name: "5.12 a quota", edit: []func(*resource.Snapshot){with("c", func(c *resource.Container) { c.Spec.CPUQuota = 50000 })}, control: "cpu-limit", want: resource.Holds},
		{name: "5.8 port 1024", edit: []func(*resource.Snapshot){with("c", port("127.0.0.1", 1024))}, control: "privileged-ports", want: resource.Holds},
		{name: "7.3 ingress", edit: []func(*resource.Snapshot){inSwarm, func(s *resource.Snapshot) {
			s.Networks = resource.Known([]resource.Network{{Name: "ingress", Driver: "overlay", Scope: "swarm"}})
		}}, control: "swarm-encryption", want: resource.NoObject},
		{name: "2.17 builtin", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=seccomp,profile=builtin"} })}, control: "seccomp-default", want: resource.Holds},
		{name: "5.2 without AppArmor", edit: []func(*resource.Snapshot){with("c", none)}, control: "apparmor", want: resource.NoObject},
		{name: "5.3 without SELinux", edit: []func(*resource.Snapshot){with("c", none)}, control: "selinux", want: resource.NoObject},
		{name: "another program named dockerd", edit: []func(*resource.Snapshot){func(s *resource.Snapshot) {
			s.Survey.Value.Listeners = resource.Known([]resource.Listener{{Proto: "tcp", Address: "0.0.0.0", Port: 4444, PID: 99, Process: "dockerd"}})
		}}, control: "daemon-tls", want: resource.NoObject},
		{name: "a file that is no JSON", file: `{"iptables": false,}`, control: "iptables", want: resource.Unjudged, says: "daemon.json"},
		{name: "2.5 loopback only", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.InsecureCIDRs = []string{"127.0.0.0/8"} })}, control: "insecure-registries", want: resource.Holds},
	} {
		t.Run(c.name, c.run)
	}
}

func port(ip string, n int) func(*resource.Container) {
	return func(c *resource.Container) {
		c.Spec.Ports = []resource.Port{{Container: "80/tcp", HostIP: ip, HostPort: n}}
	}
}

func images(all ...resource.Image) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) { s.Survey.Value.Images = resource.Known(all) }
}

func group(members string) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) {
		s.Accounts.Value.Group.Content = []byte("root:x:0:\ndocker:x:112:" + members + "\n")
	}
}

func inSwarm(s *resource.Snapshot) {
	s.Engine.Value.Swarm = "active"
	s.Survey.Value.Swarm = resource.Known(resource.Swarm{State: "active", Manager: true, Managers: 1})
}

// auditing has one rule in the kernel, and something at the path, to which others
// may be links.
func auditing(path, rule string, links ...string) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) {
		at := func(string) (resource.AuditPath, bool) {
			return resource.AuditPath{Real: path, Type: resource.Regular, Parent: true}, true
		}
		var rules []resource.AuditRule
		for _, r := range auditrules.Rules(auditrules.ParseFile(resource.File{Path: "r", Content: []byte(rule + "\n")}, at)) {
			rules = append(rules, resource.AuditRule{Wire: r.Wire, Text: r.Text})
		}
		paths := map[string]resource.AuditPath{path: {Real: path, Type: resource.Regular, Parent: true}}
		for _, l := range links {
			paths[l] = resource.AuditPath{Real: path, Type: resource.Regular, Link: true, Parent: true}
		}
		s.Audit = resource.Known(resource.Audit{
			Kernel: resource.Known(resource.AuditKernel{Enabled: resource.AuditOn, PID: 5, Rules: rules}), Paths: paths,
		})
	}
}
