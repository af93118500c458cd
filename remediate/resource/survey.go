package resource

// Survey is what only check asks about: images, swarm, sockets, files that
// decide who may command the daemon.
type Survey struct {
	Images Fact[[]Image] `json:"images"`
	Swarm  Fact[Swarm]   `json:"swarm"`
	// Listeners are the sockets that wait for connections in the host's
	// network namespace.
	Listeners Fact[[]Listener] `json:"listeners"`
	// Sshd are the ids of containers in which an SSH server runs (a process
	// named sshd or dropbear), as far as the caller may see processes.
	Sshd []string `json:"sshd,omitempty"`
	// Paths are the files that controls judge by owner and mode, by path. One
	// that is a link is followed; Fingerprint is that of where it ends, without
	// a digest. What was asked for as DIR/** is there as DIR and each file below
	// it; as DIR/** too, and then unknown, if some of it was not looked at.
	Paths map[string]Fact[Fingerprint] `json:"paths,omitempty"`
	// DataMount is where the data root of the daemon is mounted.
	DataMount Fact[Mountpoint] `json:"data_mount"`
	Packages  Fact[Packages]   `json:"packages"`
	// Kubelet and Etcd are their configuration and command lines, where they
	// are on the host at all.
	Kubelet Fact[Agent] `json:"kubelet"`
	Etcd    Fact[Agent] `json:"etcd"`
}

// An Image is one image of the daemon (GET /images/json, /images/ID/json and
// /images/ID/history).
type Image struct {
	ID      string   `json:"id"`
	Tags    []string `json:"tags,omitempty"`
	Digests []string `json:"digests,omitempty"` // NAME@sha256:... of the registries it came from
	// CreatedNS is when it was built, nanoseconds since the epoch; 0 if the
	// image does not say.
	CreatedNS   int64    `json:"created_ns,omitempty"`
	User        string   `json:"user,omitempty"`
	Healthcheck bool     `json:"healthcheck,omitempty"`
	Env         []string `json:"env,omitempty"`
	Ports       []string `json:"ports,omitempty"` // exposed, "80/tcp"
	Volumes     []string `json:"volumes,omitempty"`
	// Labels are the image's; secret values are replaced in a written snapshot.
	Labels map[string]string `json:"labels,omitempty"`
	// History are the commands that made its layers, newest first; nil if it
	// could not be read.
	History []string `json:"history,omitzero"`
}

// Swarm is what a swarm node knows of its cluster. Fields below Manager are
// known by managers only.
type Swarm struct {
	State      string `json:"state"` // inactive, active, locked, pending, error
	Manager    bool   `json:"manager,omitempty"`
	Managers   int    `json:"managers,omitempty"`
	Nodes      int    `json:"nodes,omitempty"`
	Autolock   bool   `json:"autolock,omitempty"`
	CertExpiry int64  `json:"cert_expiry_ns,omitempty"` // of node certificates, nanoseconds
	// DataPath is the address that overlay networks use; "" means that of
	// the control plane.
	DataPath  string `json:"data_path,omitempty"`
	Advertise string `json:"advertise,omitempty"`
	Secrets   int    `json:"secrets,omitempty"`
	Services  int    `json:"services,omitempty"`
	// Drained are the managers that take no tasks.
	Drained int `json:"drained,omitempty"`
}

// A Listener is one socket that waits for connections.
type Listener struct {
	Proto   string `json:"proto"`   // tcp, tcp6, udp, udp6
	Address string `json:"address"` // "0.0.0.0", "::1"; an IPv4 address in IPv6 form is an IPv4 address
	Port    int    `json:"port"`
	// PID and Process are the owner; 0 and "" if that could not be read.
	PID     int    `json:"pid,omitempty"`
	Process string `json:"process,omitempty"` // comm
	// Argv is the owner's command line; secret words are replaced in a written
	// snapshot.
	Argv []string `json:"argv,omitempty"`
}

// A Mountpoint is the mount that a path lies on (proc_pid_mountinfo(5)).
type Mountpoint struct {
	Path   string `json:"path"` // that was asked for, links followed
	Target string `json:"target"`
	Source string `json:"source,omitempty"`
	FSType string `json:"fs_type,omitempty"`
	// Device is major:minor, RootDevice that of /.
	Device     string `json:"device,omitempty"`
	RootDevice string `json:"root_device,omitempty"`
}

// Packages is what the package manager of the host knows of what runs
// containers, without asking the network.
type Packages struct {
	Manager string `json:"manager"` // dpkg or rpm
	// Installed are the packages that hold the engine, containerd and runc.
	Installed []Package `json:"installed"`
	// ListsNS is when the lists of available packages were last fetched,
	// nanoseconds since the epoch; 0 if never or not known.
	ListsNS int64 `json:"lists_ns,omitempty"`
	// Automatic says what installs updates by itself: "unattended-upgrades".
	Automatic string `json:"automatic,omitempty"`
	// RebootRequired names the packages that wait for a boot.
	RebootRequired []string `json:"reboot_required,omitempty"`
	// SupportEndNS is the end of support of the distribution's release, as its
	// own tables say; 0 if they do not.
	SupportEndNS int64 `json:"support_end_ns,omitempty"`
}

// A Package is one installed package, or a program that no package holds.
type Package struct {
	// Name is that of the package, or the path of the program.
	Name    string `json:"name"`
	Version string `json:"version"`
	// Candidate is the version in the lists that would be installed now; "" if
	// not known.
	Candidate string `json:"candidate,omitempty"`
	// Fixes are the CVE ids that its changelog names; nil if there is none to
	// read. Ubuntu's changelogs hold the last few entries only.
	Fixes []string `json:"fixes,omitzero"`
	// Program is one of it: dockerd, docker, containerd, runc. A package that
	// holds two is there twice.
	Program string `json:"program,omitempty"`
	// Upstream is the version that the program says itself, if it was asked.
	Upstream string `json:"upstream,omitempty"`
	// Stale says that the program runs and that its file was replaced since.
	Stale bool `json:"stale,omitempty"`
}

// An Agent is a daemon of Kubernetes as its files and command line show it.
type Agent struct {
	Running bool     `json:"running,omitempty"`
	Argv    []string `json:"argv,omitempty"`
	// Settings are those that decide who may command it, from its configuration
	// file, environment and flags: of the kubelet by the file's names,
	// "authentication.anonymous.enabled": "true", of etcd by the flags',
	// "client-cert-auth". What is not set is not there.
	Settings map[string]string `json:"settings,omitempty"`
	// File is the configuration file, if there is one.
	File string `json:"file,omitempty"`
}

// A Mount is one mount of a container.
type Mount struct {
	Type        string `json:"type"` // bind, volume, tmpfs, npipe, cluster
	Name        string `json:"name,omitempty"`
	Source      string `json:"source,omitempty"`
	Target      string `json:"target"`
	RW          bool   `json:"rw,omitempty"`
	Propagation string `json:"propagation,omitempty"`
}

// A Port is a port of a container that is published on the host.
type Port struct {
	Container string `json:"container"` // "80/tcp"
	HostIP    string `json:"host_ip,omitempty"`
	HostPort  int    `json:"host_port,omitempty"`
}
