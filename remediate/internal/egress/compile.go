package egress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Own chains, in nft's words; see ruleset.ChainName.
const (
	egressChain  = "egress"  // which packets come from containers
	outChain     = "out"     // where those may go
	allowedChain = "allowed" // the same but for other networks; see other
	inputChain   = "input"   // the same for packets to the host itself
	forwardChain = "forward" // nftables: the base chain
	sourceChain  = "source"  // nftables, always: which packets have a forged source
	forgedChain  = "forged"
)

// A program is the policy made ready for this host: everything that decides
// about a rule, and nothing else.
type program struct {
	choice         choice
	hooks          []hook   // of each family that is filtered; none in nftables
	ifaces, exempt []string // see interfaces and foreign
	// other are bridges that are not Docker's, though a wildcard of ifaces
	// matches them: what goes there leaves the containers' networks.
	other          []string
	cut, icc, host bool
	log            *ruleset.Match
	dns, allow     []grant
	// nft says that nftables can be had.
	nft   bool
	notes []resource.Impact
}

// compile makes the program, or says why there can be none.
func compile(want *Want, s *resource.Snapshot, fw resource.Firewall) (*program, *resource.ControlResult) {
	p := &program{cut: want.Cut, icc: want.ICC, host: want.Host}
	for _, step := range []func() *resource.ControlResult{
		func() (r *resource.ControlResult) { p.choice, r = choose(want, s, fw); return r },
		func() (r *resource.ControlResult) { p.ifaces, r = interfaces(want, s, fw); return r },
		func() (r *resource.ControlResult) { p.allow, p.notes, r = grants(want, s); return r },
		func() (r *resource.ControlResult) { p.log, r = logging(want.Log); return r },
	} {
		if r := step(); r != nil {
			return nil, r
		}
	}
	p.other = foreign(p.ifaces, s, fw)
	if want.Interfaces == nil {
		p.exempt = p.other
	}
	p.dns = nameServers(want, s, fw)
	p.nft = fw.Tools["nft"] != ""
	p.hooks = p.hooksOf(want, s, fw)
	return p, nil
}

func (p *program) hooksOf(want *Want, s *resource.Snapshot, fw resource.Firewall) []hook {
	if p.choice.backend == resource.BackendNFTables {
		return nil
	}
	hooks := []hook{hookOf(resource.FamilyIP4, p, want, s, fw)}
	if fw.Tools["ip6tables-"+p.choice.variant] != "" {
		return append(hooks, hookOf(resource.FamilyIP6, p, want, s, fw))
	}
	if p.nft {
		return hooks // the table inet bulwark filters it
	}
	p.choice.warnings = append(p.choice.warnings, "ip6tables is not installed: IPv6 of containers is not filtered")
	return hooks
}

// logging makes the rule that logs drops; nil logs none.
func logging(l *Log) (*ruleset.Match, *resource.ControlResult) {
	if l == nil {
		return nil, nil
	}
	rate, err := ruleset.ParseRate(l.Rate)
	if err != nil {
		return nil, resource.Block("correct log.rate", "%v", err)
	}
	m := &ruleset.Match{Limit: rate, Verdict: ruleset.LogPacket, LogPrefix: l.Prefix, NFLog: l.NFLog}
	if err := m.Check(); err != nil {
		return nil, resource.Block("correct the section log", "%v", err)
	}
	return m, nil
}

// ruleset writes the program down for its backend. Beside iptables the same
// rules stand in nftables, wherever nft is: dockerd takes its jump to
// DOCKER-USER out and puts it back when it starts and when a network is made,
// and Docker 28 lets packets out above it meanwhile (moby
// libnetwork/firewall_linux.go), so that under live-restore containers would be
// free at each restart. No one moves the hooks of a table of bulwark's own.
func (p *program) ruleset() []resource.Ruleset {
	set := resource.Ruleset{Backend: p.choice.backend, Variant: p.choice.variant}
	if set.Backend == resource.BackendNFTables {
		set.Tables = []resource.RuleTable{p.inet()}
	}
	for _, h := range p.hooks {
		set.Tables = append(set.Tables, p.table(h))
	}
	if set.Backend == resource.BackendNFTables || !p.nft {
		return []resource.Ruleset{set}
	}
	return []resource.Ruleset{set, {Backend: resource.BackendNFTables, Tables: []resource.RuleTable{p.inet()}}}
}

// table is iptables' filter table of one family.
func (p *program) table(h hook) resource.RuleTable {
	t := resource.RuleTable{Family: h.family}
	for _, from := range h.from {
		t.Jumps = append(t.Jumps, resource.Jump{From: from, To: own(egressChain), At: 1})
	}
	if !p.host {
		t.Jumps = append(t.Jumps, resource.Jump{From: input, To: own(inputChain), At: 1})
	}
	rules, sets := p.allowed(h.family)
	t.Chains = []resource.RuleChain{iptablesChain(egressChain, h.family, p.egress())}
	for _, c := range p.out(rules) {
		t.Chains = append(t.Chains, iptablesChain(c.name, h.family, c.rules))
	}
	if !p.host {
		t.Chains = append(t.Chains, iptablesChain(inputChain, h.family, p.input(h.family)))
	}
	t.Sets = sets
	return t
}

