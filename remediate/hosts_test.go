package remediate_test

import (
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

var started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano()

// hosts are made-up hosts of every condition, without secrets.
func hosts() map[string]func() *resource.Snapshot {
	return map[string]func() *resource.Snapshot{
		"running": running, "stopped": stopped, "image": image, "blind": blind, "by hand": byHand,
	}
}

// running is Engine 28 under systemd that nobody has hardened.
func running() *resource.Snapshot {
	unit := resource.Unit{
		Name: "docker.service", LoadState: "loaded", ActiveState: "active", FragmentPath: "/lib/systemd/system/docker.service",
		DropIns: []string{"/etc/systemd/system/docker.service.d/a.conf"}, MainPID: 8, ExecStart: []string{"/usr/bin/dockerd", "-H", "fd://"},
	}
	return &resource.Snapshot{
		Format: resource.SnapshotFormat, Tool: "dev", Root: "/",
		Host: resource.Known(resource.Host{ID: "6d0f"}), Unit: resource.Known(unit), Socket: resource.Known(unit),
		Process: resource.Known(resource.Process{PID: 8, Argv: []string{"/usr/bin/dockerd", "-H", "fd://"}, StartedNS: started}),
		Engine: resource.Known(resource.Engine{
			Version: "28.3.2", RootDir: "/var/lib/docker", Driver: "overlay2", LoggingDriver: "json-file", Swarm: "inactive", ReloadedNS: -1,
			SecurityOptions: []string{"name=seccomp,profile=builtin"}, Bridge: map[string]string{"com.docker.network.bridge.enable_icc": "true"},
		}),
		Binary: resource.Known(resource.Binary{Path: "/usr/bin/dockerd", Version: "28.3.2"}),
		Containers: resource.Known([]resource.Container{
			{ID: "2", Name: "web", State: "running", RestartPolicy: "always"}, {ID: "1", Name: "db", State: "running"}, {ID: "3", Name: "old", State: "exited"},
		}),
		DaemonJSON: resource.Known(file("/etc/docker/daemon.json", "{\"dns\": [\"192.0.2.53\"]}\n")),
		Accounts: resource.Known(resource.Accounts{
			Passwd: file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"), Group: file("/etc/group", "root:x:0:\n"),
			Subuid: file("/etc/subuid", "root:100000:65536\n"), Subgid: file("/etc/subgid", "root:100000:65536\n"),
			Shadow: file("/etc/shadow", ""), Gshadow: file("/etc/gshadow", ""), LoginDefs: file("/etc/login.defs", ""),
			NSSwitch: file("/etc/nsswitch.conf", "passwd: files\n"), ShadowNames: []string{"root"}, GshadowNames: []string{"root"},
		}),
		Flags: resource.Known([]resource.Flag{{Name: "host", Value: "fd://", Origin: "/lib/systemd/system/docker.service"}}),
	}
}

func file(path, content string) resource.File {
	return resource.File{Path: path, Content: []byte(content), Print: resource.Fingerprint{
		Type: resource.Regular, SHA256: resource.Sum([]byte(content)), Size: int64(len(content)), Mode: 0o644, Nlink: 1,
		MtimeNS: started - 1e12, CtimeNS: started - 1e12,
	}}
}

func stopped() *resource.Snapshot {
	s := running()
	s.Unit.Value.ActiveState, s.Unit.Value.MainPID = "inactive", 0
	const why = "docker.service is inactive"
	s.Process = resource.Unknown[resource.Process](why)
	s.Engine = resource.Unknown[resource.Engine](why)
	s.Containers = resource.Unknown[[]resource.Container](why)
	return s
}

func image() *resource.Snapshot {
	s := stopped()
	s.Root = "/mnt/image"
	const why = "--root is an image: nothing runs there"
	s.Unit, s.Socket = resource.Unknown[resource.Unit](why), resource.Unknown[resource.Unit](why)
	s.Flags = resource.Unknown[[]resource.Flag](why)
	s.Binary = resource.Unknown[resource.Binary](why)
	return s
}

// blind is what a user sees who may read nothing.
func blind() *resource.Snapshot {
	const why = "permission denied"
	return &resource.Snapshot{
		Format: resource.SnapshotFormat, Tool: "dev", Root: "/",
		Host: resource.Unknown[resource.Host](why), Unit: resource.Unknown[resource.Unit](why), Socket: resource.Unknown[resource.Unit](why),
		Process: resource.Unknown[resource.Process](why), Engine: resource.Unknown[resource.Engine](why),
		Binary: resource.Unknown[resource.Binary](why), Containers: resource.Unknown[[]resource.Container](why),
		DaemonJSON: resource.Unknown[resource.File](why), Accounts: resource.Unknown[resource.Accounts](why),
		Flags: resource.Unknown[[]resource.Flag](why),
	}
}

// byHand is a daemon that runs without systemd.
func byHand() *resource.Snapshot {
	s := running()
	s.Unit, s.Socket = resource.Unknown[resource.Unit]("systemd is not running"), resource.Unknown[resource.Unit]("systemd is not running")
	s.Flags = resource.Unknown[[]resource.Flag]("systemd is not running")
	return s
}
