package probe

import (
	"context"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func iccDenied(p *plans.Policy) bool {
	return p == nil || string(p.Daemon["icc"]) == "false" || iccByEgress(p)
}

func iccByEgress(p *plans.Policy) bool {
	return p != nil && p.Egress != nil && p.Egress.Default == "deny" && p.Egress.ICC == "deny"
}

// tryNeighbour attacks from one container to the next on the same network.
func tryNeighbour(ctx context.Context, l Lab) Outcome {
	var on []string
	if _, why := defaultBridge(l, false); why == "" && (!iccByEgress(l.Policy()) || covers(l.Policy(), "docker0")) {
		on = append(on, "bridge")
	}
	if iccByEgress(l.Policy()) && covers(l.Policy(), "br-0") {
		n, err := l.Network(ctx, "near")
		if err != nil {
			return unable("%v", err)
		}
		on = append(on, n.Name)
	}
	all := unable("there is no network that the policy's word on it holds for")
	for _, network := range on {
		o := between(ctx, l, network, network)
		o.Evidence = append(all.Evidence, o.Evidence...)
		if all = o; o.Verdict != resource.Holds {
			return o
		}
	}
	return all
}

// tryOtherNetwork attacks from one network to another.
func tryOtherNetwork(ctx context.Context, l Lab) Outcome {
	near, err := l.Network(ctx, "near")
	if err != nil {
		return unable("%v", err)
	}
	far, err := l.Network(ctx, "far")
	if err != nil {
		return unable("%v", err)
	}
	return between(ctx, l, near.Name, far.Name)
}

// between attacks from a container on one network to one on another or the same.
func between(ctx context.Context, l Lab, from, to string) Outcome {
	s, err := serve(ctx, l, Box{Network: to})
	if err != nil {
		return unable("%v", err)
	}
	defer s.stop(ctx)
	if s.ip == "" {
		return unable("a container on %s has no IPv4 address", to)
	}
	service := s.ip + ":" + servicePort
	if line := allowing(l.Policy(), "tcp", s.ip, 7); line != "" {
		return unable("%s allows what would be tried", line)
	}
	positive := "the other answers itself"
	if t, err := l.Target(ctx); err == nil {
		positive += "; the host asks it: " + t.Ask("tcp", service)
	}
	tries, err := reach(ctx, l, from, "tcp/"+service, "udp/"+service, "icmp/"+s.ip)
	return refused(tries, err, positive)
}

// refused judges tries of which none may get through.
func refused(tries []try, err error, positive string) Outcome {
	o := Outcome{Verdict: resource.Holds, Observed: "no answer", Positive: positive, Evidence: lines(tries)}
	switch through := got(tries); {
	case through != "":
		o.Verdict, o.Observed = resource.Fails, through
	case err != nil:
		o.Verdict, o.Observed = resource.Unable, err.Error()
	}
	return o
}

// tryHost attacks a service of the host.
func tryHost(ctx context.Context, l Lab) Outcome {
	port, err := l.Listen(ctx)
	if err != nil {
		return unable("%v", err)
	}
	t, err := l.Target(ctx)
	if err != nil {
		return unable("%v", err)
	}
	if !covers(l.Policy(), "br-0") {
		return unable("the policy's rules do not hold for new networks")
	}
	n, err := l.Network(ctx, "near")
	if err != nil {
		return unable("%v", err)
	}
	var specs []string
	positive := "the host itself reaches it:"
	for _, ip := range []string{n.Gateway, t.Host4} {
		if ip == "" {
			continue
		}
		address := hostPort(ip, port)
		line, what := allowing(l.Policy(), "tcp", ip, port), t.Ask("tcp", address)
		switch {
		case line != "":
			return unable("%s allows what would be tried", line)
		case what != "answered":
			return unable("the host does not answer itself at %s: %s", address, what)
		}
		specs, positive = append(specs, "tcp/"+address), positive+" "+address
	}
	tries, err := reach(ctx, l, n.Name, specs...)
	return refused(tries, err, positive)
}
