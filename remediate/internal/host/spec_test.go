package host

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// inspected decodes what GET /containers/ID/json may say.
func inspected(t *testing.T, body string) resource.Container {
	t.Helper()
	var in container.InspectResponse
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	return fromInspect(container.Summary{ID: "a"}, in)
}

func TestSpec(t *testing.T) {
	got := inspected(t, `{
		"Created": "2026-11-24T19:29:36.317666495Z", "Path": "sh", "Args": ["-c", "x"], "Image": "sha256:17", "AppArmorProfile": "docker-default", "ProcessLabel": "l",
		"State": {"Health": {"Status": "unhealthy"}},
		"Config": {"Env": ["A=b"]},
		"HostConfig": {
			"CapAdd": ["SYS_ADMIN"], "CapDrop": ["ALL"], "ReadonlyRootfs": true, "Memory": 7, "MemorySwap": -1, "NanoCpus": 8, "CpuQuota": 9, "CpuPeriod": 10,
			"CpuShares": 11, "PidsLimit": 12, "OomKillDisable": true, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}, "Tmpfs": {"/t": "size=1"},
			"Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/xvda", "CgroupPermissions": "rwm"}], "DeviceCgroupRules": ["c 1:3 mr"],
			"Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}, null], "UTSMode": "host", "CgroupnsMode": "private", "CgroupParent": "/p", "Runtime": "runc",
			"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}, "GroupAdd": ["0"], "MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"]
		},
		"Mounts": [
			{"Type": "volume", "Name": "v", "Source": "/var/lib/docker/volumes/v/_data", "Destination": "/v", "RW": true},
			{"Type": "bind", "Source": "/etc", "Destination": "/etc", "Propagation": "rshared"}
		]
	}`).Spec
	want := resource.Spec{
		ImageID: "sha256:17", Command: []string{"sh", "-c", "x"}, Env: []string{"A=b"}, CapAdd: []string{"SYS_ADMIN"}, CapDrop: []string{"ALL"}, ReadonlyRoot: true,
		Memory: 7, MemorySwap: -1, NanoCPUs: 8, CPUQuota: 9, CPUPeriod: 10, CPUShares: 11, Pids: 12, NoOOMKill: true, RestartMax: 5, Tmpfs: map[string]string{"/t": "size=1"},
		Devices: []string{"/dev/sda:/dev/xvda:rwm"}, DeviceRules: []string{"c 1:3 mr"}, Ulimits: []string{"nofile=1024:2048"}, UTSMode: "host", CgroupnsMode: "private",
		CgroupParent: "/p", Runtime: "runc", Health: "unhealthy", AppArmor: "docker-default", ProcessLabel: "l", LogOpts: map[string]string{"max-size": "1m"},
		GroupAdd: []string{"0"}, CreatedNS: 1795548576317666495,
		Mounts: []resource.Mount{
			{Type: "bind", Source: "/etc", Target: "/etc", Propagation: "rshared"},
			{Type: "volume", Name: "v", Source: "/var/lib/docker/volumes/v/_data", Target: "/v", RW: true},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestUnmasked: null is the default, an empty list is systempaths=unconfined,
// and a privileged container has no masks at all.
func TestUnmasked(t *testing.T) {
	for host, want := range map[string]bool{
		`{}`: false, `{"MaskedPaths": null, "ReadonlyPaths": null}`: false, `{"MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"]}`: false,
		`{"MaskedPaths": [], "ReadonlyPaths": []}`: true, `{"MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": []}`: true,
		`{"Privileged": true, "MaskedPaths": null}`: true,
	} {
		if got := inspected(t, `{"HostConfig": `+host+`}`).Spec.Unmasked; got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestHealth(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: "", `{"State": {"Health": {"Status": "none"}}}`: "", `{"State": {"Health": {"Status": "healthy"}}}`: "healthy",
		`{"State": {"Status": "created"}, "Config": {"Healthcheck": {"Test": ["CMD", "true"]}}}`: "starting",
		`{"Config": {"Healthcheck": {"Test": ["NONE"]}}}`:                                        "", `{"Config": {"Healthcheck": {}}}`: "",
	} {
		if got := inspected(t, body).Spec.Health; got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
}

func TestPorts(t *testing.T) {
	const fixed = `"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "53/udp": [{"HostIp": "::1", "HostPort": "53"}]}`
	p := func(container, ip string, port int) resource.Port {
		return resource.Port{Container: container, HostIP: ip, HostPort: port}
	}
	for name, tt := range map[string]struct {
		body string
		want []resource.Port
	}{
		"none":    {`{"HostConfig": {"PortBindings": {}}, "NetworkSettings": {"Ports": {"80/tcp": null}}}`, nil},
		"stopped": {`{"HostConfig": {` + fixed + `}, "NetworkSettings": {"Ports": {}}}`, []resource.Port{p("53/udp", "::1", 53), p("80/tcp", "", 8080)}},
		"running": {
			`{"HostConfig": {` + fixed + `}, "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}], "53/udp": [{"HostIp": "::1", "HostPort": "53"}]}}}`,
			[]resource.Port{p("53/udp", "::1", 53), p("80/tcp", "0.0.0.0", 8080), p("80/tcp", "::", 8080)},
		},
		"by chance, running": {
			`{"HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "0"}]}}, "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}]}}}`,
			[]resource.Port{p("80/tcp", "0.0.0.0", 32768)},
		},
		"by chance, stopped": {`{"HostConfig": {"PublishAllPorts": true}, "Config": {"ExposedPorts": {"80/tcp": {}}}}`, []resource.Port{p("80/tcp", "", 0)}},
		"a range":            {`{"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8000-8010"}]}}}`, []resource.Port{p("80/tcp", "", 8000)}},
		"host network":       {`{"HostConfig": {"NetworkMode": "host", ` + fixed + `}}`, nil},
	} {
		if got := inspected(t, tt.body).Spec.Ports; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestEncrypted(t *testing.T) {
	on := map[string]string{"encrypted": ""}
	for _, tt := range []struct {
		n    network.Network
		want bool
	}{
		{network.Network{Driver: "overlay", Options: on}, true}, {network.Network{Driver: "overlay"}, false}, {network.Network{Driver: "bridge", Options: on}, false},
	} {
		if got := fromNetwork(tt.n); got.Encrypted != tt.want {
			t.Errorf("%+v: %v", tt.n, got.Encrypted)
		}
	}
}

func TestStatusNumber(t *testing.T) {
	const status = "Name:\tSeccomp: 9\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
	if s, n := statusNumber(status, "Seccomp:"), statusNumber(status, "NoNewPrivs:"); s == nil || *s != 2 || n == nil || *n != 1 {
		t.Errorf("%v %v", s, n)
	}
	if s, n := confinement(0); s != nil || n != nil {
		t.Errorf("of no process: %v %v", s, n)
	}
}
