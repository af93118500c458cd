package daemonjson

import (
	"slices"
	"sync"
)

// Keys returns the table: every key of daemon.json that an engine from 20.10
// to 29.7 reads, one row each. It was made from the json tags of
// daemon/config and the flags of cmd/dockerd (daemon/command from 29) at every
// release tag of moby/moby, and from daemon/reload.go.
func Keys() []Key { return slices.Clone(table()) }

// table makes the rows once: a plan looks keys up some thousand times.
var table = sync.OnceValue(func() []Key { return append(securityKeys(), otherKeys()...) })

// securityKeys are the keys that decide about isolation, access and logging.
func securityKeys() []Key {
	return []Key{
		{
			Name: "userns-remap", Type: String, Flags: []string{"userns-remap"}, Default: `""`,
			Read: "/info SecurityOptions name=userns",
			Note: "moves the data root: images, containers, volumes and networks go out of sight",
		},
		{
			Name: "seccomp-profile", Type: String, Default: `"builtin"`, Flags: []string{"seccomp-profile"},
			Read: "/info SecurityOptions name=seccomp",
			Note: "the file is read once at daemon start; running containers change at their next start",
		},
		{
			Name: "no-new-privileges", Type: Bool, Flags: []string{"no-new-privileges"}, Default: `false`,
			Read: "/info SecurityOptions, 24.0 and newer",
			Note: "applies to containers created afterwards",
		},
		{
			Name: "selinux-enabled", Type: Bool, Flags: []string{"selinux-enabled"}, Default: `false`,
			Read: "/info SecurityOptions name=selinux",
			Note: "accepted but without effect on a host without SELinux",
		},
		{
			Name: "icc", Type: Bool, Flags: []string{"icc"}, Network: true, Default: `true`,
			Read: "/networks/bridge enable_icc",
			Note: "default bridge only; needs iptables",
		},
		{
			Name: "iptables", Type: Bool, Flags: []string{"iptables"}, Network: true, Default: `true`,
			Note: "false leaves no DOCKER-USER chain and is refused together with icc false",
		},
		{
			Name: "ip6tables", Type: Bool, Flags: []string{"ip6tables"}, Network: true,
			Note: "default false up to 26.1, true from 27.0; before 27.0 true needs experimental",
		},
		{
			Name: "firewall-backend", Type: String, Flags: []string{"firewall-backend"}, Since: release(29, 0, 0), Network: true,
			Read: "/info FirewallBackend",
			Note: "nftables leaves out DOCKER-USER",
		},
		{Name: "bridge-accept-fwmark", Type: String, Flags: []string{"bridge-accept-fwmark"}, Since: release(29, 0, 0), Network: true},
		{Name: "allow-direct-routing", Type: Bool, Flags: []string{"allow-direct-routing"}, Since: release(28, 2, 0), Network: true, Default: `false`},
		{Name: "ip-forward", Type: Bool, Flags: []string{"ip-forward"}, Network: true, Default: `true`},
		{Name: "ip-forward-no-drop", Type: Bool, Flags: []string{"ip-forward-no-drop"}, Since: release(28, 0, 0), Network: true, Default: `false`},
		{
			Name: "ip-masq", Type: Bool, Flags: []string{"ip-masq"}, Network: true,
			Read: "/networks/bridge enable_ip_masquerade",
			Note: "default true, but false with iptables false",
		},
		{
			Name: "ip", Type: IP, Flags: []string{"ip"}, Network: true, Default: `"0.0.0.0"`,
			Read: "/networks/bridge host_binding_ipv4",
			Note: "default bridge only; explicit -p addresses override it; containers keep what they were created with",
		},
		{
			Name: "userland-proxy", Type: Bool, Flags: []string{"userland-proxy"}, Network: true, Default: `true`,
			Note: "true without userland-proxy-path makes every reload fail from 25.0",
		},
		{Name: "userland-proxy-path", Type: String, Flags: []string{"userland-proxy-path"}, Network: true, Note: "from 25.0 the program must exist"},
		{
			Name: "default-network-opts", Type: MapOfMaps, Flags: []string{"default-network-opt"}, Since: release(24, 0, 0),
			Note: "networks created afterwards only, not the default bridge; unknown option names pass silently; engines before 24.0 may accept the key and ignore it",
		},
		{
			Name: "live-restore", Type: Bool, Flags: []string{"live-restore"}, Live: true, KeptWhenAbsent: true, Default: `false`,
			Read: "/info LiveRestoreEnabled",
			Note: "refused by swarm; network keys are ignored at a restart while containers run",
		},
		{
			Name: "authorization-plugins", Type: StringList, Flags: []string{"authorization-plugin"}, Live: true,
			Note: "a reload drops plugins that are not in the file, and dockerd exits if it names one that is missing",
		},
		{Name: "hosts", Type: StringList, Flags: []string{"host"}, Note: "packaged units pass -H fd://, which conflicts"},
		{Name: "tls", Type: Bool, Flags: []string{"tls"}, Note: "with no hosts key the default listener becomes TCP"},
		{Name: "tlsverify", Type: Bool, Flags: []string{"tlsverify"}},
		{Name: "tlscacert", Type: String, Flags: []string{"tlscacert"}},
		{Name: "tlscert", Type: String, Flags: []string{"tlscert"}},
		{Name: "tlskey", Type: String, Flags: []string{"tlskey"}},
		{Name: "group", Type: String, Flags: []string{"group"}, Default: `"docker"`, Note: "an unknown group stops dockerd"},
		{
			Name: "default-ulimits", Type: Ulimits, Flags: []string{"default-ulimit"},
			Note: "applied at container start, so existing containers take it up; each entry needs Name",
		},
		{
			Name: "default-runtime", Type: String, Flags: []string{"default-runtime"}, Live: true, KeptWhenAbsent: true, Default: `"runc"`,
			Read: "/info DefaultRuntime",
		},
		{
			Name: "runtimes", Type: Runtimes, Flags: []string{"add-runtime"}, Live: true, KeptWhenAbsent: true,
			Note: "the name runc is reserved; the only key that may also be given as flag",
		},
		{
			Name: "default-ipc-mode", Type: String, Flags: []string{"default-ipc-mode"}, Live: true, KeptWhenAbsent: true, Default: `"private"`,
			Note: "applies to containers created afterwards",
		},
		{
			Name: "default-cgroupns-mode", Type: String, Flags: []string{"default-cgroupns-mode"}, Live: true, KeptWhenAbsent: true,
			Read: "/info SecurityOptions name=cgroupns",
			Note: "default private on cgroup v2, host on v1",
		},
		{Name: "cgroup-parent", Type: String, Flags: []string{"cgroup-parent"}, Note: "with the systemd driver it must be the name of a slice"},
		{Name: "exec-opts", Type: StringList, Flags: []string{"exec-opt"}, Read: "/info CgroupDriver", Note: "only native.cgroupdriver exists on Linux"},
		{
			Name: "log-driver", Type: String, Flags: []string{"log-driver"}, Default: `"json-file"`,
			Read: "/info LoggingDriver",
			Note: "applies to containers created afterwards; log-opts of another driver stop dockerd",
		},
		{
			Name: "log-opts", Type: StringMap, Flags: []string{"log-opt"}, Secret: true,
			Note: "applies to containers created afterwards; values must be strings",
		},
		{
			Name: "insecure-registries", Type: StringList, Flags: []string{"insecure-registry"}, Live: true, KeptWhenAbsent: true, Default: `[]`,
			Read: "/info RegistryConfig",
		},
		{
			Name: "registry-mirrors", Type: StringList, Flags: []string{"registry-mirror"}, Live: true, KeptWhenAbsent: true, Default: `[]`,
			Read: "/info RegistryConfig.Mirrors",
		},
		{
			Name: "features", Type: BoolMap, Flags: []string{"feature"}, Live: true,
			Note: "--feature from 27.3; containerd-snapshotter, cdi and others act at daemon start only",
		},
		{Name: "min-api-version", Type: String, Since: release(29, 0, 0), Read: "/version MinAPIVersion"},
		{Name: "metrics-addr", Type: String, Flags: []string{"metrics-addr"}, Default: `""`},
		{Name: "network-diagnostic-port", Type: Int, Flags: []string{"network-diagnostic-port"}, Live: true, Default: `0`},
		{Name: "experimental", Type: Bool, Flags: []string{"experimental"}, Default: `false`, Read: "/info ExperimentalBuild"},
		{
			Name: "proxies", Type: Struct, Flags: []string{"http-proxy", "https-proxy", "no-proxy"}, Since: release(23, 0, 0), Secret: true,
			Note: "http-proxy and the like belong in here: at top level they are accepted and ignored",
		},
	}
}

