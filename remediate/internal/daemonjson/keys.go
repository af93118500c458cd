package daemonjson

import (
	"encoding/json"
	"net"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Type is the JSON type that dockerd decodes a key into.
type Type string

// The types of keys. Sizes are strings such as "64m"; an IP is a string.
const (
	Bool       Type = "bool"
	String     Type = "string"
	Int        Type = "int"
	IP         Type = "IP address"
	Size       Type = "size"
	StringList Type = "list of strings"
	IPList     Type = "list of IP addresses"
	Pools      Type = "list of {base, size}"
	StringMap  Type = "map of strings"
	BoolMap    Type = "map of bools"
	MapOfMaps  Type = "map of maps of strings"
	Ulimits    Type = "map of {Name, Hard, Soft}"
	Runtimes   Type = "map of {path, runtimeArgs} or {runtimeType, options}"
	Struct     Type = "object"
)

// A Key is one row of the key table: what is known of one top-level key of
// daemon.json.
type Key struct {
	Name string
	Type Type
	// Flags are dockerd's long flags for the same setting. Most repeatable
	// flags are singular: --label for "labels".
	Flags []string
	// Since is the first release that knows the key; zero for 20.10 and
	// older. Removed is the first one without it; zero if there is none.
	Since, Removed Version
	// Tolerated says that releases after Removed ignore the key instead of
	// refusing to start.
	Tolerated bool
	// Live says that SIGHUP applies the key (daemon/reload.go).
	Live bool
	// KeptWhenAbsent says that a reload keeps the old value when the key is
	// gone from the file, so that removing it needs a restart.
	KeptWhenAbsent bool
	// Network says that the key is silently ignored at a restart while
	// containers run under live-restore (daemon/daemon_unix.go).
	Network bool
	// Secret says that the value may hold credentials.
	Secret bool
	// Default is dockerd's value without the key, as JSON; "" if it depends
	// on the host or on the release.
	Default string
	// Read says where the effective value can be read, "" for nowhere.
	Read string
	// Note is the hazard in a few words.
	Note string
}

// ValidIn reports whether release v knows the key. An unknown release knows
// the keys that all of 20.10 to 29 know.
func (k Key) ValidIn(v Version) bool {
	if !v.Known() {
		return k.Since == Version{} && k.Removed == Version{}
	}
	return v.Compare(k.Since) >= 0 && (k.Removed == Version{} || v.Compare(k.Removed) < 0)
}

// Lookup returns the row of a key. Names are case-sensitive, as in dockerd.
func Lookup(name string) (Key, bool) {
	for _, k := range table() {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

// keysOfFlag returns the rows that a long flag sets; host-gateway-ip has two.
func keysOfFlag(flag string) []Key {
	var ks []Key
	for _, k := range table() {
		if slices.Contains(k.Flags, flag) {
			ks = append(ks, k)
		}
	}
	return ks
}

// object reports whether values of the type are JSON objects.
func (t Type) object() bool {
	return slices.Contains([]Type{StringMap, BoolMap, MapOfMaps, Ulimits, Runtimes, Struct}, t)
}

type ulimit struct {
	Name       string
	Hard, Soft int64
}

type runtimeSpec struct {
	Path    string         `json:"path"`
	Args    []string       `json:"runtimeArgs"`
	Type    string         `json:"runtimeType"`
	Options map[string]any `json:"options"`
}

// target returns a value of the Go type that dockerd decodes the key into, so
// that encoding/json judges types exactly as dockerd does.
func (k Key) target() any {
	switch k.Type {
	case Bool:
		return new(bool)
	case Int:
		return new(int)
	case IP:
		return new(net.IP)
	case IPList:
		return new([]net.IP)
	case StringList:
		return new([]string)
	case StringMap:
		return new(map[string]string)
	case BoolMap:
		return new(map[string]bool)
	case MapOfMaps:
		return new(map[string]map[string]string)
	case Ulimits:
		return new(map[string]*ulimit)
	case Runtimes:
		return new(map[string]runtimeSpec)
	case Pools:
		return new([]*struct {
			Base string
			Size int
		})
	case Struct:
		return structTarget(k.Name)
	}
	return new(string)
}

func structTarget(name string) any {
	switch name {
	case "proxies":
		return new(struct {
			HTTP  string `json:"http-proxy"`
			HTTPS string `json:"https-proxy"`
			No    string `json:"no-proxy"`
		})
	case "nri-opts":
		return new(struct {
			Enable  bool   `json:"enable"`
			Plugins string `json:"plugin-path"`
			Configs string `json:"plugin-config-path"`
			Socket  string `json:"socket-path"`
		})
	}
	return new(map[string]json.RawMessage)
}

// members are the names that an object may hold, nil if dockerd takes any.
// proxies is compared with the flags like a top-level key, nri-opts is decoded
// strictly.
func (k Key) members() []string {
	switch k.Name {
	case "proxies":
		return []string{"http-proxy", "https-proxy", "no-proxy"}
	case "nri-opts":
		return []string{"enable", "plugin-path", "plugin-config-path", "socket-path"}
	}
	return nil
}

// nearest returns the known key that name is most likely meant to be, or "".
func nearest(name string, v Version) string {
	var names []string
	for _, k := range table() {
		if !v.Known() || k.ValidIn(v) {
			names = append(names, k.Name)
		}
	}
	return resource.Nearest(name, names)
}
