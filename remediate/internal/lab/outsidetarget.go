package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/internal/inside"
	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// The ends of the wire to the target, and its ports. The first is that of many a
// reverse shell; the second is what wget asks without a port.
const (
	nearEnd, farEnd = "bwprobe0", "bwprobe1"
	shellPort       = 4444
	webPort         = 80
)

// metadata is where clouds answer with credentials.
var metadata = netip.MustParseAddr("169.254.169.254")

// A target is a network namespace with a host's services in it.
type target struct {
	ns      *host.Netns
	wire    host.Wire
	why     [2]error // why not IPv4, IPv6
	servers []*inside.Server
	arrived *counter
}

// newTarget makes one; with an error, nothing is left.
func newTarget() (*target, error) {
	used, err := host.Routed()
	if err != nil {
		return nil, err
	}
	t := &target{wire: host.Wire{Near: nearEnd, Far: farEnd, Extra: []netip.Addr{metadata}}}
	t.wire.Net4, t.why[0] = free(networks4, used)
	t.wire.Net6, t.why[1] = free(networks6, used)
	if t.why[0] != nil && t.why[1] != nil {
		return nil, errors.Join(t.why[:]...)
	}
	t.number()
	if err := t.build(); err != nil {
		return nil, errors.Join(err, t.close(), host.Unlay(nearEnd))
	}
	return t, nil
}

// number gives the host the first address of each network, the target the
// second.
func (t *target) number() {
	if n := t.wire.Net4; n.IsValid() {
		t.wire.Near4 = n.Addr().Next()
		t.wire.Far4 = t.wire.Near4.Next()
	}
	if n := t.wire.Net6; n.IsValid() {
		t.wire.Near6 = n.Addr().Next()
		t.wire.Far6 = t.wire.Near6.Next()
	}
}

// build makes the namespace, first without a host's IPv6 if that is switched
// off.
func (t *target) build() (err error) {
	if err := sweepOutside(); err != nil {
		return err
	}
	if t.ns, err = host.NewNetns(); err != nil {
		return err
	}
	if err := host.IPv6(); err != nil {
		t.why[1], t.wire.Net6 = err, netip.Prefix{}
	}
	if err := t.ns.Lay(t.wire); err != nil {
		return err
	}
	if err := t.ns.Do(t.serve); err != nil {
		return err
	}
	t.wake()
	return nil
}

// wakeTries bounds the waiting for a link.
const wakeTries = 5

// wake asks until there is an answer. For up to a second after its links are up the
// kernel drops what is sent over them (linkwatch_schedule_work of
// net/core/link_watch.c), and a try waits no longer than that.
func (t *target) wake() {
	for _, ip := range []netip.Addr{t.wire.Far4, t.wire.Far6} {
		for i := 0; ip.IsValid() && i < wakeTries; i++ {
			if inside.Reach("tcp", netip.AddrPortFrom(ip, shellPort).String()) == "answered" {
				break
			}
		}
	}
	t.arrived.seen() // these were no attack
}

func (t *target) serve() (err error) {
	for _, port := range []int{shellPort, webPort} {
		s, err := inside.Serve(":" + strconv.Itoa(port))
		if err != nil {
			return fmt.Errorf("cannot listen in the host outside: %w", err)
		}
		t.servers = append(t.servers, s)
	}
	t.arrived, err = count(farEnd, unix.PACKET_HOST, t.wire.Far4, t.wire.Far6, metadata)
	return err
}

func (t *target) close() error {
	var all []error
	for _, s := range t.servers {
		all = append(all, s.Close())
	}
	if t.arrived != nil {
		all = append(all, t.arrived.close())
	}
	if t.ns != nil {
		all = append(all, t.ns.Close())
	}
	return errors.Join(all...)
}

// reason is why an IP version is not to be had, now: dockerd may begin to forward
// when it makes a network.
func (t *target) reason(v6 bool) string {
	err := t.why[0]
	if v6 {
		err = t.why[1]
	}
	if err == nil {
		err = host.Forwards(nearEnd, v6)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// probe is what probes see of it.
func (t *target) probe() probe.Target {
	p := probe.Target{
		Port: shellPort, HTTP: webPort, Seen: t.arrived.seen, Dial: t.dial,
		Ask: inside.Reach, Leads: t.leads, Steer: t.steer,
		Arrived: "arrived at the host outside", Reached: "the host itself reaches it",
	}
	if p.Why4 = t.reason(false); p.Why4 == "" {
		p.IP4, p.Host4, p.Metadata = t.wire.Far4.String(), t.wire.Near4.String(), metadata.String()
	}
	p.WhyMetadata = p.Why4
	if p.Why6 = t.reason(true); p.Why6 == "" {
		p.IP6, p.Host6 = t.wire.Far6.String(), t.wire.Near6.String()
	}
	return p
}

func (t *target) leads(address string) error {
	from, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	to := t.wire.Far6
	if from.Is4() {
		to = t.wire.Far4
	}
	return host.Leads(from, to, nearEnd)
}

// steer leads to here what one network sends to metadata, and proves it by the
// host's routes.
func (t *target) steer(gateway string) error {
	from, err := netip.ParseAddr(gateway)
	if err != nil {
		return err
	}
	network, _, err := host.NetworkOf(from)
	if err != nil {
		return err
	}
	to := netip.PrefixFrom(metadata, metadata.BitLen())
	if err := host.Steer(network, to, nearEnd, t.wire.Far4); err != nil {
		return err
	}
	return host.Leads(from, metadata, nearEnd)
}

// The networks of which one is taken: of those for tests between networks (RFC
// 2544), which nobody routes, and of the local ones of IPv6 (RFC 4193) with an
// id drawn once for this.
var (
	networks4 = prefixes("198.18.251.4/30", "198.19.87.16/30", "198.18.3.132/30", "198.19.202.60/30")
	networks6 = prefixes("fd7b:a3c4:5e19:1::/126", "fd7b:a3c4:5e19:2::/126")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// free is the first of some networks that the host knows nothing of.
func free(list, used []netip.Prefix) (netip.Prefix, error) {
	for _, p := range list {
		taken := false
		for _, u := range used {
			taken = taken || u.Overlaps(p)
		}
		if !taken {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("the host has routes or addresses in all of the networks that a host outside could have, %s first", list[0])
}

// Records are the keys of audit records.
func (o *outside) Records(ctx context.Context, text string, f func() error) ([]string, error) {
	o.mu.Lock()
	deaf := o.deaf
	o.mu.Unlock()
	if deaf != nil {
		return nil, deaf
	}
	events := events{text: text}
	if err := host.AuditRecords(ctx, f, events.add); err != nil {
		if errors.Is(err, host.ErrNoRecords) { // that takes seconds to find out
			o.mu.Lock()
			o.deaf = err
			o.mu.Unlock()
		}
		return nil, err
	}
	return events.keys(), nil
}
