package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// askPublished asks a container by its published port.
func askPublished(ctx context.Context, l Lab) Outcome {
	t, err := l.Target(ctx)
	if err != nil {
		return unable("there is no host outside to ask from: %v", err)
	}
	n, err := l.Network(ctx, "near")
	if err != nil {
		return unable("%v", err)
	}
	s, err := serve(ctx, l, Box{Network: n.Name, Publish: servicePort + "/tcp"})
	if err != nil {
		return unable("%v", err)
	}
	defer s.stop(ctx)
	at, ok := published(s)
	if !ok {
		return unable("the daemon published no port over IPv4: %q", s.Published())
	}
	o := Outcome{Verdict: resource.Holds, Observed: "it answers"}
	o.Evidence = append(o.Evidence, "published at "+at.String())
	if what := t.Ask("tcp", reachable(at, "127.0.0.1")); what != "answered" {
		o.Verdict, o.Observed = resource.Fails, "from the host: "+what
	}
	if !at.Addr().IsLoopback() {
		o = fromOutside(ctx, t, at, o)
	}
	if err := t.Dial(ctx, hostPort(t.Host4, 1)); err == nil && t.Host4 != "" {
		return unable("a port on which nobody listens answers too")
	}
	o.Positive = "a port that nobody has published does not answer"
	return o
}

func fromOutside(ctx context.Context, t Target, at netip.AddrPort, o Outcome) Outcome {
	if t.Host4 == "" {
		return unable("it cannot be asked from outside: %s", t.Why4)
	}
	if err := t.Dial(ctx, reachable(at, t.Host4)); err != nil {
		o.Verdict, o.Observed = resource.Fails, "from outside: "+err.Error()
	}
	return o
}

// published is where a server's port is, over IPv4.
func published(s server) (netip.AddrPort, bool) {
	for _, p := range s.Published() {
		if a, err := netip.ParseAddrPort(p); err == nil && a.Addr().Is4() {
			return a, true
		}
	}
	return netip.AddrPort{}, false
}

// reachable is a published port for who comes by an address of the host.
func reachable(at netip.AddrPort, host string) string {
	if !at.Addr().IsUnspecified() {
		return at.String()
	}
	return hostPort(host, int(at.Port()))
}

// binding is the option of a bridge network that daemon.json can set for new
// ones (Engine 24).
const binding = "com.docker.network.bridge.host_binding_ipv4"

// bindings are the addresses that a policy wants ports published at: on the
// default bridge and on other networks. "" is no word of the policy's.
func bindings(p *plans.Policy) (bridge, others string) {
	if p == nil {
		return "127.0.0.1", "127.0.0.1"
	}
	_ = json.Unmarshal(p.Daemon["ip"], &bridge) // "" if it is absent or null
	var drivers map[string]map[string]string
	_ = json.Unmarshal(p.Daemon["default-network-opts"], &drivers)
	return bridge, drivers["bridge"][binding]
}

func bindsBridge(p *plans.Policy) bool {
	bridge, _ := bindings(p)
	return bridge != ""
}

func bindsNetworks(p *plans.Policy) bool {
	_, others := bindings(p)
	return others != ""
}

func publishOnBridge(ctx context.Context, l Lab) Outcome {
	bridge, _ := bindings(l.Policy())
	return publishAnywhere(ctx, l, "bridge", bridge)
}

// publishOnNetwork cannot blame a daemon that has no setting for it: the plan
// says that it is blocked there.
func publishOnNetwork(ctx context.Context, l Lab) Outcome {
	n, err := l.Network(ctx, "near")
	if err != nil {
		return unable("%v", err)
	}
	_, others := bindings(l.Policy())
	o := publishAnywhere(ctx, l, n.Name, others)
	if e, ok := l.Snapshot().Engine.Get(); ok && o.Verdict == resource.Fails && before24(e.Version) {
		return Outcome{
			Verdict: resource.Unable, Observed: fmt.Sprintf("%s, and Engine %s has no setting for it (default-network-opts is new in 24): give each network the option %s", o.Observed, e.Version, binding),
			Positive: o.Positive, Evidence: o.Evidence,
		}
	}
	return o
}

func before24(version string) bool {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n < 24
}

// publishAnywhere publishes without an address, and for the positive control with
// the one that stands for all.
func publishAnywhere(ctx context.Context, l Lab, network, want string) Outcome {
	t, err := l.Target(ctx)
	if err != nil {
		return unable("there is no host outside to ask from: %v", err)
	}
	positive, err := publishOpen(ctx, l, t, network)
	if err != nil {
		return unable("%v", err)
	}
	at, err := publishOn(ctx, l, Box{Network: network})
	if err != nil {
		return unable("%v", err)
	}
	o := Outcome{Verdict: resource.Holds, Positive: positive, Observed: "published at " + strings.Join(at, ", ")}
	if !allAt(at, want) {
		o.Verdict = resource.Fails
	}
	return o
}

// publishOn publishes a port and says where the daemon put it.
func publishOn(ctx context.Context, l Lab, b Box) ([]string, error) {
	b.Publish = servicePort + "/tcp"
	s, err := serve(ctx, l, b)
	if err != nil {
		return nil, err
	}
	defer s.stop(ctx)
	return s.Published(), nil
}

// allAt reports whether each address is the wanted one. Of IPv6, for which there
// is no such option, loopback is fine where loopback is wanted.
func allAt(at []string, want string) bool {
	w, err := netip.ParseAddr(want)
	for _, p := range at {
		a, perr := netip.ParseAddrPort(p)
		if err != nil || perr != nil || a.Addr() != w && !(w.IsLoopback() && a.Addr().IsLoopback()) {
			return false
		}
	}
	return len(at) > 0
}

func publishOpen(ctx context.Context, l Lab, t Target, network string) (string, error) {
	if t.Host4 == "" {
		return "", fmt.Errorf("it cannot be asked from outside: %s", t.Why4)
	}
	s, err := serve(ctx, l, Box{Network: network, Publish: servicePort + "/tcp", PublishIP: "0.0.0.0"})
	if err != nil {
		return "", err
	}
	defer s.stop(ctx)
	at, ok := published(s)
	if !ok {
		return "", fmt.Errorf("the daemon published no port over IPv4: %q", s.Published())
	}
	if err := t.Dial(ctx, reachable(at, t.Host4)); err != nil {
		return "", fmt.Errorf("a port published at 0.0.0.0 is not reachable from outside: %v", err)
	}
	return "published at 0.0.0.0, it answers the host outside", nil
}
