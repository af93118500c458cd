package daemonjson_test

import (
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestEffective(t *testing.T) {
	e := resource.Engine{
		Version: "28.5.2", RootDir: "/srv/docker/100000.100000", Driver: "overlay2", LiveRestore: true, LoggingDriver: "journald",
		CgroupDriver: "systemd", DefaultRuntime: "runc", Labels: []string{"a=b"}, Mirrors: []string{"https://m/"},
		InsecureCIDRs: []string{"10.0.0.0/8", "127.0.0.0/8", "::1/128"}, InsecureRegistries: []string{"r:5000"},
		FirewallBackend: "iptables+firewalld", MinAPIVersion: "1.24", Debug: true,
		SecurityOptions: []string{"name=seccomp,profile=/p.json", "name=userns", "name=cgroupns", "name=no-new-privileges"},
		Bridge: map[string]string{
			"com.docker.network.bridge.enable_icc": "false", "com.docker.network.bridge.enable_ip_masquerade": "true",
			"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1", "com.docker.network.bridge.name": "docker0", "com.docker.network.driver.mtu": "1500",
		},
	}
	for key, want := range map[string]string{
		"icc": "false", "ip-masq": "true", "ip": `"127.0.0.1"`, "bridge": `"docker0"`, "mtu": "1500",
		"live-restore": "true", "debug": "true", "experimental": "false", "labels": `["a=b"]`, "registry-mirrors": `["https://m/"]`,
		"insecure-registries": `["r:5000","10.0.0.0/8"]`, "log-driver": `"journald"`, "default-runtime": `"runc"`, "storage-driver": `"overlay2"`,
		"data-root": `"/srv/docker"`, "exec-opts": `["native.cgroupdriver=systemd"]`, "firewall-backend": `"iptables"`, "min-api-version": `"1.24"`,
		"userns-remap": "", "selinux-enabled": "false", "no-new-privileges": "true", "default-cgroupns-mode": `"private"`, "seccomp-profile": `"/p.json"`,
		"default-ulimits": "", "log-opts": "", "iptables": "", "userland-proxy": "", "nonsense": "",
	} {
		got, known := daemonjson.Effective(&resource.Snapshot{Engine: resource.Known(e)}, key)
		if string(got) != want || known != (want != "") {
			t.Errorf("%s: %s %v, want %s", key, got, known, want)
		}
	}
	old := resource.Engine{Version: "20.10.24", RootDir: "/var/lib/docker", SecurityOptions: []string{"name=seccomp,profile=default"}}
	for key, want := range map[string]string{
		"no-new-privileges": "", // engines before 24.0 do not show it
		"seccomp-profile":   `"builtin"`, "userns-remap": `""`, "default-cgroupns-mode": `"host"`, "data-root": `"/var/lib/docker"`,
		"icc": "", "ip": "", "bridge": "", "mtu": "", // no network "bridge"
		"firewall-backend": "", "labels": "[]",
	} {
		got, known := daemonjson.Effective(&resource.Snapshot{Engine: resource.Known(old)}, key)
		if string(got) != want || known != (want != "") {
			t.Errorf("20.10 %s: %s %v, want %s", key, got, known, want)
		}
	}
	if _, known := daemonjson.Effective(&resource.Snapshot{Engine: resource.Unknown[resource.Engine]("x")}, "debug"); known {
		t.Error("known without an engine")
	}
}

// TestEffectiveSpellings: a value in the file agrees with what the API shows
// of it, whatever the spelling.
func TestEffectiveSpellings(t *testing.T) {
	for _, tc := range []struct {
		file, key, value string
		engine           func(*resource.Engine)
		status           resource.Status
	}{
		{`{"registry-mirrors": ["https://m"]}`, "registry-mirrors", `["https://m"]`, func(e *resource.Engine) { e.Mirrors = []string{"https://m/"} }, resource.OK},
		{`{"labels": ["b=2", "a=1"]}`, "labels", `["b=2", "a=1"]`, func(e *resource.Engine) { e.Labels = []string{"a=1", "b=2"} }, resource.OK},
		{`{"labels": ["b=2"]}`, "labels", `["b=2"]`, func(e *resource.Engine) { e.Labels = []string{"b=3"} }, resource.Manual},
		{`{"seccomp-profile": ""}`, "seccomp-profile", `""`, nil, resource.OK},
		{`{"seccomp-profile": "builtin"}`, "seccomp-profile", `"builtin"`, nil, resource.OK},
		{`{"seccomp-profile": "/p"}`, "seccomp-profile", `"/p"`, nil, resource.Manual},
		{`{"ip": "::ffff:127.0.0.1"}`, "ip", `"::ffff:127.0.0.1"`, func(e *resource.Engine) { e.Bridge["com.docker.network.bridge.host_binding_ipv4"] = "127.0.0.1" }, resource.OK},
		{`{"data-root": "/var/lib/docker/"}`, "data-root", `"/var/lib/docker/"`, nil, resource.OK},
		{`{"exec-opts": []}`, "exec-opts", `[]`, func(e *resource.Engine) { e.CgroupDriver = "systemd" }, resource.OK},
		{`{"userns-remap": "root"}`, "userns-remap", `"root"`, nil, resource.OK},
		{`{"userns-remap": "default"}`, "userns-remap", `"default"`, nil, resource.Manual},
		{`{"insecure-registries": ["r:5000"]}`, "insecure-registries", `["r:5000"]`, func(e *resource.Engine) { e.InsecureRegistries = []string{"r:5000"} }, resource.OK},
		{`{"insecure-registries": ["10.1.2.3/8"]}`, "insecure-registries", `["10.1.2.3/8"]`, func(e *resource.Engine) { e.InsecureCIDRs = []string{"10.0.0.0/8", "127.0.0.0/8"} }, resource.OK},
	} {
		s := snapshot(tc.file, v29)
		if tc.engine != nil {
			engine(s, tc.engine)
		}
		r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key(tc.key, tc.value)}, s)
		if r.Controls[0].Status != tc.status {
			t.Errorf("%s: %+v, want %s", tc.file, r.Controls[0], tc.status)
		}
	}
}
