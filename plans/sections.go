package plans

import "encoding/json"

// Egress says which connections containers may open outward.
type Egress struct {
	Default     string `json:"default"`       // deny, allow
	Backend     string `json:"backend"`       // auto, iptables, nftables
	ICC         string `json:"icc"`           // allow, deny: within one network
	Host        string `json:"host-services"` // allow, deny: to the host itself
	Established string `json:"established"`   // keep, cut: what is open at apply
	// Interfaces that the rules hold for; nil is every Docker bridge, those
	// of networks created later too.
	Interfaces Interfaces   `json:"interfaces"`
	DNS        EgressDNS    `json:"dns"`
	Log        EgressLog    `json:"log"`
	Allow      []EgressRule `json:"allow,omitempty"`
}

// Interfaces is a list of names; nil is written "auto".
type Interfaces []string

// MarshalJSON writes "auto" or the list.
func (i Interfaces) MarshalJSON() ([]byte, error) {
	if i == nil {
		return []byte(`"auto"`), nil
	}
	return json.Marshal([]string(i))
}

// UnmarshalJSON reads "auto" or a list.
func (i *Interfaces) UnmarshalJSON(b []byte) error {
	if string(b) == `"auto"` {
		*i = nil
		return nil
	}
	return json.Unmarshal(b, (*[]string)(i))
}

// EgressDNS says how containers may resolve names.
type EgressDNS struct {
	Embedded string   `json:"embedded"` // allow, deny: Docker's own resolver
	Servers  []string `json:"servers,omitempty"`
}

// EgressLog says how drops are logged.
type EgressLog struct {
	Enabled bool   `json:"enabled"`
	Rate    string `json:"rate"`            // "10/minute"
	Prefix  string `json:"prefix"`          // at most 29 bytes, as xt_LOG takes
	NFLog   *int   `json:"nflog,omitempty"` // NFLOG group; nil is the kernel log
}

// An EgressRule allows one destination.
type EgressRule struct {
	To string `json:"to"` // address, network or DNS name
	// Ports are 443/tcp, 8000-8100/udp, icmp; empty means all.
	Ports   []string    `json:"ports,omitempty"`
	From    *EgressFrom `json:"from,omitempty"` // nil means all containers
	Comment string      `json:"comment,omitempty"`
}

// EgressFrom selects containers by exactly one of its fields.
type EgressFrom struct {
	Network string `json:"network,omitempty"`
	Label   string `json:"label,omitempty"`
	Subnet  string `json:"subnet,omitempty"`
}

// Seccomp says which system calls containers may make.
type Seccomp struct {
	Base  string   `json:"base,omitempty"` // engine (or empty), pinned
	Deny  []string `json:"deny,omitempty"` // groups and system calls
	Allow []string `json:"allow,omitempty"`
	// File is an own profile; the fields above are then empty.
	File               string `json:"file,omitempty"`
	AcceptDefaultAllow bool   `json:"accept-default-allow"`
}

// Audit holds kernel audit rules.
type Audit struct {
	Groups    []string `json:"groups,omitempty"`
	Rules     []string `json:"rules,omitempty"` // as auditctl(8) takes them
	Install   bool     `json:"install"`         // install auditd when missing
	Immutable bool     `json:"immutable"`       // auditctl -e 2
}

// Limits are resource limits of running containers, as docker update sets
// them.
type Limits struct {
	Apply bool        `json:"apply"`
	Rules []LimitRule `json:"rules,omitempty"` // the first match holds
}

// A LimitRule sets limits for some containers.
type LimitRule struct {
	Match *Scope `json:"match,omitempty"` // nil means all
	// Memory and MemorySwap are bytes with an optional unit b, k, m or g
	// (powers of 1024); MemorySwap counts memory too, -1 is unlimited.
	Memory     string  `json:"memory,omitempty"`
	MemorySwap string  `json:"memory-swap,omitempty"`
	Pids       int64   `json:"pids,omitempty"`
	CPUs       float64 `json:"cpus,omitempty"`
	Restart    string  `json:"restart,omitempty"`
}

// Patch judges the patch level. Ages are days; 0 is not judged.
type Patch struct {
	MinimumEngine    string `json:"minimum-engine,omitempty"`
	EngineMaxAgeDays int    `json:"engine-max-age-days,omitempty"`
	ListsMaxAgeDays  int    `json:"lists-max-age-days,omitempty"`
}

// Contexts says what may not run side by side.
type Contexts struct {
	Label    string   `json:"label,omitempty"`
	Values   []string `json:"values,omitempty"`
	Separate []string `json:"separate,omitempty"` // network, volume, host
}

// Secrets says where to look for secrets in plain sight.
type Secrets struct {
	LookIn []string `json:"look-in,omitempty"` // empty means everywhere
	Names  []string `json:"names,omitempty"`
	Ignore []string `json:"ignore,omitempty"`
}

// Images says where images may come from.
type Images struct {
	Digest        bool     `json:"digest"`
	Registries    []string `json:"registries,omitempty"` // empty means all
	MaxAgeDays    int      `json:"max-age-days,omitempty"`
	PipelinePaths []string `json:"pipeline-paths,omitempty"`
}

// Immutable asks that containers do not change.
type Immutable struct {
	ReadOnlyRoot bool     `json:"read-only-root"`
	Writable     []string `json:"writable,omitempty"` // empty means all
}

// Logging judges where logs go. The driver itself is set in Daemon.
type Logging struct {
	Remote           bool     `json:"remote"`
	Drivers          []string `json:"drivers,omitempty"` // empty means all
	Bounded          bool     `json:"bounded"`
	AllowBlockingTCP bool     `json:"allow-blocking-tcp"`
}

// Management names the management interfaces that are meant to be reachable.
type Management struct {
	Allow []ManagementPort `json:"allow,omitempty"`
	// Users are those who are meant to command the daemon: members of the group
	// that owns its socket. nil leaves that to a person.
	Users []string `json:"users,omitempty"`
}

// A ManagementPort is one listening port.
type ManagementPort struct {
	Port    string `json:"port"`              // "2376/tcp"
	Address string `json:"address,omitempty"` // empty means any
	Process string `json:"process,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// Units are the systemd units that bulwark installs for itself.
type Units struct {
	Boot       bool   `json:"boot"`
	CheckEvery string `json:"check-every,omitempty"` // "30min"
	ApplyEvery string `json:"apply-every,omitempty"`
}
