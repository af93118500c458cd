package resource

import "time"

// SnapshotFormat is the version of the JSON form of a Snapshot.
const SnapshotFormat = 1

// A Snapshot is everything that plan and check know of a host, read once and
// read-only. It is JSON-serialisable, so that plan can run elsewhere or later.
type Snapshot struct {
	Format int       `json:"format"`
	Tool   string    `json:"tool"`
	Taken  time.Time `json:"taken"`
	// Root is the directory given by --root, or "/" for the running host.
	Root       string            `json:"root"`
	Host       Fact[Host]        `json:"host"`
	Unit       Fact[Unit]        `json:"unit"`   // docker.service
	Socket     Fact[Unit]        `json:"socket"` // docker.socket
	Process    Fact[Process]     `json:"process"`
	Engine     Fact[Engine]      `json:"engine"`
	Binary     Fact[Binary]      `json:"binary"`
	Containers Fact[[]Container] `json:"containers"`
	DaemonJSON Fact[File]        `json:"daemon_json"`
	// StartedWith is daemon.json as the running daemon read it when it
	// started, if the journal of this host remembers that; else nil.
	StartedWith *File          `json:"started_with,omitempty"`
	Accounts    Fact[Accounts] `json:"accounts"`
	// Flags are dockerd's flags at its next start, in order, with the file
	// that each comes from (see Flag).
	Flags Fact[[]Flag] `json:"flags"`
	// Networks, Firewall, Flows, Loader and Rules are for the section egress.
	Networks Fact[[]Network] `json:"networks"`
	Firewall Fact[Firewall]  `json:"firewall"`
	// Flows are the connections that containers have open to elsewhere.
	Flows Fact[[]Flow] `json:"flows"`
	// Loader is bulwark-egress.service, which loads the rules at boot.
	Loader Fact[Unit] `json:"loader"`
	// LoaderFault says why that unit would not do it though it is enabled.
	LoaderFault string `json:"loader_fault,omitempty"`
	// Rules is bulwark's own record of the rules that it committed.
	Rules Fact[File] `json:"rules"`
	// Resolved holds the addresses of the names that the policy allows.
	Resolved map[string]Fact[[]string] `json:"resolved,omitempty"`
	// Seccomp is for the section seccomp, Audit for the section audit.
	Seccomp Fact[Seccomp] `json:"seccomp"`
	Audit   Fact[Audit]   `json:"audit"`
	// Usage is what each running container uses, by id, for the section limits.
	Usage Fact[map[string]Usage] `json:"usage"`
	// Survey is for check.
	Survey Fact[Survey] `json:"survey"`
}

// Host identifies the machine.
type Host struct {
	// ID is an HMAC of the machine id, as machine-id(5) asks for.
	ID     string `json:"id,omitempty"`
	BootID string `json:"boot_id,omitempty"`
	OS     string `json:"os,omitempty"` // PRETTY_NAME of os-release
	Kernel string `json:"kernel,omitempty"`
	Arch   string `json:"arch,omitempty"` // GOARCH of the bulwark that looked
	EUID   int    `json:"euid"`           // effective uid of the observer
	// Containers' cgroup version and LSMs matter to later kinds.
	CgroupVersion int      `json:"cgroup_version,omitempty"`
	LSM           []string `json:"lsm,omitempty"`
	// BridgeNF is net.bridge.bridge-nf-call-iptables: "1" if packets between
	// ports of one bridge pass iptables, "0" if not, "absent" if br_netfilter
	// is not loaded, "" if not read.
	BridgeNF string `json:"bridge_nf,omitempty"`
}

// A File is the state of one path and, for regular files, its bytes.
type File struct {
	Path  string      `json:"path"`
	Print Fingerprint `json:"print"`
	// Locked says why the file could not be replaced or created: a read-only
	// file system, a directory that others may write, chattr(1), a mount; ""
	// if nothing is in the way or that cannot be told.
	Locked string `json:"locked,omitempty"`
	// Content is nil when the file is absent. In a written snapshot secret
	// values are replaced, so Sum(Content) may differ from Print.SHA256.
	Content []byte `json:"content,omitempty"`
}

// Unit is what systemd knows of a unit (org.freedesktop.systemd1).
type Unit struct {
	Name         string   `json:"name"`
	LoadState    string   `json:"load_state"`   // loaded, not-found, masked
	ActiveState  string   `json:"active_state"` // active, inactive, failed, activating
	SubState     string   `json:"sub_state,omitempty"`
	FileState    string   `json:"file_state,omitempty"` // enabled, disabled
	FragmentPath string   `json:"fragment_path,omitempty"`
	DropIns      []string `json:"drop_ins,omitempty"`
	// ExecStart is the argv of the service, variables not expanded.
	ExecStart []string `json:"exec_start,omitempty"`
	// EnvironmentFiles are paths; a leading "-" marks one that may be absent.
	EnvironmentFiles []string `json:"environment_files,omitempty"`
	Environment      []string `json:"environment,omitempty"`
	NeedDaemonReload bool     `json:"need_daemon_reload,omitempty"`
	MainPID          int      `json:"main_pid,omitempty"`
	InvocationID     string   `json:"invocation_id,omitempty"`
}