func own(chain string) string { return ruleset.ChainName(resource.BackendIPTables, chain) }

func iptablesChain(name, family string, matches []ruleset.Match) resource.RuleChain {
	c := resource.RuleChain{Name: own(name)}
	for _, m := range matches {
		c.Rules = append(c.Rules, m.IPTables(family))
	}
	return c
}

// inet is nftables' table of both families. Its base chains run before
// dockerd's and firewalld's, and only ever drop.
func (p *program) inet() resource.RuleTable {
	rules, sets := p.allowed(resource.FamilyIP4, resource.FamilyIP6)
	t := resource.RuleTable{Family: resource.FamilyInet, Sets: sets, Chains: []resource.RuleChain{
		nftChain(forwardChain, []ruleset.Match{{Verdict: egressChain}}),
		nftChain(egressChain, p.egress()),
	}}
	t.Chains[0].Hook = baseHook("forward", filterPriority)
	t.Chains = append(t.Chains, p.source()...)
	for _, c := range p.out(rules) {
		t.Chains = append(t.Chains, nftChain(c.name, c.rules))
	}
	if !p.host {
		c := nftChain(inputChain, p.input(resource.FamilyIP6))
		c.Hook = baseHook("input", filterPriority)
		t.Chains = append(t.Chains, c)
	}
	return t
}

// Priorities of base chains: before those of dockerd and firewalld, and (raw)
// before connection tracking.
const (
	filterPriority = -10
	rawPriority    = -300
)

func baseHook(at string, priority int) string {
	return fmt.Sprintf("type filter hook %s priority %d; policy accept;", at, priority)
}

func nftChain(name string, matches []ruleset.Match) resource.RuleChain {
	c := resource.RuleChain{Name: name}
	for _, m := range matches {
		c.Rules = append(c.Rules, m.NFT())
	}
	return c
}

// egress sends packets from containers to the chain out.
func (p *program) egress() []ruleset.Match {
	state := ruleset.Established
	if p.cut {
		state = ruleset.Reply
	}
	rules := []ruleset.Match{{CT: state, Verdict: ruleset.Return}}
	for _, name := range p.exempt {
		rules = append(rules, ruleset.Match{In: name, Verdict: ruleset.Return})
	}
	for _, name := range p.ifaces {
		rules = append(rules, ruleset.Match{In: name, Verdict: outChain})
	}
	return rules
}

// allowed lets pass what is allowed and drops the rest.
func (p *program) allowed(families ...string) ([]ruleset.Match, []resource.AddrSet) {
	var rules []ruleset.Match
	var sets []resource.AddrSet
	for _, list := range [][]grant{p.dns, p.allow} {
		for _, family := range families {
			r, s := rulesOf(list, family)
			rules, sets = append(rules, r...), append(sets, s...)
		}
	}
	if p.log != nil {
		rules = append(rules, *p.log)
	}
	return append(rules, ruleset.Match{Verdict: ruleset.Drop}), distinctSets(sets)
}

type chain struct {
	name  string
	rules []ruleset.Match
}

// out lets pass what stays within a network, and asks the rules in allowed
// about the rest. Those are a chain of their own where a bridge that is not
// Docker's has a name like Docker's (an uplink br-ex, say): what goes there must
// be asked about before the wildcard lets it pass.
func (p *program) out(allowed []ruleset.Match) []chain {
	same := p.sameBridge()
	if len(p.other) == 0 || len(same) == 0 {
		return []chain{{outChain, append(same, allowed...)}}
	}
	var rules []ruleset.Match
	for _, name := range p.other {
		rules = append(rules, ruleset.Match{Out: name, Verdict: allowedChain})
	}
	rules = append(append(rules, same...), ruleset.Match{Verdict: allowedChain})
	return []chain{{allowedChain, allowed}, {outChain, rules}}
}

// sameBridge leaves traffic between containers of one network to Docker, and
// between two networks too where the wildcard covers both.
func (p *program) sameBridge() []ruleset.Match {
	if !p.icc {
		return nil
	}
	var rules []ruleset.Match
	for _, name := range p.ifaces {
		rules = append(rules, ruleset.Match{In: name, Out: name, Verdict: ruleset.Return})
	}
	return rules
}

// neighbours are the ICMPv6 messages without which no packet finds the host:
// neighbour discovery (RFC 4861) and multicast listeners (RFC 2710, 3810).
var neighbours = [...]uint8{130, 131, 132, 133, 134, 135, 136, 137, 143}

// input sends packets from containers to the host's own services to the same
// chain out: the host is a destination like any other.
func (p *program) input(family string) []ruleset.Match {
	rules := p.egress()
	if family != resource.FamilyIP6 {
		return rules
	}
	var found []ruleset.Match
	for _, n := range neighbours {
		found = append(found, ruleset.Match{Family: family, ICMPv6Type: n, Verdict: ruleset.Return})
	}
	return slices.Insert(rules, 1, found...)
}

func distinctSets(sets []resource.AddrSet) []resource.AddrSet {
	slices.SortFunc(sets, func(a, b resource.AddrSet) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(sets, func(a, b resource.AddrSet) bool { return a.Name == b.Name })
}
