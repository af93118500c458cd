package ruleset

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ParseNFT reads nft -s -n -y list table inet bulwark. An empty listing is an
// empty table.
//
// Rules are kept as they are printed, but for "burst 5 packets": that is the
// default, which nft 1.0.6 leaves out and others may print. All of the table is
// bulwark's: a chain or set that it does not want is one to be removed; what is
// neither is an error.
func ParseNFT(listing []byte) (resource.RuleTable, error) {
	p := &nftParser{own: resource.RuleTable{Family: resource.FamilyInet}}
	p.next = p.outside
	for n, line := range strings.Split(string(listing), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := p.next(line); err != nil {
			return resource.RuleTable{}, fmt.Errorf("cannot read line %d of nft list table, %q: %w", n+1, line, err)
		}
	}
	if p.within {
		return resource.RuleTable{}, errors.New("cannot read nft list table: it ends within the table")
	}
	return p.own, nil
}

// An nftParser reads a line with next, which is the method for the block that
// the line is in.
type nftParser struct {
	own    resource.RuleTable
	next   func(line string) error
	within bool
	// A rule or elements that go on in the next line: the parts so far, how
	// many braces are open, and whether a quote is.
	parts  []string
	open   int
	quoted bool
}

// join returns what began in lines before together with the line, or "" while
// a brace or quote of it is open. A set may have 100,000 lines: they are joined
// once.
func (p *nftParser) join(line string) string {
	if len(p.parts) == 0 && line == "}" {
		return line
	}
	p.parts = append(p.parts, line)
	if p.count(line); p.open > 0 || p.quoted {
		return ""
	}
	line = strings.Join(p.parts, " ")
	p.parts, p.open = nil, 0
	return line
}

// count follows braces and quotes. There are no escapes within quotes.
func (p *nftParser) count(line string) {
	for i, part := range strings.Split(line, `"`) {
		if i > 0 {
			p.quoted = !p.quoted
		}
		if !p.quoted {
			p.open += strings.Count(part, "{") - strings.Count(part, "}")
		}
	}
}

func (p *nftParser) outside(line string) error {
	if line != "table inet "+resource.OwnTable+" {" || p.within {
		return errors.New("want table inet " + resource.OwnTable)
	}
	p.within, p.next = true, p.inTable
	return nil
}

func (p *nftParser) inTable(line string) error {
	kind, rest, _ := strings.Cut(line, " ")
	name, isBlock := strings.CutSuffix(rest, " {")
	switch {
	case line == "}":
		p.within, p.next = false, p.outside
	case kind == "comment" || kind == "flags":
	case kind == "chain" && isBlock:
		p.own.Chains = append(p.own.Chains, resource.RuleChain{Name: name, Rules: []string{}})
		p.next = p.inChain
	case kind == "set" && isBlock:
		p.own.Sets = append(p.own.Sets, resource.AddrSet{Name: name})
		p.next = p.inSet
	default:
		return fmt.Errorf("bulwark did not put this into its table: remove it (nft delete %s inet %s %s)", kind, resource.OwnTable, name)
	}
	return nil
}

func (p *nftParser) inChain(line string) error {
	c := &p.own.Chains[len(p.own.Chains)-1]
	switch line = p.join(line); {
	case line == "":
	case line == "}":
		p.next = p.inTable
	case strings.HasPrefix(line, "type ") && strings.Contains(line, " hook "):
		c.Hook = line
	case !strings.HasPrefix(line, "comment "):
		c.Rules = append(c.Rules, canonicalNFT(line))
	}
	return nil
}

// inSet reads a set's lines; one of a type that bulwark has no sets of stays
// without family and members, and so is not what anyone wants.
func (p *nftParser) inSet(line string) error {
	s := &p.own.Sets[len(p.own.Sets)-1]
	line = p.join(line)
	list, isElements := strings.CutPrefix(line, "elements = {")
	switch {
	case line == "":
	case line == "}":
		p.next = p.inTable
	case line == "type ipv4_addr":
		s.Family = resource.FamilyIP4
	case line == "type ipv6_addr":
		s.Family = resource.FamilyIP6
	case isElements && s.Family != "":
		return elements(s, strings.TrimSuffix(list, "}"))
	}
	return nil
}

func elements(s *resource.AddrSet, list string) error {
	var networks []netip.Prefix
	for e := range strings.SplitSeq(list, ",") {
		found, err := element(strings.TrimSpace(e))
		if err != nil {
			return err
		}
		for _, n := range found {
			if familyOf(n) != s.Family {
				return fmt.Errorf("%s in a set of %s", n, s.Family)
			}
		}
		networks = append(networks, found...)
	}
	s.Members = Merge(networks)
	return nil
}

// element reads an address, a network or a range "a-b".
func element(text string) ([]netip.Prefix, error) {
	if from, to, isRange := strings.Cut(text, "-"); isRange {
		a, errA := netip.ParseAddr(from)
		b, errB := netip.ParseAddr(to)
		if err := errors.Join(errA, errB); err != nil {
			return nil, err
		}
		return span(a, b)
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return []netip.Prefix{netip.PrefixFrom(a.WithZone(""), a.BitLen())}, nil
	}
	n, err := netip.ParsePrefix(text)
	return []netip.Prefix{n}, err
}

// span returns the networks that cover the addresses from a to b: always the
// widest that begins at a and does not go past b.
func span(a, b netip.Addr) ([]netip.Prefix, error) {
	if a.BitLen() != b.BitLen() || b.Less(a) || a.Zone()+b.Zone() != "" {
		return nil, fmt.Errorf("no range goes from %s to %s", a, b)
	}
	var networks []netip.Prefix
	for a.IsValid() && !b.Less(a) {
		n := netip.PrefixFrom(a, a.BitLen())
		for n.Bits() > 0 {
			wider := netip.PrefixFrom(a, n.Bits()-1)
			if wider.Masked() != wider || b.Less(last(wider)) {
				break
			}
			n = wider
		}
		networks = append(networks, n)
		a = last(n).Next()
	}
	return networks, nil
}

// last is the highest address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func canonicalNFT(rule string) string {
	parts := strings.Split(rule, `"`)
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.ReplaceAll(parts[i], " burst 5 packets", "")
	}
	return strings.Join(parts, `"`)
}
