package egress

import (
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// source drops what comes from containers with an address that is not of their
// network. By default a container may forge one (CAP_NET_RAW), and the packet,
// once it is let pass anywhere, makes an entry in connection tracking by which
// another is a reply: the way out that established connections have would be
// open to whom it likes. Only nft can ask for the way back in a hook where this
// is one rule for all networks. They stand before connection tracking.
func (p *program) source() []resource.RuleChain {
	var rules []ruleset.Match
	for _, name := range p.exempt {
		rules = append(rules, ruleset.Match{In: name, Verdict: ruleset.Return})
	}
	for _, name := range p.ifaces {
		rules = append(rules,
			ruleset.Match{In: name, Forged: ruleset.ForgedLocal, Verdict: forgedChain},
			ruleset.Match{In: name, Forged: ruleset.ForgedRoute, Verdict: forgedChain})
	}
	drop := []ruleset.Match{{Verdict: ruleset.Drop}}
	if p.log != nil {
		drop = append([]ruleset.Match{*p.log}, drop...)
	}
	c := nftChain(sourceChain, rules)
	c.Hook = baseHook("prerouting", rawPriority)
	return []resource.RuleChain{nftChain(forgedChain, drop), c}
}