// otherKeys are the rest, those that newer engines have removed last.
func otherKeys() []Key {
	return []Key{
		{Name: "debug", Type: Bool, Flags: []string{"debug"}, Live: true, KeptWhenAbsent: true, Default: `false`, Read: "/info Debug"},
		{Name: "log-level", Type: String, Flags: []string{"log-level"}, Default: `"info"`},
		{Name: "log-format", Type: String, Flags: []string{"log-format"}, Since: release(25, 0, 0), Default: `"text"`},
		{Name: "raw-logs", Type: Bool, Flags: []string{"raw-logs"}, Default: `false`},
		{Name: "containerd", Type: String, Flags: []string{"containerd"}, Note: "packaged units pass --containerd, which conflicts"},
		{
			Name: "containerd-namespace", Type: String, Flags: []string{"containerd-namespace"}, Default: `"moby"`,
			Note: "containers of the old namespace go out of sight",
		},
		{Name: "nri-opts", Type: Struct, Flags: []string{"nri-opts"}, Since: release(29, 2, 0), Live: true, Note: "absent at a reload means reset"},
		{
			Name: "data-root", Type: String, Flags: []string{"data-root"},
			Read: "/info DockerRootDir",
			Note: "moves the data root: everything goes out of sight",
		},
		{Name: "exec-root", Type: String, Flags: []string{"exec-root"}},
		{Name: "pidfile", Type: String, Flags: []string{"pidfile"}},
		{
			Name: "storage-driver", Type: String, Flags: []string{"storage-driver"},
			Read: "/info Driver",
			Note: "images and containers of the old driver go out of sight",
		},
		{Name: "storage-opts", Type: StringList, Flags: []string{"storage-opt"}},
		{Name: "bridge", Type: String, Flags: []string{"bridge"}, Network: true, Read: "/networks/bridge name"},
		{Name: "bip", Type: String, Flags: []string{"bip"}, Network: true},
		{Name: "bip6", Type: String, Flags: []string{"bip6"}, Since: release(28, 0, 0), Network: true},
		{Name: "fixed-cidr", Type: String, Flags: []string{"fixed-cidr"}, Network: true},
		{Name: "fixed-cidr-v6", Type: String, Flags: []string{"fixed-cidr-v6"}, Network: true},
		{Name: "mtu", Type: Int, Flags: []string{"mtu"}, Network: true, Read: "/networks/bridge driver.mtu"},
		{Name: "default-gateway", Type: IP, Flags: []string{"default-gateway"}, Network: true},
		{Name: "default-gateway-v6", Type: IP, Flags: []string{"default-gateway-v6"}, Network: true},
		{Name: "ipv6", Type: Bool, Flags: []string{"ipv6"}, Network: true, Default: `false`},
		{Name: "dns", Type: IPList, Flags: []string{"dns"}},
		{Name: "dns-opts", Type: StringList, Flags: []string{"dns-opt"}},
		{Name: "dns-search", Type: StringList, Flags: []string{"dns-search"}},
		{Name: "default-address-pools", Type: Pools, Flags: []string{"default-address-pool"}, Note: "networks created afterwards only"},
		{Name: "network-control-plane-mtu", Type: Int, Flags: []string{"network-control-plane-mtu"}, Default: `1500`},
		{Name: "host-gateway-ip", Type: IP, Flags: []string{"host-gateway-ip"}, Note: "from 28.0 the same as host-gateway-ips; not both"},
		{Name: "host-gateway-ips", Type: IPList, Flags: []string{"host-gateway-ip"}, Since: release(28, 0, 0)},
		{Name: "labels", Type: StringList, Flags: []string{"label"}, Live: true, KeptWhenAbsent: true, Default: `[]`, Read: "/info Labels"},
		{Name: "max-concurrent-downloads", Type: Int, Flags: []string{"max-concurrent-downloads"}, Live: true, Default: `3`},
		{Name: "max-concurrent-uploads", Type: Int, Flags: []string{"max-concurrent-uploads"}, Live: true, Default: `5`},
		{Name: "max-download-attempts", Type: Int, Flags: []string{"max-download-attempts"}, Live: true, Default: `5`},
		{Name: "shutdown-timeout", Type: Int, Flags: []string{"shutdown-timeout"}, Live: true, KeptWhenAbsent: true, Default: `15`},
		{Name: "default-stop-timeout", Type: Int, Flags: []string{"default-stop-timeout"}, Since: release(29, 7, 0), Live: true, KeptWhenAbsent: true},
		{Name: "default-shm-size", Type: Size, Flags: []string{"default-shm-size"}, Live: true, KeptWhenAbsent: true, Default: `"64M"`},
		{Name: "init", Type: Bool, Flags: []string{"init"}, Default: `false`, Note: "applies to containers created afterwards"},
		{Name: "init-path", Type: String, Flags: []string{"init-path"}},
		{Name: "cpu-rt-period", Type: Int, Flags: []string{"cpu-rt-period"}, Default: `0`},
		{Name: "cpu-rt-runtime", Type: Int, Flags: []string{"cpu-rt-runtime"}, Default: `0`},
		{Name: "node-generic-resources", Type: StringList, Flags: []string{"node-generic-resource"}},
		{Name: "swarm-default-advertise-addr", Type: String, Flags: []string{"swarm-default-advertise-addr"}},
		{Name: "cri-containerd", Type: Bool, Flags: []string{"cri-containerd"}, Default: `false`},
		{Name: "rootless", Type: Bool, Flags: []string{"rootless"}},
		{Name: "builder", Type: Struct, Note: "keys below it are CamelCase and unknown ones are ignored"},
		{Name: "cdi-spec-dirs", Type: StringList, Flags: []string{"cdi-spec-dir"}, Since: release(25, 0, 0)},
		{Name: "oom-score-adjust", Type: Int, Flags: []string{"oom-score-adjust"}, Removed: release(26, 0, 0), Default: `0`},
		{Name: "api-cors-header", Type: String, Flags: []string{"api-cors-header"}, Removed: release(29, 0, 0)},
		{Name: "graph", Type: String, Flags: []string{"graph"}, Removed: release(24, 0, 0), Note: "the old name of data-root; not both"},
		{Name: "cluster-store", Type: String, Flags: []string{"cluster-store"}, Removed: release(24, 0, 0)},
		{Name: "cluster-advertise", Type: String, Flags: []string{"cluster-advertise"}, Removed: release(24, 0, 0)},
		{Name: "cluster-store-opts", Type: StringMap, Flags: []string{"cluster-store-opt"}, Removed: release(24, 0, 0)},
		{
			Name: "allow-nondistributable-artifacts", Type: StringList, Flags: []string{"allow-nondistributable-artifacts"}, Removed: release(29, 0, 0), Tolerated: true, Live: true, KeptWhenAbsent: true,
			Note: "ignored from 28.1",
		},
		{Name: "deprecated-key-path", Type: String, Removed: release(24, 0, 0), Tolerated: true, Note: "ignored"},
	}
}
