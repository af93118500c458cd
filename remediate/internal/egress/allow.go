package egress

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A grant is one line of the policy for one source and one destination.
type grant struct {
	from    source
	to      netip.Prefix
	ports   []port // nil: every protocol and port
	comment string
}

// A source is who a grant holds for; its zero value is every container.
type source struct {
	in  string       // the bridge that packets come from
	net netip.Prefix // their source address
}

// A conn is a connection that a container opens.
type conn struct {
	in       string
	src, dst netip.Addr
	proto    string // tcp, udp, sctp, icmp (of either family) or another
	port     uint16
}

// allowed says whether some grant lets the connection pass. It is what the
// rules must do, said without rules.
func allowed(grants []grant, c conn) bool {
	return slices.ContainsFunc(grants, func(g grant) bool { return g.lets(c) })
}

func (g grant) lets(c conn) bool {
	return g.to.Contains(c.dst) && g.from.has(c) &&
		(len(g.ports) == 0 || slices.ContainsFunc(g.ports, func(p port) bool { return p.has(c) }))
}

func (f source) has(c conn) bool {
	return (f.in == "" || f.in == c.in) && (!f.net.IsValid() || f.net.Contains(c.src))
}

func (p port) has(c conn) bool {
	return p.proto == c.proto && (p.proto == icmp || p.lo <= c.port && c.port <= p.hi)
}

// grants resolves the lines of the policy.
func grants(want *Want, s *resource.Snapshot) ([]grant, []resource.Impact, *resource.ControlResult) {
	var out []grant
	var notes []resource.Impact
	for i := range want.Allow {
		a := &want.Allow[i]
		got, note, r := resolve(a, s)
		if r != nil {
			r.Reason = a.at() + r.Reason
			return nil, nil, r
		}
		if note != "" {
			notes = append(notes, resource.Impact{Level: resource.NoteImpact, Text: a.at() + note})
		}
		out = append(out, got...)
	}
	return out, notes, nil
}

// at says where the policy has the line.
func (a *Allow) at() string {
	if a.Source == "" {
		return ""
	}
	return a.Source + ": "
}

// resolve returns a grant for each pair of source and destination that have a
// family in common.
func resolve(a *Allow, s *resource.Snapshot) (out []grant, note string, r *resource.ControlResult) {
	ports, err := parsePorts(a.Ports)
	if err != nil {
		return nil, "", resource.Block("correct the line", "%v", err)
	}
	to, r := destinations(a.To, s)
	if r != nil {
		return nil, "", r
	}
	from, note, r := sources(a, s)
	if r != nil {
		return nil, "", r
	}
	for _, f := range from {
		for _, t := range to {
			if !f.net.IsValid() || f.net.Addr().Is4() == t.Addr().Is4() {
				out = append(out, grant{f, t, ports, a.Comment})
			}
		}
	}
	if len(out) == 0 && note == "" {
		note = fmt.Sprintf("the line for %s allows nothing: its containers and its destination have no address family in common", a.To)
	}
	return out, note, nil
}

// destinations of a line: the addresses of a name are those that the snapshot
// holds.
func destinations(to string, s *resource.Snapshot) ([]netip.Prefix, *resource.ControlResult) {
	if p, ok := destination(to); ok {
		return []netip.Prefix{p}, nil
	}
	const remedy = "correct the name or the host's resolver, or write addresses"
	fact, asked := s.Resolved[to]
	addresses, ok := fact.Get()
	switch {
	case !asked:
		return nil, resource.CannotRead(remedy, "cannot resolve %s: it was not looked up", to)
	case !ok:
		cannot := "cannot resolve " + to + ": "
		return nil, resource.CannotRead(remedy, "%s%s", cannot, strings.TrimPrefix(fact.Unknown, cannot))
	case len(addresses) == 0:
		return nil, resource.CannotRead(remedy, "cannot resolve %s: it has no address", to)
	}
	var out []netip.Prefix
	for _, text := range addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, resource.CannotRead(remedy, "cannot resolve %s: %q is no address", to, text)
		}
		out = append(out, single(a))
	}
	return out, nil
}
