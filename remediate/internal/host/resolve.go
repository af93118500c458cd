package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// resolveTimeout bounds the search for one name: a nameserver that does not
// answer must not make plan hang.
const resolveTimeout = 5 * time.Second

// Resolve looks a name up in the hosts file and in DNS, as resolv.conf and
// nsswitch.conf say, and returns its addresses, sorted.
func (r *Reader) Resolve(ctx context.Context, name string) ([]string, error) {
	if !r.Live() {
		return nil, errImage
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	found, err := (&net.Resolver{PreferGo: true}).LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, fmt.Errorf("cannot resolve %s: %w", name, lookupCause(err))
	}
	for i, a := range found {
		found[i] = a.Unmap().WithZone("")
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return valid(slices.Compact(found)...), nil
}

// lookupCause leaves the name and the nameserver's port out of the text.
func lookupCause(err error) error {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return err
	case dns.IsTimeout:
		return errors.New("no nameserver answers")
	}
	return errors.New(dns.Err)
}

// Where the nameservers of a host are found. The second file is
// systemd-resolved's list behind its stub on 127.0.0.53; dockerd reads the
// same two (moby daemon/libnetwork/internal/resolvconf).
const (
	resolvConf    = "/etc/resolv.conf"
	resolvedConf  = "/run/systemd/resolve/resolv.conf"
	maxResolvConf = 1 << 20
)

// nameservers are those that containers can reach: no loopback ones, which
// are another loopback inside a container.
func nameservers() []string {
	b, err := os.ReadFile(resolvConf)
	if err != nil {
		return nil
	}
	outside, stub := parseResolvConf(b)
	if len(outside) == 0 && stub {
		if b, err = os.ReadFile(resolvedConf); err == nil {
			outside, _ = parseResolvConf(b)
		}
	}
	return outside
}

// parseResolvConf reads resolv.conf(5): the nameservers that are not on
// loopback, and whether there was one that is.
func parseResolvConf(text []byte) (outside []string, loopback bool) {
	for line := range strings.Lines(string(text[:min(len(text), maxResolvConf)])) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		a, err := netip.ParseAddr(f[1])
		switch {
		case err != nil || a.Zone() != "": // a link of the host's is none of a container's
		case a.Unmap().IsLoopback():
			loopback = true
		case !slices.Contains(outside, a.Unmap().String()):
			outside = append(outside, a.Unmap().String())
		}
	}
	return outside, loopback
}
