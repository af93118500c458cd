package egress

import "github.com/bulwark-project/bulwark/remediate/resource"

// managers tell what other programs that write rules do to ours. The unit that
// loads the rules follows a restart of their units by systemd; it does not see
// their own commands.
func managers(c choice, fw resource.Firewall) []resource.Impact {
	var out []resource.Impact
	for _, m := range distinct(fw.Managers) {
		if text := managerText(m, c); text != "" {
			out = append(out, resource.Impact{Level: managerLevel(m, c), Text: m + ": " + text})
		}
	}
	return out
}

// managerLevel warns where one of the manager's own commands takes our rules
// away.
func managerLevel(name string, c choice) string {
	if c.backend == resource.BackendNFTables && name != "nftables" {
		return resource.NoteImpact
	}
	return resource.WarningImpact
}

func managerText(name string, c choice) string {
	native := c.backend == resource.BackendNFTables
	switch {
	case name == "ufw" && native:
		return "its commands leave the rules alone; what ufw allows is dropped all the same"
	case name == "ufw":
		return "ufw reload leaves the rules alone, unless /etc/ufw/after.rules declares DOCKER-USER (ufw-docker does): " +
			"then it flushes that chain, and the rules do not hold until bulwark apply or systemctl restart " + LoaderUnit
	case name == "firewalld" && native:
		return "firewall-cmd --reload leaves the rules alone, which are in a table of their own"
	case name == "firewalld":
		return "firewall-cmd --reload flushes iptables, these rules included; they do not hold until bulwark apply or systemctl restart " + LoaderUnit
	case name == "nftables" && c.variant == resource.VariantLegacy:
		return ""
	case name == "nftables":
		return "/etc/nftables.conf usually begins with flush ruleset: stopping the service or loading the file by hand (nft -f) takes the rules away, and dockerd's too, " +
			"until bulwark apply or systemctl restart " + LoaderUnit
	case name == "netfilter-persistent" && native:
		return ""
	case name == "netfilter-persistent":
		return "netfilter-persistent save would freeze dockerd's rules and these; reload puts back the saved ones in their place, " +
			"until bulwark apply or systemctl restart " + LoaderUnit
	}
	return ""
}
