package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/probe"
)

// Network makes a bridge network, with IPv6 where the engine can and the host
// forwards it already: for a network with IPv6 Engine 20.10 switches forwarding on
// for the whole host and leaves it so, and a host that forwards takes no more
// router advertisements (accept_ra in ip-sysctl).
func (l *Lab) Network(ctx context.Context, name string) (probe.Net, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, ok := l.nets[name]; ok {
		return n, nil
	}
	n := probe.Net{Name: probe.Prefix + name}
	labels := map[string]string{probe.Label: l.id}
	err := whole(ctx, func(ctx context.Context) error {
		if forwardsIPv6() && l.docker.MakeNetwork(ctx, n.Name, labels, uniqueLocal()) == nil {
			return nil
		}
		return l.docker.MakeNetwork(ctx, n.Name, labels, netip.Prefix{})
	})
	if err != nil {
		return probe.Net{}, fmt.Errorf("cannot make a network for the probes: %w", err)
	}
	if n.Gateway, n.Gateway6, err = l.docker.Gateways(ctx, n.Name); err != nil {
		return probe.Net{}, err
	}
	l.nets[name] = n
	return n, nil
}

func forwardsIPv6() bool {
	b, err := os.ReadFile("/proc/sys/net/ipv6/conf/all/forwarding")
	return err == nil && strings.TrimSpace(string(b)) == "1"
}

// uniqueLocal is a random network of RFC 4193, section 3.2.
func uniqueLocal() netip.Prefix {
	b := [16]byte{0: 0xfd}
	random(b[1:8])
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}
