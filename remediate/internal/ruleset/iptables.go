package ruleset

import (
	"fmt"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// IPTables writes the rule as iptables-save prints it in a table of the family,
// without "-A CHAIN ". The order is iptables-save's: addresses, interfaces and
// protocol are printed in that order whatever the order they were given in;
// matches stay in the order given, which is ours. It panics if Check fails.
func (m Match) IPTables(family string) string {
	m.mustCheck()
	if m.Forged != "" {
		panic("internal error: iptables' filter table has no match for forged sources")
	}
	var w words
	w.text("-s", network(m.Src))
	w.text("-d", network(m.Dst))
	w.text("-i", m.In)
	w.text("-o", m.Out)
	m.iptablesProto(&w, family)
	m.iptablesMatches(&w)
	m.iptablesTarget(&w)
	return strings.Join(w, " ")
}

func (m Match) iptablesProto(w *words, family string) {
	switch {
	case m.ICMPv6Type != 0:
		w.add("-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type", fmt.Sprint(m.ICMPv6Type))
	case m.Proto == "icmp" && family == resource.FamilyIP6:
		w.add("-p", "ipv6-icmp")
	case m.Proto != "":
		w.add("-p", m.Proto)
		if !m.Ports.any() {
			w.add("-m", m.Proto, "--dport", m.Ports.text(":"))
		}
	}
}

func (m Match) iptablesMatches(w *words) {
	switch m.CT {
	case Established:
		w.add("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED")
	case Reply:
		w.add("-m", "conntrack", "--ctdir", "REPLY")
	}
	if m.DstSet != "" {
		w.add("-m", "set", "--match-set", m.DstSet, "dst")
	}
	if m.Limit.Per != "" {
		w.add("-m", "limit", "--limit", m.Limit.iptables())
	}
	if c := plain(m.Comment, maxComment); c != "" {
		w.add("-m", "comment", "--comment", saved(c))
	}
}

// iptablesTarget leaves out what iptables-save does: NFLOG's group 0.
func (m Match) iptablesTarget(w *words) {
	prefix := m.prefix()
	switch {
	case m.Verdict == LogPacket && m.NFLog != nil:
		w.add("-j", "NFLOG")
		w.text("--nflog-prefix", saved(prefix))
		if *m.NFLog != 0 {
			w.add("--nflog-group", fmt.Sprint(*m.NFLog))
		}
	case m.Verdict == LogPacket:
		w.add("-j", "LOG")
		w.text("--log-prefix", saved(prefix))
	case m.Verdict == Return || m.Verdict == Drop:
		w.add("-j", m.Verdict)
	default:
		w.add("-j", ChainName(resource.BackendIPTables, m.Verdict))
	}
}

// saved quotes as iptables-save does: text of letters, digits, "_" and "-" not
// at all.
func saved(s string) string {
	if onlyFrom(s, letters+digits+"_-") {
		return s
	}
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, `'`, `\'`).Replace(s) + `"`
}
