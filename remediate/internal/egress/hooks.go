package egress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Chains of others that packets come from.
const (
	dockerUser = "DOCKER-USER"
	forward    = "FORWARD"
	input      = "INPUT"
)

// A hook says from where packets of one family reach the own rules.
type hook struct {
	family   string
	from     []string
	why      string
	warnings []string
}

var familyName = map[string]string{resource.FamilyIP4: "IPv4", resource.FamilyIP6: "IPv6"}

// hookOf chooses DOCKER-USER where dockerd has it or will have it. dockerd puts
// its jump at the top of FORWARD whenever it starts, ahead of any of ours
// there, and accepts further down: where the jump is missing though dockerd
// makes one, only both places together hold now and after its next start.
func hookOf(family string, p *program, want *Want, s *resource.Snapshot, fw resource.Firewall) hook {
	d, name := daemonOf(s), familyName[family]
	now, table := d.filters(family), filterOf(fw, family, p.choice.variant)
	h := hook{family: family, from: []string{dockerUser}}
	switch reached := jumpsToDockerUser(table); {
	case now == no && !asked(want, family):
		h.from, h.why = []string{forward}, "dockerd does not filter "+name+" here"
	case reached:
		h.why = "FORWARD jumps to it"
		h.warnings = acceptedBefore(table, p, name)
	case now == no:
		h.why = "the policy lets dockerd filter " + name
	case d.stopped() && now == yes:
		h.why = "dockerd does not run and makes FORWARD jump to it when it starts"
	case d.stopped():
		h.from = []string{dockerUser, forward}
		h.why = "it is not known whether dockerd will filter " + name
	default:
		h.from = []string{dockerUser, forward}
		h.why = "dockerd filters " + name + ", but its jump from FORWARD to DOCKER-USER is missing"
		h.warnings = []string{h.why + ": other rules in DOCKER-USER hold only after a restart of docker"}
	}
	return h
}

func (h hook) String() string {
	return fmt.Sprintf("%s from %s: %s", familyName[h.family], strings.Join(h.from, " and "), h.why)
}

// asked says that the policy itself turns dockerd's rules for a family on.
func asked(want *Want, family string) bool {
	key := want.DaemonIPTables
	if family == resource.FamilyIP6 {
		key = want.DaemonIP6Tables
	}
	return key != nil && *key
}

func filterOf(fw resource.Firewall, family, variant string) resource.Filter {
	for _, f := range fw.Filters {
		if f.Family == family && f.Variant == variant {
			return f
		}
	}
	return resource.Filter{Family: family, Variant: variant}
}

const dockerJump = "-j " + dockerUser

func jumpsToDockerUser(f resource.Filter) bool { return slices.Contains(f.Forward, dockerJump) }

// acceptedBefore finds rules that may let a container's packet pass before
// DOCKER-USER sees it.
func acceptedBefore(f resource.Filter, p *program, name string) []string {
	if p.nft {
		return nil // the table inet bulwark drops it all the same
	}
	var found []string
	for _, rule := range f.Forward[:slices.Index(f.Forward, dockerJump)] {
		words := strings.Fields(rule)
		if mayAccept(words) && p.seenBy(words) && (p.cut || !establishedOnly(words)) {
			found = append(found, fmt.Sprintf("%s: a rule comes before DOCKER-USER and may let containers out: -A FORWARD %s", name, rule))
		}
	}
	return found
}

// harmless targets never accept; a chain of another name might.
var harmless = []string{
	"DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", // dockerd's own: they drop or return
	"DROP", "REJECT", "RETURN", "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "TRACE", "CT", "SECMARK", "CONNSECMARK", "AUDIT", "CLASSIFY", "DSCP", "TTL", "HL",
}

func mayAccept(words []string) bool {
	target := max(slices.Index(words, "-j"), slices.Index(words, "-g"))
	if target < 0 || target+1 >= len(words) {
		return false
	}
	to := words[target+1]
	return !slices.Contains(harmless, to) && !strings.HasPrefix(to, resource.OwnChainPrefix)
}

// seenBy says whether a rule can match what comes from an interface that the
// program holds for: it names no incoming interface, or such a one.
func (p *program) seenBy(words []string) bool {
	i := slices.Index(words, "-i")
	if i < 0 || i+1 >= len(words) || i > 0 && words[i-1] == "!" {
		return true
	}
	return slices.ContainsFunc(p.ifaces, func(own string) bool { return overlap(own, words[i+1]) })
}

// establishedOnly finds rules for connections that are open already, which the
// own rules keep as well.
func establishedOnly(words []string) bool {
	i := slices.Index(words, "--ctstate")
	if i < 0 {
		i = slices.Index(words, "--state")
	}
	if i < 1 || i+1 >= len(words) || words[i-1] == "!" {
		return false
	}
	for state := range strings.SplitSeq(words[i+1], ",") {
		if state != "RELATED" && state != "ESTABLISHED" {
			return false
		}
	}
	return true
}
