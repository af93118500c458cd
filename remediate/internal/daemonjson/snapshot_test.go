package daemonjson_test

import (
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const second = int64(1e9)

// snapshot is a host on which dockerd has started after the file was written.
func snapshot(file string, v daemonjson.Version) *resource.Snapshot {
	s := &resource.Snapshot{Root: "/"}
	f := resource.File{Path: daemonjson.DefaultPath}
	if file == "" {
		f.Print.Type = resource.Absent
	} else {
		f.Content = []byte(file)
		f.Print = resource.Fingerprint{Type: resource.Regular, SHA256: resource.Sum(f.Content), Mode: 0o600, MtimeNS: 100 * second, CtimeNS: 100 * second}
	}
	s.DaemonJSON = resource.Known(f)
	s.Host = resource.Known(resource.Host{LSM: []string{"apparmor"}})
	s.Process = resource.Known(resource.Process{PID: 7, StartedNS: 200 * second})
	s.Flags = resource.Known([]resource.Flag{})
	s.Containers = resource.Known([]resource.Container{})
	s.Unit = resource.Known(resource.Unit{ActiveState: "active"})
	e := resource.Engine{
		Version: v.String(), LoggingDriver: "json-file", Swarm: "inactive", DefaultRuntime: "runc", RootDir: "/var/lib/docker",
		SecurityOptions: []string{"name=apparmor", "name=seccomp,profile=builtin"}, ReloadedNS: -1,
		Bridge: map[string]string{
			"com.docker.network.bridge.enable_icc": "true", "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
			"com.docker.network.bridge.name": "docker0",
		},
	}
	if !v.Known() {
		s.Engine = resource.Unknown[resource.Engine]("no socket")
	} else {
		s.Engine = resource.Known(e)
	}
	return s
}
