package kinds

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type egressKind struct{ egress.Kind }

// Observe reads netfilter only for a policy that asks about it: it costs
// programs, and a policy without the section needs none of it.
func (k egressKind) Observe(ctx context.Context, p *plans.Policy, r resource.Reader, s *resource.Snapshot) {
	if p != nil && p.Egress == nil {
		s.Networks = resource.Unknown[[]resource.Network](resource.NotAsked)
		s.Firewall = resource.Unknown[resource.Firewall](resource.NotAsked)
		s.Flows = resource.Unknown[[]resource.Flow](resource.NotAsked)
		s.Loader = resource.Unknown[resource.Unit](resource.NotAsked)
		s.Rules = resource.Unknown[resource.File](resource.NotAsked)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Resolved = resolve(ctx, r, names(p)) })
	k.Kind.Observe(ctx, r, s)
	wg.Wait()
}

// names are the destinations of a policy that DNS has to tell.
func names(p *plans.Policy) []string {
	if p == nil {
		return nil
	}
	var out []string
	for _, a := range p.Egress.Allow {
		_, notAddress := netip.ParseAddr(a.To)
		_, notNetwork := netip.ParsePrefix(a.To)
		if notAddress != nil && notNetwork != nil && !slices.Contains(out, a.To) {
			out = append(out, a.To)
		}
	}
	return out
}

// resolvers bounds concurrent questions to the name servers.
const resolvers = 16

func resolve(ctx context.Context, r resource.Reader, names []string) map[string]resource.Fact[[]string] {
	found := make([]resource.Fact[[]string], len(names))
	limit := make(chan struct{}, resolvers)
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			addrs, err := r.Resolve(ctx, name)
			if err != nil {
				found[i] = resource.Unknown[[]string](strings.TrimPrefix(err.Error(), "cannot resolve "+name+": "))
				return
			}
			found[i] = resource.Known(addrs)
		})
	}
	wg.Wait()
	out := map[string]resource.Fact[[]string]{}
	for i, name := range names {
		out[name] = found[i]
	}
	return out
}

func (k egressKind) Diff(p *plans.Policy, s *resource.Snapshot, _ []string) resource.Result {
	return k.Kind.Diff(egressWant(p), s)
}

// egressWant translates the policy's section; nil means not managed.
func egressWant(p *plans.Policy) *egress.Want {
	e := p.Egress
	if e == nil {
		return nil
	}
	w := &egress.Want{
		Off: e.Default == "allow", Backend: e.Backend, Interfaces: e.Interfaces,
		ICC: e.ICC != "deny", Host: e.Host != "deny", Cut: e.Established == "cut",
		EmbeddedDNS: e.DNS.Embedded != "deny", DNSServers: e.DNS.Servers, DaemonDNS: daemonKey[[]string](p, "dns"),
	}
	w.DaemonIPTables, w.DaemonIP6Tables = daemonKey[*bool](p, "iptables"), daemonKey[*bool](p, "ip6tables")
	if e.Log.Enabled {
		w.Log = &egress.Log{Rate: e.Log.Rate, Prefix: e.Log.Prefix, NFLog: e.Log.NFLog}
	}
	for i, a := range e.Allow {
		line := egress.Allow{To: a.To, Ports: a.Ports, Comment: a.Comment, Source: p.Origin(fmt.Sprintf("egress.allow[%d]", i))}
		if a.From != nil {
			line.Network, line.Label, line.Subnet = a.From.Network, a.From.Label, a.From.Subnet
		}
		w.Allow = append(w.Allow, line)
	}
	return w
}

// daemonKey is a key of daemon.json as the policy has it; zero if the policy
// does not state it.
func daemonKey[T any](p *plans.Policy, key string) T {
	var v T
	if err := json.Unmarshal(p.Daemon[key], &v); err != nil {
		var none T
		return none
	}
	return v
}
