package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// leaving is one way out of a container.
type leaving struct {
	kind string
	v6   bool
}

// end is where it leads: an address, and that with a port.
func (e leaving) end(t Target) (ip, address string, port int, why string) {
	ip, why = t.IP4, t.Why4
	if e.v6 {
		ip, why = t.IP6, t.Why6
	}
	switch e.kind {
	case "icmp":
		return ip, ip, 0, why
	case "http":
		port = t.HTTP
	default:
		port = t.Port
	}
	return ip, hostPort(ip, port), port, why
}

func (e leaving) run(ctx context.Context, l Lab) Outcome {
	// First the network: dockerd may begin to forward IPv6 with it.
	if _, err := l.Network(ctx, "near"); err != nil {
		return unable("%v", err)
	}
	t, err := l.Away(ctx, e.v6)
	if err != nil {
		return unable("there is no host outside to attack: %v", err)
	}
	ip, address, port, why := e.end(t)
	if ip == "" {
		return unable("a host outside cannot be reached over %s: %s", version(e.v6), why)
	}
	if line := allowing(l.Policy(), e.kind, ip, port); line != "" {
		return unable("%s allows what would be tried", line)
	}
	positive, err := fromHost(t, e.kind, address)
	if err != nil {
		return unable("%v", err)
	}
	from, gaps, err := e.from(ctx, l, t)
	if err != nil {
		return unable("%v", err)
	}
	o := out(ctx, l, t, from, e.kind+"/"+address)
	o.Positive, o.Evidence = positive, append(o.Evidence, gaps...)
	return o
}

// fromHost shows that the host outside can be reached, and that it is counted.
func fromHost(t Target, kind, address string) (string, error) {
	var what string
	for range fromHostTries {
		t.Seen()
		if what = t.Ask(kind, address); t.Seen() > 0 {
			return t.Reached + ": " + kind + " " + address + ": " + what, nil
		}
	}
	return "", errors.New("the host itself does not reach the host outside (" + kind + " " + address + ": " + what + "), so that its silence proves nothing")
}

// fromHostTries: over a link that has just come up the first packet may be lost,
// and the next is sent after as long as a try lasts.
const fromHostTries = 3

// from are the networks whose containers the host would route to the target.
func (e leaving) from(ctx context.Context, l Lab, t Target) ([]place, []string, error) {
	from, gaps, err := places(ctx, l, e.v6)
	if err != nil {
		return nil, nil, err
	}
	if len(from) == 0 {
		return nil, nil, errors.New("no container can try it: " + strings.Join(append(gaps, "the policy's rules hold for no other network"), "; "))
	}
	for _, p := range from {
		if p.address == "" {
			continue
		}
		if err := t.Leads(p.address); err != nil {
			return nil, nil, err
		}
	}
	return from, gaps, nil
}

// out attacks from all places side by side, and judges by what arrived.
func out(ctx context.Context, l Lab, t Target, from []place, spec string) Outcome {
	t.Seen()
	var wg sync.WaitGroup
	tries, errs := make([][]try, len(from)), make([]error, len(from))
	for i, p := range from {
		wg.Go(func() { tries[i], errs[i] = reach(ctx, l, p.network, spec) })
	}
	wg.Wait()
	o := Outcome{Verdict: resource.Holds, Observed: "nothing " + t.Arrived}
	answered := false
	for i, p := range from {
		for _, tr := range tries[i] {
			o.Evidence = append(o.Evidence, "from "+p.title+": "+tr.String())
			answered = answered || tr.through()
		}
	}
	switch n := t.Seen(); {
	case n > 0:
		o.Verdict, o.Observed = resource.Fails, fmt.Sprintf("%d %s %s", n, plural(n, "packet"), t.Arrived)
	case answered:
		o.Verdict, o.Observed = resource.Fails, "something answered in the place of the host outside"
	case errors.Join(errs...) != nil:
		o.Verdict, o.Observed = resource.Unable, errors.Join(errs...).Error()
	}
	return o
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// askMetadata asks for the credentials of a cloud's host.
func askMetadata(ctx context.Context, l Lab) Outcome {
	t, err := l.Target(ctx)
	if err != nil {
		return unable("there is no host outside to attack: %v", err)
	}
	switch line := allowing(l.Policy(), "http", t.Metadata, t.HTTP); {
	case t.Metadata == "":
		return unable("a host outside cannot be reached: %s", t.WhyMetadata)
	case line != "":
		return unable("%s allows what would be tried", line)
	case !covers(l.Policy(), "br-0"):
		return unable("the policy's rules do not hold for new networks")
	}
	n, err := l.Network(ctx, "near")
	if err != nil {
		return unable("%v", err)
	}
	if err := t.Steer(n.Gateway); err != nil {
		return unable("%v", err)
	}
	positive, err := fromHost(t, "http", hostPort(t.IP4, t.HTTP))
	if err != nil {
		return unable("%v", err)
	}
	o := out(ctx, l, t, []place{{n.Name, "a network of its own", n.Gateway}}, "http/"+hostPort(t.Metadata, t.HTTP))
	o.Positive = positive + "; for this network the host routes " + t.Metadata + " there"
	return o
}

// tryAllowed looks for a line that the target can stand for.
func tryAllowed(ctx context.Context, l Lab) Outcome {
	if p := l.Policy(); p == nil || p.Egress == nil || len(p.Egress.Allow) == 0 {
		return Outcome{Verdict: resource.NotWanted, Observed: "the policy allows no destination"}
	}
	for _, v6 := range []bool{false, true} {
		t, err := l.Away(ctx, v6)
		if err != nil {
			return unable("there is no host outside to attack: %v", err)
		}
		for _, line := range l.Policy().Egress.Allow {
			if e, port, ok := standsFor(line, t, v6); ok {
				return e.allowed(ctx, l, t, port)
			}
		}
	}
	return unable("the host outside stands for none of the destinations that the policy allows, and others are not tried: an attempt from here would reach them")
}

// standsFor finds a way to try a line for all containers.
func standsFor(line plans.EgressRule, t Target, v6 bool) (e leaving, port int, ok bool) {
	e = leaving{"tcp", v6}
	ip, _, port, _ := e.end(t)
	switch {
	case line.From != nil, ip == "", !covering(line.To, ip):
		return e, 0, false
	case len(line.Ports) == 0:
		return e, port, true
	}
	numbers, proto, _ := strings.Cut(line.Ports[0], "/")
	if numbers == "icmp" {
		return leaving{"icmp", v6}, 0, true
	}
	first, _ := portRange(numbers)
	return leaving{proto, v6}, first, proto == "tcp" || proto == "udp"
}

func (e leaving) allowed(ctx context.Context, l Lab, t Target, port int) Outcome {
	address, _, _, _ := e.end(t)
	if e.kind != "icmp" {
		address = hostPort(address, port)
	}
	positive, err := fromHost(t, e.kind, address)
	if err != nil {
		return unable("%v", err)
	}
	from, gaps, err := e.from(ctx, l, t)
	if err != nil {
		return unable("%v", err)
	}
	o := out(ctx, l, t, from[:1], e.kind+"/"+address)
	switch o.Verdict {
	case resource.Fails:
		o.Verdict = resource.Holds
	case resource.Holds:
		o.Verdict = resource.Fails
	}
	o.Positive, o.Evidence = positive, append(o.Evidence, gaps...)
	return o
}
