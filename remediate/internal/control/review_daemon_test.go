package control_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Settings of the daemon in their odd spellings.
func TestDaemonSpellings(t *testing.T) {
	for _, c := range []rebuiltCase{
		{name: "an address without a port", argv: "-H 0.0.0.0", control: "daemon-tls", want: resource.Fails, says: "0.0.0.0"},
		{name: "a name", argv: "-H docker-host", control: "daemon-tls", want: resource.Fails},
		{name: "a path is no address", argv: "-H unix:///srv/d.sock", control: "daemon-tls", want: resource.NoObject},
		{name: "nothing", argv: "-H=", control: "daemon-tls", want: resource.NoObject},
		{name: "tls without an address", argv: "--tls", control: "daemon-tls", want: resource.Fails, says: "127.0.0.1:2376"},
		{name: "the API on a port of the swarm", argv: "-H fd://", edit: []func(*resource.Snapshot){heldByNobody(resource.Listener{Proto: "tcp", Address: "0.0.0.0", Port: 2377, PID: 7})}, control: "daemon-tls", want: resource.Fails},
		{name: "the swarm's own", argv: "-H fd://", edit: []func(*resource.Snapshot){inSwarm, heldByNobody(resource.Listener{Proto: "tcp", Address: "0.0.0.0", Port: 2377, PID: 7})}, control: "daemon-tls", want: resource.NoObject},
		{name: "metrics", argv: "-H fd:// --metrics-addr 0.0.0.0:9323", edit: []func(*resource.Snapshot){heldByNobody(resource.Listener{Proto: "tcp", Address: "0.0.0.0", Port: 9323, PID: 7})}, control: "daemon-tls", want: resource.NoObject},
		{name: "UDP is no API", argv: "-H fd://", edit: []func(*resource.Snapshot){heldByNobody(resource.Listener{Proto: "udp", Address: "0.0.0.0", Port: 2375, PID: 7})}, control: "daemon-tls", want: resource.NoObject},
		{name: "no ulimits", file: `{"default-ulimits": { } }`, control: "default-ulimits", want: resource.Fails},
		{name: "a ulimit", file: `{"default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}}`, control: "default-ulimits", want: resource.Holds},
		{name: "Engine 29", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Version = "29.1.0" })}, control: "default-ulimits", want: resource.Holds},
		{name: "no plugins", file: "{\"authorization-plugins\": [\n]}", control: "authorization", want: resource.Fails},
		{name: "a plugin without a name", file: `{"authorization-plugins": [""]}`, control: "authorization", want: resource.Fails},
		{name: "no cgroup", file: `{"cgroup-parent": "" }`, control: "cgroup-parent", want: resource.Holds},
		{name: "info in capitals", argv: "--log-level=INFO", control: "log-level", want: resource.Holds},
		{name: "warn", argv: "--log-level=warn", control: "log-level", want: resource.Fails, says: "warn"},
		{name: "debug by the daemon's word", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Debug = true })}, control: "log-level", want: resource.Fails, says: "docker info"},
		{name: "a level that is none", file: `{"log-level": 5}`, control: "log-level", want: resource.Unjudged},
		{name: "icc", control: "icc", want: resource.Fails},
		{name: "no bridge", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Bridge = nil })}, control: "icc", want: resource.NoObject},
		{name: "iptables", control: "iptables", want: resource.Holds},
		{name: "userland-proxy", control: "userland-proxy", want: resource.Fails},
		{name: "no userland-proxy", argv: "--userland-proxy=false", control: "userland-proxy", want: resource.Holds},
		{name: "live-restore", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.LiveRestore = true })}, control: "live-restore", want: resource.Holds},
		{name: "live-restore in a swarm", edit: []func(*resource.Snapshot){inSwarm}, control: "live-restore", want: resource.NoObject},
		{name: "experimental", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Experimental = true })}, control: "experimental", want: resource.Fails},
		{name: "not experimental", control: "experimental", want: resource.Holds},
		{name: "aufs", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Driver = "aufs" })}, control: "storage-driver-aufs", want: resource.Fails},
		{name: "no aufs", control: "storage-driver-aufs", want: resource.Holds},
		{name: "devicemapper", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Driver = "devicemapper" })}, control: "storage-driver-devicemapper", want: resource.Fails},
		{name: "no devicemapper", control: "storage-driver-devicemapper", want: resource.Holds},
		{name: "base size", argv: "--storage-opt dm.basesize=20G", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Driver = "devicemapper" })}, control: "base-device-size", want: resource.Fails},
		{name: "no base size", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.Driver = "devicemapper" })}, control: "base-device-size", want: resource.Holds},
		{name: "base size without devicemapper", argv: "--storage-opt dm.basesize=20G", control: "base-device-size", want: resource.NoObject},
		{name: "rootless", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=rootless"} })}, control: "rootless", want: resource.Holds},
		{name: "as root", control: "rootless", want: resource.ByHand},
		{name: "seccomp unconfined", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=seccomp,profile=unconfined"} })}, control: "seccomp-default", want: resource.Fails},
		{name: "no seccomp", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.SecurityOptions = nil })}, control: "seccomp-default", want: resource.Fails},
		{name: "a profile of one's own", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.SecurityOptions = []string{"name=seccomp,profile=/srv/p.json"} })}, control: "seccomp-default", want: resource.ByHand},
		{name: "bulwark's profile", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) {
			e.SecurityOptions = []string{"name=seccomp,profile=/etc/docker/seccomp/bulwark-1.json"}
		})}, control: "seccomp-default", want: resource.Holds},
		{name: "a profile that only looks like it", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) {
			e.SecurityOptions = []string{"name=seccomp,profile=/etc/docker/seccomp/bulwark-/../../../../srv/p.json"}
		})}, control: "seccomp-default", want: resource.ByHand},
		{name: "an insecure network", edit: []func(*resource.Snapshot){engineOf(func(e *resource.Engine) { e.InsecureCIDRs = []string{"10.0.0.0/8", "127.0.0.0/8"} })}, control: "insecure-registries", want: resource.Fails, says: "10.0.0.0/8"},
	} {
		t.Run(c.name, c.run)
	}
}
