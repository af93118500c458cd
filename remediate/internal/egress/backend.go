package egress

import (
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A choice is the place in the kernel for the rules, and why it is that.
type choice struct {
	backend, variant string
	why              string
	warnings         []string
}

// target names the place for people.
func (c choice) target() string { return targetOf(c.backend, c.variant) }

func targetOf(backend, variant string) string {
	if variant == "" {
		return backend
	}
	return fmt.Sprintf("%s (%s)", backend, variant)
}

// choose takes what the policy says or, by default, what dockerd uses.
func choose(want *Want, s *resource.Snapshot, fw resource.Firewall) (choice, *resource.ControlResult) {
	c, r := preferred(want, s, fw)
	if r != nil {
		return c, r
	}
	if c.backend == resource.BackendIPTables && fw.Tools["iptables-"+c.variant] == "" {
		return c, resource.Block("install iptables", "the rules belong into %s (%s), but its program is not installed", c.target(), c.why)
	}
	for _, f := range fw.Filters {
		if c.backend == resource.BackendIPTables && f.Native && f.Variant == c.variant {
			return c, resource.Block("move them to a table of their own (nft list table "+f.Family+" filter shows them)",
				"nft put rules into the table %s filter that iptables can neither show nor change", f.Family)
		}
	}
	return c, nil
}

func preferred(want *Want, s *resource.Snapshot, fw resource.Firewall) (choice, *resource.ControlResult) {
	nft, firewalld := fw.Tools["nft"] != "", slices.Contains(fw.Managers, "firewalld")
	switch {
	case want.Backend == resource.BackendIPTables:
		return variant(fw, "the policy says so"), nil
	case want.Backend == resource.BackendNFTables && !nft:
		return choice{}, resource.Block("install nftables, or set backend: auto", "the policy asks for nftables, but nft is not installed")
	case want.Backend == resource.BackendNFTables:
		return native("the policy says so"), nil
	case daemonOf(s).usesNFT() && !nft:
		return choice{}, resource.Block("install nftables", "dockerd uses nftables, but nft is not installed")
	case daemonOf(s).usesNFT():
		return native("dockerd uses nftables"), nil
	case firewalld && nft:
		return native("firewalld runs, and its reload flushes iptables rules"), nil
	case nft && !anyIPTables(fw):
		return native("iptables is not installed"), nil
	}
	c := variant(fw, "")
	if nft && fw.Tools["iptables-"+c.variant] != "" && fw.Tools["ip6tables-"+c.variant] == "" {
		return native("ip6tables is not installed, and IPv6 would stay open"), nil
	}
	return c, nil
}

func native(why string) choice { return choice{backend: resource.BackendNFTables, why: why} }

func anyIPTables(fw resource.Firewall) bool {
	return fw.Tools["iptables-nft"] != "" || fw.Tools["iptables-legacy"] != ""
}

// variant finds the tables in which dockerd's chains live. Where it has left
// chains in both, the one that FORWARD still jumps from is in use.
func variant(fw resource.Firewall, why string) choice {
	c := choice{backend: resource.BackendIPTables}
	docker, reached := variants(fw, hasDocker), variants(fw, jumpsToDockerUser)
	say := func(reason string) {
		if c.why = reason; why != "" {
			c.why = why + "; " + reason
		}
	}
	switch {
	case len(docker) == 1:
		c.variant = docker[0]
		say("dockerd's chains are there")
	case len(docker) == 2:
		c.variant = usual(fw, docker)
		say("dockerd has chains in both variants, and this is the one that iptables is here")
		if len(reached) == 1 {
			c.variant = reached[0]
			say("dockerd has chains in both variants, and only this one jumps to DOCKER-USER")
		}
		c.warnings = append(c.warnings, "dockerd has chains in iptables (nft) and in iptables (legacy): those of the variant "+
			"that it does not use are left over, and their rules still hold; restart the host, or flush them")
	default:
		c.variant = usual(fw, []string{resource.VariantNFT, resource.VariantLegacy})
		say("that is what the command iptables is here")
	}
	return c
}

// usual is the variant of the command iptables, if it is among those asked
// for, or else the first that has a program.
func usual(fw resource.Firewall, among []string) string {
	if slices.Contains(among, fw.Variant) {
		return fw.Variant
	}
	for _, v := range among {
		if fw.Tools["iptables-"+v] != "" {
			return v
		}
	}
	return among[0]
}

// variants returns those of which some table has a property, nft first.
func variants(fw resource.Firewall, has func(resource.Filter) bool) []string {
	var found []string
	for _, v := range []string{resource.VariantNFT, resource.VariantLegacy} {
		if slices.ContainsFunc(fw.Filters, func(f resource.Filter) bool { return f.Variant == v && has(f) }) {
			found = append(found, v)
		}
	}
	return found
}

func hasDocker(f resource.Filter) bool { return f.Docker }