// Process is the running daemon as /proc shows it.
type Process struct {
	PID  int      `json:"pid"`
	Argv []string `json:"argv"`
	// StartTicks is field 22 of /proc/PID/stat: with the PID it names one
	// process for good.
	StartTicks uint64 `json:"start_ticks,omitempty"`
	// StartedNS is the wall-clock start, nanoseconds since the epoch.
	StartedNS int64 `json:"started_ns,omitempty"`
	// NofileHard is the hard limit of open files that the process, and so a
	// container of its, cannot exceed; 0 if it can (CAP_SYS_RESOURCE), has no
	// limit, or may not be asked.
	NofileHard uint64 `json:"nofile_hard,omitempty"`
}

// A Flag is one flag that dockerd gets at its next start.
type Flag struct {
	Name  string `json:"name"`            // long name without dashes, e.g. "log-driver"
	Value string `json:"value,omitempty"` // "" for a bare boolean flag
	Bare  bool   `json:"bare,omitempty"`  // no value was given
	// Origin is the unit file, drop-in or EnvironmentFile that holds it.
	Origin string `json:"origin"`
}

// Binary is the dockerd program on disk.
type Binary struct {
	Path    string `json:"path"`
	Version string `json:"version"` // e.g. "20.10.24+dfsg1"
}

