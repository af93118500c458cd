package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/inside"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A given host is elsewhere: the user names it, to be attacked in the place of the
// host outside. What arrives there cannot be seen from here. What leaves for it can:
// packets are counted on every link, behind all rules; with routes over several
// links each may take another. One over a VLAN or a bond is counted on both.
type given struct {
	at   netip.AddrPort
	link string
	left *counter
}

// give watches the way to one. networks are the daemon's.
func give(at netip.AddrPort, networks []resource.Network) (*given, error) {
	ip := at.Addr()
	link, err := host.Way(ip)
	if err == nil {
		err = elsewhere(ip, networks)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot attack %s: %w", ip, err)
	}
	left, err := count(everyLink, unix.PACKET_OUTGOING, ip)
	if err != nil {
		return nil, err
	}
	return &given{at: at, link: link, left: left}, nil
}

// elsewhere refuses a container as target: what goes from network to network is no
// egress, and it may be somebody's. A macvlan's network is the host's own.
func elsewhere(ip netip.Addr, networks []resource.Network) error {
	for _, n := range networks {
		for _, s := range n.Subnets {
			if p, err := netip.ParsePrefix(s); err == nil && n.Bridge != "" && p.Contains(ip) {
				return fmt.Errorf("it is on the Docker network %s of this host", n.Name)
			}
		}
	}
	return nil
}

func (g *given) probe() probe.Target {
	port := int(g.at.Port())
	t := probe.Target{
		Port: port, HTTP: port, Seen: g.left.seen, Ask: inside.Reach, Leads: g.leads,
		Arrived: fmt.Sprintf("left this host for %s", g.at.Addr()),
		Reached: "what the host itself sends there is counted",
	}
	ip, v6 := g.at.Addr().String(), g.at.Addr().Is6()
	switch err := host.Forwards(g.link, v6); {
	case err != nil && v6:
		t.Why6 = err.Error()
	case err != nil:
		t.Why4 = err.Error()
	case v6:
		t.IP6 = ip
	default:
		t.IP4 = ip
	}
	return t
}

func (g *given) leads(address string) error {
	from, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	return host.Leads(from, g.at.Addr(), g.link)
}

// give takes the hosts that are to be attacked, at most one of each IP version.
func (o *outside) give(ctx context.Context, d *host.Docker, list []netip.AddrPort) error {
	if len(list) == 0 {
		return nil
	}
	networks, err := d.Networks(ctx)
	if err != nil {
		return err
	}
	for _, at := range list {
		if err := o.Give(networks, at); err != nil {
			return err
		}
	}
	return nil
}

// Give takes one; networks are the daemon's.
func (o *outside) Give(networks []resource.Network, at netip.AddrPort) error {
	g, err := give(at, networks)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.given = append(o.given, g)
	return nil
}

// Away is the host that attacks over an IP version go to: the given one, or the
// host outside.
func (o *outside) Away(ctx context.Context, v6 bool) (probe.Target, error) {
	o.mu.Lock()
	for _, g := range o.given {
		if g.at.Addr().Is6() == v6 {
			defer o.mu.Unlock()
			return g.probe(), ctx.Err()
		}
	}
	o.mu.Unlock()
	return o.Target(ctx)
}

func (o *outside) closeGiven() error {
	var all []error
	for _, g := range o.given {
		all = append(all, g.left.close())
	}
	o.given = nil
	return errors.Join(all...)
}

// Given names the hosts that are attacked.
func (o *outside) Given() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, g := range o.given {
		out = append(out, g.at.String())
	}
	return out
}
