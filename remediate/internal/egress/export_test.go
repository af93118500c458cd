package egress

import (
	"net/netip"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Conn is a connection for tests to ask about.
type Conn struct {
	In       string
	Src, Dst netip.Addr
	Proto    string
	Port     uint16
}

// Compiled is a program for tests: its rules, and what the policy itself says
// of connections.
type Compiled struct{ p *program }

// Compile is compile for tests.
func Compile(want *Want, s *resource.Snapshot) (Compiled, string) {
	p, r := compile(want, s, s.Firewall.Value)
	if r != nil {
		return Compiled{}, r.Reason
	}
	return Compiled{p}, ""
}

// Rules are those of the program.
func (c Compiled) Rules() []resource.Ruleset { return c.p.ruleset() }

// Lets is the evaluator's answer on a host whose interfaces have the addresses
// links. It is asked about connections that are there; that a container cannot
// open one with an address not of its network is the host's routing to say.
func (c Compiled) Lets(x Conn, links map[string][]string) bool {
	held := slices.ContainsFunc(c.p.ifaces, func(i string) bool { return matches(i, x.In) }) && !slices.Contains(c.p.exempt, x.In)
	home := slices.ContainsFunc(links[x.In], func(l string) bool { return netip.MustParsePrefix(l).Masked().Contains(x.Src) })
	return (home || !held) && c.p.lets(conn{in: x.In, src: x.Src, dst: x.Dst, proto: x.Proto, port: x.Port})
}
