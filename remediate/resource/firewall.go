package resource

// A Ruleset is what bulwark owns in netfilter, all of one backend: what is
// wanted, what a kernel holds, or what it held before a change.
type Ruleset struct {
	Backend string `json:"backend"` // BackendIPTables or BackendNFTables
	// Variant is VariantNFT or VariantLegacy for iptables, "" for nftables.
	Variant string      `json:"variant,omitempty"`
	Tables  []RuleTable `json:"tables"`
}

// Backends, with dockerd's names for them (firewall-backend in daemon.json).
const (
	BackendIPTables = "iptables"
	BackendNFTables = "nftables"
)

// Variants of iptables: the kernel tables that its program writes to. The
// kernel asks both; a drop in either wins.
const (
	VariantNFT    = "nft"
	VariantLegacy = "legacy"
)

// Families of a RuleTable.
const (
	FamilyIP4  = "ip"
	FamilyIP6  = "ip6"
	FamilyInet = "inet" // nftables: both in one table
)

// Names of what bulwark owns: every chain and set that begins so is its own
// and is removed when it is not wanted; nothing else is touched. An iptables
// chain has at most 28 characters, an ipset at most 31.
const (
	OwnChainPrefix = "BULWARK-" // iptables chains
	OwnSetPrefix   = "bulwark-" // ipsets
	OwnTable       = "bulwark"  // nftables: table inet bulwark
)

// A RuleTable is the own part of one family.
type RuleTable struct {
	Family string      `json:"family"`
	Jumps  []Jump      `json:"jumps,omitempty"` // iptables only
	Chains []RuleChain `json:"chains,omitempty"`
	Sets   []AddrSet   `json:"sets,omitempty"`
}

// A Jump is a rule "-A From -j To" in a chain of another owner.
type Jump struct {
	From string `json:"from"`
	To   string `json:"to"`
	// At is the rule's position from 1; what is wanted is always 1.
	At int `json:"at"`
}

// A RuleChain is one own chain with its rules in the exact text that the
// backend's tool prints for them, without "-A NAME".
type RuleChain struct {
	Name string `json:"name"`
	// Hook is the chain's hook line for an nftables base chain, as in
	// "type filter hook forward priority -10; policy accept;".
	Hook  string   `json:"hook,omitempty"`
	Rules []string `json:"rules"`
}

// An AddrSet is a set of addresses. Its name carries a digest of its content,
// so that a set is never changed once a rule refers to it: a new content is a
// new set, and the swap of the rules swaps the sets with them.
type AddrSet struct {
	Name   string `json:"name"`
	Family string `json:"family"` // FamilyIP4 or FamilyIP6
	// Members are networks in CIDR form, disjoint, merged and sorted.
	Members []string `json:"members"`
}

// Firewall is what netfilter and those who manage it hold, as far as it
// decides about the traffic of containers.
type Firewall struct {
	// Filters are the iptables filter tables that exist.
	Filters []Filter `json:"filters"`
	// Own is what bulwark has in the kernel: one for each backend and variant
	// that holds anything of it.
	Own []Ruleset `json:"own,omitempty"`
	// Tools maps a program to its version, if it is installed: "iptables-nft",
	// "iptables-legacy" and the same for ip6tables, "nft".
	Tools map[string]string `json:"tools"`
	// Variant is what the command iptables is on this host (its alternative).
	Variant string `json:"variant,omitempty"`
	// Managers are other programs that write rules and run or are enabled:
	// "firewalld", "ufw", "nftables", "netfilter-persistent".
	Managers []string `json:"managers,omitempty"`
	// Bridges are the names of all bridge interfaces, Docker's and others, and
	// of whatever else is named br-... (Open vSwitch, a VLAN on a bridge): a
	// rule for br-+ holds for those too.
	Bridges []string `json:"bridges,omitempty"`
	// Nameservers are those that containers get from the host: the servers of
	// resolv.conf, or behind a stub on 127.0.0.53 those of systemd-resolved.
	Nameservers []string `json:"nameservers,omitempty"`
	// Forwarding says for each family whether the kernel forwards at all.
	Forwarding map[string]bool `json:"forwarding,omitempty"`
}

// A Filter is what matters of one iptables filter table of others.
type Filter struct {
	Family  string `json:"family"`
	Variant string `json:"variant"`
	// Docker says that dockerd has chains of its own in it.
	Docker bool `json:"docker"`
	// DockerUser says that the chain DOCKER-USER exists.
	DockerUser bool `json:"docker_user"`
	// Forward are the first rules of FORWARD, at most 64, without "-A FORWARD".
	Forward []string `json:"forward,omitempty"`
	// Native says that nft put rules into the table which iptables can neither
	// show nor change; the rest is then not known.
	Native bool `json:"native,omitempty"`
	// ForwardPolicy is ACCEPT or DROP.
	ForwardPolicy string `json:"forward_policy,omitempty"`
}

// A Network is a Docker network (GET /networks).
type Network struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Driver   string `json:"driver"`
	Scope    string `json:"scope,omitempty"`
	Internal bool   `json:"internal,omitempty"`
	IPv6     bool   `json:"ipv6,omitempty"`
	// Encrypted says that an overlay encrypts what containers send, Ingress that
	// it is the routing mesh of a swarm, Attachable that containers which are of
	// no service may join.
	Encrypted  bool `json:"encrypted,omitempty"`
	Ingress    bool `json:"ingress,omitempty"`
	Attachable bool `json:"attachable,omitempty"`
	// Bridge is the interface of a bridge network: the option
	// com.docker.network.bridge.name, or br- and 12 digits of the id.
	Bridge  string   `json:"bridge,omitempty"`
	Subnets []string `json:"subnets,omitempty"`
}

// An Endpoint is a container's place on a network.
type Endpoint struct {
	Network string   `json:"network"` // name
	IPs     []string `json:"ips,omitempty"`
}

// A Flow sums up open connections that connection tracking knows, counted by
// who opened them to where.
type Flow struct {
	Proto string `json:"proto"` // tcp, udp, icmp, icmpv6, sctp or a number
	Src   string `json:"src"`
	Dst   string `json:"dst"`            // after DNAT, as FORWARD sees it
	Port  uint16 `json:"port,omitempty"` // of Dst
	Count int    `json:"count"`
}
