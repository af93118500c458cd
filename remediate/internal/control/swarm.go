package control

import (
	"fmt"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// swarmControls are 5.1 and section 7 of the benchmark.
func swarmControls() []Control {
	return []Control{
		{
			ID: "swarm-off", Title: "Swarm mode is off where it is not used", Severity: resource.Low, Level: 1, OWASP: []string{"D04"}, CIS: cis("5.1"),
			Why: "It opens ports and gives managers power over the host.",
			How: "What the daemon says of its swarm.", Remedy: "docker swarm leave, or a waiver where the swarm is wanted", judge: func(t *tally) {
				e, ok := t.engineOr()
				switch {
				case !ok:
				case e.Swarm == "" || e.Swarm == "inactive":
					t.holds(1)
				default:
					t.failDaemon("swarm mode is "+e.Swarm, "inactive, or a waiver that says what it is for")
				}
			},
		},
		swarm("swarm-managers", "A swarm has as many managers as it needs", "7.1", resource.Low, "D04", "Each manager may do everything; an even number bears no more failures than one less.", "docker node demote NODE", judgeManagers),
		swarm("swarm-address", "The swarm listens on one address", "7.2", resource.Medium, "D03", "On the wildcard address the management port is open on every network of the host.", "docker swarm init --listen-addr ADDRESS:2377; the swarm is made anew", judgeSwarmAddress),
		swarm("swarm-encryption", "Networks between nodes are encrypted", "7.3", resource.Medium, "D03", "Containers on several hosts otherwise talk in the clear over the network between them.", "docker network create --driver overlay --opt encrypted NAME; the network is made anew", judgeOverlays),
		swarm("swarm-secrets", "Services get their secrets from the swarm", "7.4", resource.Low, "D06", "What is in variables and files is read by many.", "docker secret create", func(t *tally, s resource.Swarm) {
			switch {
			case s.Secrets > 0:
				t.holds(1)
			case s.Services == 0:
				t.nothing("the swarm has no services")
			default:
				t.byHand("the swarm has services and no secrets: judge whether they need some", fmt.Sprintf("%d services", s.Services))
			}
		}),
		swarm("swarm-autolock", "Managers are locked after a restart", "7.5", resource.Medium, "D06", "The keys of the cluster otherwise lie in the clear on the disk of each manager.", "docker swarm update --autolock=true, and keep the key that it prints", func(t *tally, s resource.Swarm) {
			if s.Autolock {
				t.holds(1)
				return
			}
			t.failSwarm("autolock is off", "on")
		}),
		swarm("swarm-unlock-key", "The unlock key is changed from time to time", "7.6", resource.Low, "D06", "Whoever once had it can unlock every manager.", "docker swarm unlock-key --rotate", swarmByHand("Docker does not say when the key was made")),
		swarm("swarm-certificates", "Certificates of nodes are short-lived", "7.7", resource.Low, "D06", "A node's stolen certificate is good until it ends.", "docker swarm update --cert-expiry 48h", judgeExpiry),
		swarm("swarm-ca", "The CA of the swarm is changed from time to time", "7.8", resource.Low, "D06", "Whoever once had its key can make nodes.", "docker swarm ca --rotate", swarmByHand("Docker does not say when the CA was made")),
		swarm("swarm-planes", "Data of containers and management go over networks apart", "7.9", resource.Low, "D03", "What a container sees on the way should not be the traffic of managers.", "docker swarm init --data-path-addr ADDRESS; the swarm is made anew", judgePlanes),
	}
}

// swarm makes a control that only a host in a swarm has.
func swarm(id, title, number string, severity resource.Severity, area, why, remedy string, judge func(*tally, resource.Swarm)) Control {
	return Control{
		ID: id, Title: title, Severity: severity, Level: 1, OWASP: []string{area}, CIS: cis(number), Why: why, Remedy: remedy,
		How:   "What the daemon says of the swarm, on managers; a host in no swarm has nothing to judge.",
		judge: func(t *tally) { t.inSwarm(judge) },
	}
}

func (t *tally) inSwarm(judge func(*tally, resource.Swarm)) {
	if e, ok := t.s.Engine.Get(); ok && (e.Swarm == "" || e.Swarm == "inactive") {
		t.nothing("the host is in no swarm")
		return
	}
	s, ok := t.s.Survey.Value.Swarm.Get()
	switch {
	case t.s.Survey.Unknown != "":
		t.unknown(resource.SwarmObject, "swarm", t.s.Survey.Unknown)
	case !ok:
		t.unknown(resource.SwarmObject, "swarm", t.s.Survey.Value.Swarm.Unknown)
	case s.State == "inactive":
		t.nothing("the host is in no swarm")
	case s.State == "":
		t.unknown(resource.SwarmObject, "swarm", "the daemon did not say whether it is in one")
	case !s.Manager:
		t.unknown(resource.SwarmObject, "swarm", "the host is no manager, and only managers know")
	default:
		judge(t, s)
	}
}

func (t *tally) failSwarm(observed, expected string) {
	t.fail(resource.Finding{Kind: resource.SwarmObject, Object: "swarm", Observed: observed, Expected: expected})
}

func swarmByHand(reason string) func(*tally, resource.Swarm) {
	return func(t *tally, _ resource.Swarm) { t.byHand(reason) }
}

func judgeManagers(t *tally, s resource.Swarm) {
	if s.Managers < 1 {
		t.unknown(resource.SwarmObject, "swarm", "how many managers there are is not known")
		return
	}
	if s.Managers%2 == 0 || s.Managers > 7 {
		t.failSwarm(fmt.Sprintf("%d managers", s.Managers), "1, 3, 5 or 7")
		return
	}
	t.holds(1)
}

func judgeSwarmAddress(t *tally, _ resource.Swarm) {
	listeners, ok := t.s.Survey.Value.Listeners.Get()
	if !ok {
		t.unknown(resource.SocketObject, "port 2377", t.s.Survey.Value.Listeners.Unknown)
		return
	}
	for _, l := range listeners {
		switch {
		case l.Port != 2377 || !strings.HasPrefix(l.Proto, "tcp"):
		case wildcard(l.Address):
			t.fail(resource.Finding{Kind: resource.SocketObject, Object: address(l), Observed: "the management port is open on every network", Expected: "one address"})
		default:
			t.holds(1)
		}
	}
	if t.judged == 0 {
		t.unknown(resource.SocketObject, "port 2377", "nothing listens there: the swarm has another port")
	}
}

// judgeOverlays leaves out the network ingress, which the swarm makes itself.
func judgeOverlays(t *tally, _ resource.Swarm) {
	networks, ok := t.s.Networks.Get()
	if !ok {
		t.unknown(resource.NetworkObject, "networks", t.s.Networks.Unknown)
		return
	}
	for _, n := range networks {
		switch {
		case n.Driver != "overlay" || n.Ingress || n.Name == "ingress":
		case n.Encrypted:
			t.holds(1)
		default:
			t.fail(resource.Finding{Kind: resource.NetworkObject, Object: n.Name, Observed: "not encrypted between nodes", Expected: "the option encrypted"})
		}
	}
	if t.judged == 0 {
		t.nothing("the swarm has no overlay networks but ingress")
	}
}

const longestExpiry = 90 * 24 * time.Hour

func judgeExpiry(t *tally, s resource.Swarm) {
	if s.CertExpiry <= 0 {
		t.unknown(resource.SwarmObject, "swarm", "how long certificates are good is not known")
		return
	}
	if d := time.Duration(s.CertExpiry); d > longestExpiry {
		t.failSwarm(fmt.Sprintf("certificates are good for %d days", int(d.Hours()/24)), "90 days or less")
		return
	}
	t.holds(1)
}

func judgePlanes(t *tally, s resource.Swarm) {
	if s.DataPath != "" && s.DataPath != s.Advertise {
		t.holds(1)
		return
	}
	t.byHand("judge whether the network between nodes is one that containers' data may share", "address of the node: "+orNone(s.Advertise))
}
