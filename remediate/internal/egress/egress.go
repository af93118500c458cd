// Package egress is the kind that denies containers connections outward, but
// for those that the policy names. It is pure but for Observe.
package egress

import (
	"net/netip"
	"slices"
)

// RulesPath is bulwark's record of the rules that are committed; the unit
// LoaderUnit loads them at boot, before dockerd starts.
const (
	RulesPath  = "/var/lib/bulwark/egress.json"
	LoaderUnit = "bulwark-egress.service"
	// loaderPath is the unit's file, and loaderProgram what it runs.
	loaderPath    = "/etc/systemd/system/" + LoaderUnit
	loaderProgram = "/var/lib/bulwark/bin/bulwark"
)

// Controls of the section: the section as a whole, and the two of its keys
// that a host may be unable to serve.
const (
	control    = "egress"
	controlDNS = "egress-dns"
	controlICC = "egress-icc"
)

// Want is the policy's section in this kind's words.
type Want struct {
	// Off says that nothing is denied (default: allow): own rules go.
	Off     bool
	Backend string // "auto", "iptables", "nftables"
	// Interfaces are those that the rules hold for; nil is every Docker bridge.
	Interfaces  []string
	ICC         bool // containers on one network may talk
	Host        bool // containers may talk to services of the host
	Cut         bool // forbidden connections that are open are cut, not kept
	EmbeddedDNS bool
	DNSServers  []string
	// DaemonDNS are the servers that dockerd gives containers ("dns" in
	// daemon.json as the policy has it); nil if the policy does not say.
	DaemonDNS []string
	// DaemonIPTables and DaemonIP6Tables are the keys iptables and ip6tables
	// of daemon.json as the policy has them; nil if it does not say.
	DaemonIPTables, DaemonIP6Tables *bool
	Log                             *Log // nil: drops are not logged
	Allow                           []Allow
}

// Log says how drops are logged.
type Log struct {
	Rate   string // "10/minute"
	Prefix string
	NFLog  *int // NFLOG group; nil is the kernel's log
}

// Allow is one line of the policy.
type Allow struct {
	To    string // address, network in CIDR form or name
	Ports []string
	// At most one of Network, Label and Subnet is set.
	Network, Label, Subnet string
	Comment                string
	// Source is where the policy says so: "site.yaml:12".
	Source string
}

// Names returns the names that the policy allows, sorted: what Resolved must
// hold.
func (w *Want) Names() []string {
	if w == nil || w.Off {
		return nil
	}
	var names []string
	for _, a := range w.Allow {
		if _, literal := destination(a.To); !literal {
			names = append(names, a.To)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// destination reads an address or a network; anything else is a name.
func destination(to string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(to); err == nil && a.Zone() == "" {
		return single(a), true
	}
	if p, err := netip.ParsePrefix(to); err == nil {
		return p.Masked(), true
	}
	return netip.Prefix{}, false
}

// single is the network of one address; one of IPv4 in IPv6 clothes is IPv4.
func single(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen())
}

// Kind implements kinds.Kind but for the policy.
type Kind struct{}

// Name is the kind's name in changes.
func (Kind) Name() string { return control }