// Engine is what the running daemon says of itself (GET /version, /info,
// /networks/bridge). Fields that an old API lacks are zero.
type Engine struct {
	Version         string      `json:"version"`
	APIVersion      string      `json:"api_version"`
	MinAPIVersion   string      `json:"min_api_version,omitempty"`
	RootDir         string      `json:"root_dir"`
	Driver          string      `json:"driver"`
	DriverStatus    [][2]string `json:"driver_status,omitempty"`
	SecurityOptions []string    `json:"security_options"`
	LiveRestore     bool        `json:"live_restore"`
	LoggingDriver   string      `json:"logging_driver"`
	CgroupDriver    string      `json:"cgroup_driver"`
	CgroupVersion   string      `json:"cgroup_version,omitempty"`
	DefaultRuntime  string      `json:"default_runtime,omitempty"`
	Labels          []string    `json:"labels,omitempty"`
	InsecureCIDRs   []string    `json:"insecure_cidrs,omitempty"`
	// InsecureRegistries are the registries by name that may be reached
	// without TLS (RegistryConfig.IndexConfigs with Secure false).
	InsecureRegistries []string `json:"insecure_registries,omitempty"`
	Mirrors            []string `json:"mirrors,omitempty"`
	Swarm              string   `json:"swarm"` // LocalNodeState
	Experimental       bool     `json:"experimental,omitempty"`
	Debug              bool     `json:"debug,omitempty"`
	FirewallBackend    string   `json:"firewall_backend,omitempty"` // 28.1 and newer
	// ReloadedNS is the time of the daemon's newest "reload" event,
	// nanoseconds since the epoch; -1 if there certainly was none, 0 if that
	// is not known. The daemon remembers 256 events of any kind: when that
	// many are there, none of them being a reload proves nothing.
	ReloadedNS int64 `json:"reloaded_ns,omitempty"`
	// BuiltNS is when the daemon's program was built, nanoseconds since the epoch;
	// 0 if it does not say.
	BuiltNS int64 `json:"built_ns,omitempty"`
	// CPUs is how many the daemon may use; 0 if not known.
	CPUs int `json:"cpus,omitempty"`
	// Limits is nil in the snapshot of an older bulwark, whose containers do
	// not tell their limits either.
	Limits   *LimitSupport `json:"limits,omitempty"`
	Images   int           `json:"images"`
	Volumes  int           `json:"volumes"`
	Networks int           `json:"networks"`
	// Bridge holds the options of the network "bridge"
	// (com.docker.network.bridge.enable_icc and so on); nil if there is none.
	Bridge   map[string]string `json:"bridge,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	// Components are the versions of what the daemon works with: "containerd",
	// "runc".
	Components map[string]string `json:"components,omitempty"`
}

// A Container is one container, running or not (GET /containers/ID/json).
type Container struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	Image         string   `json:"image"`
	State         string   `json:"state"` // running, exited, paused, ...
	PID           int      `json:"pid,omitempty"`
	RestartPolicy string   `json:"restart_policy,omitempty"`
	AutoRemove    bool     `json:"auto_remove,omitempty"`
	Privileged    bool     `json:"privileged,omitempty"`
	PidMode       string   `json:"pid_mode,omitempty"`
	IpcMode       string   `json:"ipc_mode,omitempty"`
	NetworkMode   string   `json:"network_mode,omitempty"`
	UsernsMode    string   `json:"userns_mode,omitempty"`
	User          string   `json:"user,omitempty"`
	Binds         []string `json:"binds,omitempty"` // host paths mounted into it
	SecurityOpt   []string `json:"security_opt,omitempty"`
	LogDriver     string   `json:"log_driver,omitempty"`
	StopTimeout   int      `json:"stop_timeout,omitempty"` // seconds; 0 means the default, 10
	// StartedNS is when it was last started, nanoseconds since the epoch; 0 if
	// never. A container that started before dockerd did has the seccomp filter
	// of an earlier dockerd.
	StartedNS int64 `json:"started_ns,omitempty"`
	// Seccomp is the Seccomp line of /proc/PID/status; nil if it does not run
	// or that could not be read.
	Seccomp *int `json:"seccomp,omitempty"`
	// NoNewPrivs is the line of that name there, 1 if no program can gain
	// rights by setuid; nil as above.
	NoNewPrivs *int `json:"no_new_privs,omitempty"`
	// Networks are those that a running container is attached to.
	Networks []Endpoint `json:"networks,omitempty"`
	// Labels are the container's; secret values are replaced in a written
	// snapshot.
	Labels map[string]string `json:"labels,omitempty"`
	Spec   Spec              `json:"spec,omitzero"`
}

// A Spec is what a container was made with beyond what a plan asks about, for
// check and limits. Values are those of GET /containers/ID/json.
type Spec struct {
	ImageID      string   `json:"image_id,omitempty"`
	Command      []string `json:"command,omitempty"`
	Env          []string `json:"env,omitempty"`
	CapAdd       []string `json:"cap_add,omitempty"`
	CapDrop      []string `json:"cap_drop,omitempty"`
	ReadonlyRoot bool     `json:"readonly_root,omitempty"`
	// Memory and MemorySwap are bytes, 0 is unlimited; MemorySwap counts
	// memory too, -1 is unlimited, 0 is twice Memory.
	Memory     int64 `json:"memory,omitempty"`
	MemorySwap int64 `json:"memory_swap,omitempty"`
	NanoCPUs   int64 `json:"nano_cpus,omitempty"`
	CPUQuota   int64 `json:"cpu_quota,omitempty"`
	CPUPeriod  int64 `json:"cpu_period,omitempty"`
	CPUShares  int64 `json:"cpu_shares,omitempty"`
	// Pids is 0 or -1 for no limit.
	Pids       int64             `json:"pids,omitempty"`
	NoOOMKill  bool              `json:"no_oom_kill,omitempty"`
	RestartMax int               `json:"restart_max,omitempty"` // of on-failure; 0 is without end
	Ports      []Port            `json:"ports,omitempty"`
	Mounts     []Mount           `json:"mounts,omitempty"`
	Tmpfs      map[string]string `json:"tmpfs,omitempty"`
	// Devices are as --device takes them, "/dev/sda:/dev/xvda:rwm".
	Devices []string `json:"devices,omitempty"`
	// DeviceRules are device cgroup rules, "c 1:3 mr".
	DeviceRules  []string          `json:"device_rules,omitempty"`
	Ulimits      []string          `json:"ulimits,omitempty"` // "nofile=1024:2048"
	UTSMode      string            `json:"uts_mode,omitempty"`
	CgroupnsMode string            `json:"cgroupns_mode,omitempty"`
	CgroupParent string            `json:"cgroup_parent,omitempty"`
	Runtime      string            `json:"runtime,omitempty"`
	Health       string            `json:"health,omitempty"`   // "" without a check
	Unmasked     bool              `json:"unmasked,omitempty"` // systempaths=unconfined
	AppArmor     string            `json:"apparmor,omitempty"` // profile that it runs under
	ProcessLabel string            `json:"process_label,omitempty"`
	LogOpts      map[string]string `json:"log_opts,omitempty"`
	GroupAdd     []string          `json:"group_add,omitempty"`
	CreatedNS    int64             `json:"created_ns,omitempty"`
}

// Accounts are the user and group files that decide about id mapping.
// Shadow files take part only by fingerprint and name: their content never
// enters a snapshot.
type Accounts struct {
	Passwd    File `json:"passwd"`
	Group     File `json:"group"`
	Subuid    File `json:"subuid"`
	Subgid    File `json:"subgid"`
	LoginDefs File `json:"login_defs"`
	// Shadow and Gshadow carry no Content; ShadowNames and GshadowNames are
	// the account names with an entry, nil if the file could not be read.
	Shadow       File     `json:"shadow"`
	Gshadow      File     `json:"gshadow"`
	ShadowNames  []string `json:"shadow_names,omitempty"`
	GshadowNames []string `json:"gshadow_names,omitempty"`
	// NSSwitch is nsswitch.conf(5): it tells whether accounts may live
	// outside the files above.
	NSSwitch File `json:"nsswitch"`
	// Unread gives for each path that could not be read the reason.
	Unread map[string]string `json:"unread,omitempty"`
}
