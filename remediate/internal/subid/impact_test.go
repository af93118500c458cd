package subid_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// find returns the only impact whose text contains part.
func find(t *testing.T, all []resource.Impact, part string) *resource.Impact {
	t.Helper()
	var found *resource.Impact
	for i := range all {
		if strings.Contains(all[i].Text, part) {
			if found != nil {
				t.Fatalf("two impacts with %q: %+v", part, all)
			}
			found = &all[i]
		}
	}
	return found
}

func TestImpactsOfContainers(t *testing.T) {
	type c = resource.Container
	const size = 100000
	for _, tc := range []struct {
		name string
		c    c
		part string
		want []string // nil: not named
	}{
		{"privileged", c{Privileged: true}, "privileged", []string{"x"}},
		{"privileged in the host's namespace", c{Privileged: true, UsernsMode: "host"}, "privileged", nil},
		{"pid", c{PidMode: "host"}, "pid namespace", []string{"x"}},
		{"pid of a container", c{PidMode: "container:y"}, "pid namespace", nil},
		{"pid in the host's namespace", c{PidMode: "host", UsernsMode: "host"}, "pid namespace", nil},
		{"network", c{NetworkMode: "host"}, "host's network", []string{"x"}},
		{"bridge", c{NetworkMode: "bridge"}, "host's network", nil},
		{"ipc", c{IpcMode: "host"}, "ipc namespace", []string{"x"}},
		{"ipc private", c{IpcMode: "private"}, "ipc namespace", nil},
		{"socket", c{Binds: []string{"/var/run/docker.sock:/var/run/docker.sock:ro"}}, "Docker socket", []string{"x"}},
		{"socket without target", c{Binds: []string{"/run/docker.sock"}}, "Docker socket", []string{"x"}},
		{"socket by its directory", c{Binds: []string{"/run/:/host/run"}}, "Docker socket", []string{"x"}},
		{"socket is no ordinary path", c{Binds: []string{"/run/docker.sock"}}, "permission denied", nil},
		{"bind", c{Binds: []string{"/srv/data:/data", "/etc/x"}}, "permission denied", []string{"x: /etc/x", "x: /srv/data"}},
		{"bind in the host's namespace", c{Binds: []string{"/srv/data:/data"}, UsernsMode: "host"}, "permission denied", nil},
		{"named volume", c{Binds: []string{"data:/data"}}, "permission denied", nil},
		{"user in range", c{User: "99999:99999"}, "beyond", nil},
		{"user beyond", c{User: "100000"}, "beyond the 100000", []string{"x"}},
		{"group beyond", c{User: "0:200000"}, "beyond", []string{"x"}},
		{"user by name", c{User: "postgres"}, "beyond", nil},
		{"any", c{State: "exited"}, "made anew", []string{"x"}},
		{"running", c{State: "running"}, "are stopped", []string{"x"}},
		{"paused", c{State: "paused"}, "are stopped", []string{"x"}},
		{"exited", c{State: "exited"}, "are stopped", nil},
		{"--rm is told with the restart, as irreversible", c{State: "running", AutoRemove: true}, "--rm", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.c.Name = "x"
			s := &resource.Snapshot{
				Engine:     resource.Known(resource.Engine{}),
				Containers: resource.Known([]resource.Container{tc.c}),
			}
			got := find(t, subid.Impacts(s, size), tc.part)
			if tc.want == nil {
				if got != nil {
					t.Fatalf("named in %+v", got)
				}
				return
			}
			if got == nil || got.Level != "warning" {
				t.Fatalf("got %+v", got)
			}
			if d := cmp.Diff(tc.want, got.Subjects); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestImpactsOfEngine(t *testing.T) {
	s := &resource.Snapshot{
		Engine: resource.Known(resource.Engine{
			RootDir: "/srv/docker", Images: 12, Volumes: 3, Networks: 5, Swarm: "active",
			DriverStatus: [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}},
		}),
		Containers: resource.Known([]resource.Container{}),
	}
	all := subid.Impacts(s, 0)
	for _, part := range []string{"12 images, 3 volumes", "containerd image store", "swarm (now active)", "/srv/docker"} {
		if find(t, all, part) == nil {
			t.Errorf("nothing on %q in %+v", part, all)
		}
	}
	s.Engine.Value.DriverStatus, s.Engine.Value.Swarm = [][2]string{{"Backing Filesystem", "extfs"}}, "inactive"
	if n := len(subid.Impacts(s, 0)); n != 2 {
		t.Errorf("%d impacts, want 2: out of sight and disk", n)
	}
	s.Engine.Value.SecurityOptions = []string{"name=seccomp,profile=default", "name=userns"}
	if all := subid.Impacts(s, 0); all != nil {
		t.Errorf("already remapped, but %+v", all)
	}
}

func TestImpactsUnknown(t *testing.T) {
	s := &resource.Snapshot{
		Engine:     resource.Unknown[resource.Engine]("docker is not running"),
		Containers: resource.Unknown[[]resource.Container]("needs root"),
	}
	all := subid.Impacts(s, 0)
	if len(all) != 2 || !strings.Contains(all[0].Text, "docker is not running") || !strings.Contains(all[1].Text, "needs root") {
		t.Errorf("%+v", all)
	}
}
