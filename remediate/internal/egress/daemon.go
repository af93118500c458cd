package egress

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A daemon is what of dockerd decides about packets.
type daemon struct {
	s    *resource.Snapshot
	keys map[string]json.RawMessage // of daemon.json
}

func daemonOf(s *resource.Snapshot) daemon {
	d := daemon{s: s}
	if json.Unmarshal(s.DaemonJSON.Value.Content, &d.keys) != nil {
		d.keys = nil // dockerd does not start with it either
	}
	return d
}

// stopped says that dockerd does not run, so that what it does at its start is
// still to come.
func (d daemon) stopped() bool {
	_, answers := d.s.Engine.Get()
	_, runs := d.s.Process.Get()
	return !answers && !runs
}

// option returns the values of a key at dockerd's next start: of its flags, or
// of daemon.json.
func (d daemon) option(flag, key string) []string {
	var values []string
	for _, f := range d.s.Flags.Value {
		if f.Name == flag {
			values = append(values, f.Value)
		}
	}
	if len(values) > 0 {
		return values
	}
	var one string
	if json.Unmarshal(d.keys[key], &one) == nil {
		return []string{one}
	}
	if json.Unmarshal(d.keys[key], &values) == nil {
		return values
	}
	return nil
}

// enabled reads a boolean key with its default.
func (d daemon) enabled(key string, unset bool) bool {
	for _, f := range d.s.Flags.Value {
		if f.Name == key {
			v, err := strconv.ParseBool(f.Value)
			return f.Bare || err == nil && v
		}
	}
	var v bool
	if raw, ok := d.keys[key]; ok && json.Unmarshal(raw, &v) == nil {
		return v
	}
	return unset
}

// backend is dockerd's firewall-backend: what it says of itself, or what it
// will start with.
func (d daemon) backend() string {
	e, ok := d.s.Engine.Get()
	if ok && e.FirewallBackend != "" {
		return e.FirewallBackend
	}
	if v := d.option("firewall-backend", "firewall-backend"); !ok && len(v) > 0 {
		return v[0]
	}
	return ""
}

func (d daemon) usesNFT() bool { return strings.HasPrefix(d.backend(), resource.BackendNFTables) }

// major is the engine's release, 0 if it is not known.
func (d daemon) major() int {
	version := d.s.Binary.Value.Version
	if e, ok := d.s.Engine.Get(); ok {
		version = e.Version
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}

// answer to a question about dockerd.
type answer int

const (
	no answer = iota
	yes
	unsure
)

// filters says whether dockerd makes DOCKER-USER in a family. IPv6 is filtered
// from 27 on by default, before that with ip6tables and experimental only.
func (d daemon) filters(family string) answer {
	switch {
	case d.usesNFT():
		return no
	case family == resource.FamilyIP4:
		return truth(d.enabled("iptables", true))
	case d.major() >= 27:
		return truth(d.enabled("ip6tables", true))
	case d.major() > 0:
		return truth(d.enabled("ip6tables", false) && d.enabled("experimental", false))
	case !d.enabled("ip6tables", true):
		return no
	}
	return unsure
}

func truth(b bool) answer {
	if b {
		return yes
	}
	return no
}
