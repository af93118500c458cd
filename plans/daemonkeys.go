package plans

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// DaemonKeys returns what the policy wants of daemon.json, sorted by key, in
// the form that dockerd takes. It includes userns-remap.
func (p *Policy) DaemonKeys() []resource.DaemonKey {
	keys := map[string]resource.DaemonKey{}
	for key, value := range p.Daemon {
		keys[key] = resource.DaemonKey{
			Key: key, Value: daemonValue(key, value),
			Control: control(key), Source: p.Origin("daemon." + key),
		}
	}
	if p.Userns != nil {
		keys["userns-remap"] = resource.DaemonKey{
			Key: "userns-remap", Value: p.Userns.daemonValue(),
			Control: "userns-remap", Source: p.Origin("userns"),
		}
	}
	list := make([]resource.DaemonKey, 0, len(keys))
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		list = append(list, keys[key])
	}
	return list
}

// daemonValue is the account's name; never "default", with which dockerd
// would allocate ranges itself.
func (u *Userns) daemonValue() json.RawMessage {
	if u.Remap == Off {
		return nil
	}
	return appendString(nil, u.Remap)
}

// daemonValue returns nil for null: the key must be absent.
func daemonValue(key string, value json.RawMessage) json.RawMessage {
	if string(value) == "null" {
		return nil
	}
	if key == "default-ulimits" {
		return ulimits(value)
	}
	return slices.Clone(value)
}

// ulimits gives each limit its name inside too: without it runc fails with
// "wrong rlimit value: RLIMIT_".
func ulimits(value json.RawMessage) json.RawMessage {
	var friendly map[string]struct{ Soft, Hard int64 }
	if err := json.Unmarshal(value, &friendly); err != nil {
		return slices.Clone(value) // Load lets no such value pass
	}
	type ulimit struct {
		Name       string
		Hard, Soft int64
	}
	out := map[string]ulimit{}
	for name, l := range friendly {
		out[name] = ulimit{name, l.Hard, l.Soft}
	}
	b, _ := encode(out) // names and numbers always encode
	return b
}

// control is the id of the control that a key serves. A key without a control
// of its own has its name with daemon- before it.
func control(key string) string {
	switch key {
	case "icc", "no-new-privileges", "live-restore", "userland-proxy", "log-driver", "log-opts", "default-ulimits",
		"seccomp-profile", "cgroup-parent", "insecure-registries", "labels", "features":
		return key
	case "ip": // the default bridge
		return "published-ports-bind"
	case "default-network-opts": // all other networks; needs Engine 24.0, which ip does not
		return "published-ports-bind-networks"
	case "default-cgroupns-mode":
		return "cgroupns-mode"
	case "selinux-enabled":
		return "selinux"
	}
	return "daemon-" + key
}
