package control

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// judgeTLS looks at where the daemon listens, whoever configured it.
func judgeTLS(t *tally) {
	open, unknown := tcpAddresses(t)
	if len(open) == 0 && t.tlsOnly() {
		open = append(open, "127.0.0.1:2376")
	}
	if unknown != "" {
		t.unknown(resource.DaemonObject, daemonObject, unknown)
	}
	if len(open) == 0 && unknown == "" {
		t.nothing("the daemon does not listen on TCP")
		return
	}
	verify := daemonjson.Current(t.s, "tlsverify")
	for _, a := range open {
		switch {
		case verify.Unknown != "":
			t.unknown(resource.SocketObject, a, verify.Unknown)
		case string(verify.Value) != "true":
			t.fail(resource.Finding{
				Kind: resource.SocketObject, Object: a,
				Observed: doubted(fmt.Sprintf("the API listens here and tlsverify is %s (%s)", orUnset(verify.Value), verify.Origin), verify),
				Expected: "tlsverify with a CA of one's own",
			})
		case verify.Doubt != "":
			t.unknown(resource.SocketObject, a, doubted("tlsverify is true in "+verify.Origin, verify))
		default:
			t.holds(1)
		}
	}
}

// tlsOnly: with tls and without an address dockerd takes this one instead of its
// socket (moby daemon/command/daemon.go).
func (t *tally) tlsOnly() bool {
	return len(list(daemonjson.Current(t.s, "hosts").Value)) == 0 && usesTLS(t.s)
}

// tcpAddresses are those of flags and file, and of the sockets that dockerd
// really has open.
func tcpAddresses(t *tally) (open []string, unknown string) {
	set := daemonjson.Current(t.s, "hosts")
	covered := map[string]bool{portOf(text(daemonjson.Current(t.s, "metrics-addr").Value)): true}
	for _, h := range list(set.Value) {
		if a, ok := tcpAddress(h); ok {
			open = append(open, a)
			covered[portOf(a)] = true
		}
	}
	listeners, why := t.listeners()
	p, alive := t.s.Process.Get()
	for _, l := range listeners {
		if alive && l.PID == p.PID && strings.HasPrefix(l.Proto, "tcp") && !t.swarmPort(l.Port) && !covered[strconv.Itoa(l.Port)] {
			open = append(open, address(l))
		}
	}
	if why == "" && handedOver(set) && slices.ContainsFunc(listeners, func(l resource.Listener) bool { return l.PID == 0 }) {
		why = "whether dockerd got a socket of TCP from systemd, only root can see"
	}
	return open, unsure(set, why)
}

// listeners are the host's, or why they are not known.
func (t *tally) listeners() ([]resource.Listener, string) {
	if t.s.Survey.Unknown != "" {
		return nil, t.s.Survey.Unknown
	}
	return t.s.Survey.Value.Listeners.Value, t.s.Survey.Value.Listeners.Unknown
}

// unsure says why there may be an address that the setting does not name: it is
// not certain, or leaves the sockets to systemd, and they were not seen.
func unsure(set daemonjson.Setting, unseen string) string {
	switch {
	case unseen == "":
		return ""
	case set.Unknown != "":
		return set.Unknown
	case set.Doubt != "":
		return doubted("hosts was read in "+set.Origin, set)
	case handedOver(set):
		return "dockerd gets its sockets from systemd, and they are not known: " + unseen
	}
	return ""
}

// handedOver reports whether dockerd takes sockets that systemd opened.
func handedOver(set daemonjson.Setting) bool {
	return slices.ContainsFunc(list(set.Value), func(h string) bool { return strings.HasPrefix(h, "fd://") })
}

// tcpAddress reads an address of -H; one without a scheme is TCP, whatever it is
// (ParseDaemonHost of moby daemon/pkg/opts/hosts.go).
func tcpAddress(host string) (string, bool) {
	scheme, a, found := strings.Cut(strings.TrimSpace(host), "://")
	if !found {
		return scheme, scheme != ""
	}
	return a, scheme == "tcp"
}

// swarmPort reports a port of a swarm's dockerd that is not the API's: 2377
// management, 7946 gossip.
func (t *tally) swarmPort(port int) bool {
	e, ok := t.s.Engine.Get()
	return (port == 2377 || port == 7946) && (!ok || e.Swarm != "inactive")
}

// portOf is what stands behind the last colon.
func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
