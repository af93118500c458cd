package egress

import (
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Bridges that dockerd names by itself: the default one, those of networks
// (br- and 12 digits of the id), and the one by which tasks of a swarm leave
// the host. A "+" at the end of a name stands for any rest, as in iptables.
const (
	defaultBridge = "docker0"
	swarmBridge   = "docker_gwbridge"
	laterBridges  = "br-+"
)

// interfaces returns those that the rules hold for, sorted.
func interfaces(want *Want, s *resource.Snapshot, fw resource.Firewall) ([]string, *resource.ControlResult) {
	list := want.Interfaces
	if list == nil {
		list = append([]string{defaultBridge, swarmBridge, laterBridges}, named(s, fw)...)
		if r := nameless(list, s, fw); r != nil {
			return nil, r
		}
	}
	for _, name := range list {
		if !pattern(name) {
			return nil, resource.Block("correct the name", "%q is not a name of an interface that a rule can hold", name)
		}
	}
	return distinct(list), nil
}

// nameless finds a bridge that matters and that no rule can tell from others: to
// go on without it would leave a network open and call the control ok.
func nameless(ifaces []string, s *resource.Snapshot, fw resource.Firewall) *resource.ControlResult {
	for _, n := range s.Networks.Value {
		if n.Bridge != "" && !plainName(n.Bridge) && !byWildcard(ifaces, n.Bridge) {
			return resource.Block("create the network anew with another com.docker.network.bridge.name",
				"the bridge of network %s is called %q, which no rule can name", n.Name, n.Bridge)
		}
	}
	for _, name := range fw.Bridges {
		if !plainName(name) && byWildcard(ifaces, name) && !ofDocker(name, s) {
			return resource.Block("rename it", "the interface %q, which is not Docker's, would pass for one of Docker's, and no rule can name it", name)
		}
	}
	return nil
}

func ofDocker(bridge string, s *resource.Snapshot) bool {
	return slices.ContainsFunc(s.Networks.Value, func(n resource.Network) bool { return n.Bridge == bridge })
}

// named are Docker's bridges with names of an admin's choice. When the daemon
// cannot be asked, those that the rules in place name stay: dropping them
// would open their networks.
func named(s *resource.Snapshot, fw resource.Firewall) []string {
	all, ok := s.Networks.Get()
	if !ok {
		held, _ := ruled(fw.Own)
		return custom(slices.Concat(held, daemonOf(s).option("bridge", "bridge")))
	}
	var bridges []string
	for _, n := range all {
		if plainName(n.Bridge) { // see nameless for the others
			bridges = append(bridges, n.Bridge)
		}
	}
	return custom(bridges)
}

func custom(bridges []string) []string {
	return slices.DeleteFunc(bridges, func(name string) bool {
		return !pattern(name) || name == defaultBridge || name == swarmBridge || matches(laterBridges, name)
	})
}

// foreign are bridges that a wildcard of the interfaces matches and that are not
// Docker's. A name as dockerd makes them up is never foreign: its network may be
// of another data root or daemon, and its containers are containers still. When
// the daemon cannot be asked, rules in place know; before the first ones, other
// names are taken for others': cutting off a router is worse than seeing a
// network late.
func foreign(ifaces []string, s *resource.Snapshot, fw resource.Firewall) []string {
	_, known := s.Networks.Get()
	_, others := ruled(fw.Own)
	other := func(name string) bool {
		if !known && len(fw.Own) > 0 {
			return slices.Contains(others, name)
		}
		return !ofDocker(name, s)
	}
	var list []string
	for _, name := range fw.Bridges {
		if byWildcard(ifaces, name) && plainName(name) && !dockerNamed(name) && other(name) {
			list = append(list, name)
		}
	}
	return distinct(list)
}

// byWildcard says that an interface is meant by a pattern, but not by its name.
func byWildcard(ifaces []string, name string) bool {
	return !slices.Contains(ifaces, name) &&
		slices.ContainsFunc(ifaces, func(pattern string) bool { return matches(pattern, name) })
}

// ruled reads which interfaces the rules in place hold for, and which they take
// for others'.
func ruled(own []resource.Ruleset) (held, others []string) {
	for _, set := range own {
		for _, t := range set.Tables {
			for _, c := range t.Chains {
				switch c.Name {
				case ruleset.ChainName(set.Backend, egressChain):
					h, o := dispatch(c.Rules)
					held, others = append(held, h...), append(others, o...)
				case ruleset.ChainName(set.Backend, outChain):
					others = append(others, toOthers(c.Rules)...)
				}
			}
		}
	}
	return distinct(held), distinct(others)
}

// toOthers reads "-o br-x -j BULWARK-ALLOWED" and the same in nft's words.
func toOthers(rules []string) []string {
	var names []string
	for _, rule := range rules {
		if words := strings.Fields(rule); len(words) > 1 && (words[0] == "-o" || words[0] == "oifname") {
			names = append(names, strings.Trim(words[1], `"`))
		}
	}
	return names
}

// dispatch reads "-i br-x -j RETURN" and the same in nft's words.
func dispatch(rules []string) (held, exempt []string) {
	for _, rule := range rules {
		words := strings.Fields(rule)
		if len(words) < 3 || words[0] != "-i" && words[0] != "iifname" {
			continue
		}
		name := strings.Trim(words[1], `"`)
		if stem, wild := strings.CutSuffix(name, "*"); wild {
			name = stem + "+"
		}
		if strings.EqualFold(words[len(words)-1], "return") {
			exempt = append(exempt, name)
		} else {
			held = append(held, name)
		}
	}
	return held, exempt
}

// dockerNamed knows the names that dockerd gives: the two fixed ones, and br- with
// 12 hexadecimal digits.
func dockerNamed(name string) bool {
	if name == defaultBridge || name == swarmBridge {
		return true
	}
	id, ok := strings.CutPrefix(name, "br-")
	return ok && len(id) == 12 && strings.Trim(id, "0123456789abcdef") == ""
}

func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// pattern accepts a plain name, and one that ends in "+" for any rest.
func pattern(name string) bool {
	return plainName(strings.TrimSuffix(name, "+")) && len(name) <= maxName
}

const maxName = 15 // IFNAMSIZ less the final zero

// plainName accepts what every tool takes for this one interface, and prints
// unchanged. A bridge may well be called e+, but to a rule that is every e...
func plainName(name string) bool {
	return name != "" && len(name) <= maxName && !strings.HasPrefix(name, "-") &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.@", r)
		})
}

// matches says whether an interface is one that a pattern stands for.
func matches(pattern, name string) bool {
	if stem, wild := strings.CutSuffix(pattern, "+"); wild {
		return strings.HasPrefix(name, stem)
	}
	return pattern == name
}

// overlap says whether two patterns have an interface in common.
func overlap(a, b string) bool {
	return matches(a, strings.TrimSuffix(b, "+")) || matches(b, strings.TrimSuffix(a, "+"))
}
