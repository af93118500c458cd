package egress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

func note(text string, subjects ...string) resource.Impact {
	return resource.Impact{Level: resource.NoteImpact, Text: text, Subjects: subjects}
}

func warning(text string, subjects ...string) resource.Impact {
	return resource.Impact{Level: resource.WarningImpact, Text: text, Subjects: subjects}
}

// impacts tell what the rules cannot do, and if something changes what that
// breaks. The first part holds whether there is a change or not.
func (p *plan) impacts(pending bool) []resource.Impact {
	if p.prog == nil {
		return nil
	}
	out := p.standing()
	if !pending {
		return out
	}
	out = append(out, p.prog.notes...)
	out = append(out, managers(p.prog.choice, p.fw)...)
	out = append(out, dnsImpacts(p.want, p.s, p.fw)...)
	out = append(out, moments(p.want, p.s)...)
	return append(out, p.flows()...)
}

func (p *plan) standing() []resource.Impact {
	var out []resource.Impact
	for _, w := range p.prog.choice.warnings {
		out = append(out, warning(w))
	}
	for _, h := range p.prog.hooks {
		for _, w := range h.warnings {
			out = append(out, warning(w))
		}
	}
	if !p.prog.nft {
		out = append(out, warning("nft is not installed: nothing keeps a container with NET_RAW, which Docker gives by default, from forging source addresses, "+
			"and what is let pass for one is a way out for another; install nftables"),
			warning("nft is not installed: containers that run while dockerd starts (live-restore) or makes a network get out meanwhile, "+
				"for dockerd takes its jump to DOCKER-USER away and puts it back; install nftables"))
	}
	out = append(out, p.together()...)
	if _, ok := p.s.Loader.Get(); !ok {
		out = append(out, warning("the rules do not come back after a reboot: cannot ask systemd for "+LoaderUnit+": "+p.s.Loader.Unknown))
	}
	return append(out, unstoppable(p.s)...)
}

// together warns where nobody keeps two networks apart: the rules leave that to
// Docker between networks named br-..., which does it only for the families that
// it filters.
func (p *plan) together() []resource.Impact {
	if !p.prog.icc || daemonOf(p.s).filters(resource.FamilyIP6) != no {
		return nil
	}
	var names []string
	for _, n := range p.s.Networks.Value {
		if matches(laterBridges, n.Bridge) && slices.ContainsFunc(n.Subnets, func(s string) bool { return strings.Contains(s, ":") }) {
			names = append(names, n.Name)
		}
	}
	if len(names) < 2 {
		return nil
	}
	slices.Sort(names)
	w := warning("Docker does not filter IPv6 here, and so does not keep these networks apart in IPv6; nor do these rules, but with icc: deny")
	w.Subjects = names
	return []resource.Impact{w}
}

// unstoppable names the containers whose packets do not pass FORWARD from a
// bridge, so that no rule here holds for them.
func unstoppable(s *resource.Snapshot) []resource.Impact {
	all, ok := s.Containers.Get()
	if !ok {
		return []resource.Impact{note("cannot tell which containers no rule can stop (host network, macvlan, ipvlan): " + s.Containers.Unknown)}
	}
	found := map[string][]string{}
	var privileged []string
	for _, c := range all {
		if way := bypass(c, all, s); way != "" {
			found[way] = append(found[way], c.Name)
		}
		if c.Privileged {
			privileged = append(privileged, c.Name)
		}
	}
	var out []resource.Impact
	for _, way := range []string{"host", "macvlan", "ipvlan"} {
		if names := distinct(found[way]); len(names) > 0 {
			out = append(out, warning(fmt.Sprintf("the rules do not hold for containers on %s", wayText[way]), names...))
		}
	}
	if len(privileged) > 0 {
		out = append(out, note("privileged containers can change the host, these rules included", distinct(privileged)...))
	}
	return out
}

var wayText = map[string]string{
	"host":    "the host's own network (network_mode: host): their connections are the host's",
	"macvlan": "a macvlan network: their packets leave by the parent interface, past the host's firewall",
	"ipvlan":  "an ipvlan network: their packets leave by the parent interface, past the host's firewall",
}

// maxJoined bounds how far container:ID is followed: dockerd refuses a circle,
// a snapshot from elsewhere may hold one.
const maxJoined = 8

// bypass says by what a container gets around the rules, or "". One that joins
// another's network has that one's way out.
func bypass(c resource.Container, all []resource.Container, s *resource.Snapshot) string {
	for range maxJoined {
		joined, ok := strings.CutPrefix(c.NetworkMode, "container:")
		if !ok {
			break
		}
		i := slices.IndexFunc(all, func(o resource.Container) bool { return isNamed(o, joined) })
		if i < 0 {
			return ""
		}
		c = all[i]
	}
	if c.NetworkMode == "host" {
		return "host"
	}
	for _, n := range s.Networks.Value {
		if (n.Driver == "macvlan" || n.Driver == "ipvlan") && attached(c, n) {
			return n.Driver
		}
	}
	return ""
}

// isNamed knows a container by its name or its id, in full or by its start.
func isNamed(c resource.Container, name string) bool {
	return name != "" && (c.Name == name || strings.HasPrefix(c.ID, name))
}

// attached looks at the mode as well: only a running container has networks.
func attached(c resource.Container, n resource.Network) bool {
	return c.NetworkMode == n.Name || c.NetworkMode == n.ID && n.ID != "" ||
		slices.ContainsFunc(c.Networks, func(e resource.Endpoint) bool { return e.Network == n.Name })
}

// moments tell what was looked up now and may be otherwise later.
func moments(want *Want, s *resource.Snapshot) []resource.Impact {
	var out []resource.Impact
	for _, name := range want.Names() {
		out = append(out, note(fmt.Sprintf("%s is looked up only when bulwark runs; until it runs again containers reach it at", name), s.Resolved[name].Value...))
	}
	var labels []string
	for _, a := range want.Allow {
		if a.Label != "" {
			labels = append(labels, a.Label)
		}
	}
	if len(labels) > 0 {
		out = append(out, note("what is allowed by label holds for the addresses of containers that run now; run bulwark again when one was started", distinct(labels)...))
	}
	return out
}
