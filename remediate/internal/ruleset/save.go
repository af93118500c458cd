package ruleset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// ErrIncompatible is in the error of ParseSave when iptables-nft-save shows
// nothing of the table, because nft put rules into it that iptables has no
// words for.
var ErrIncompatible = errors.New("nft put rules into the table that iptables cannot show: look at it with nft list ruleset, " +
	"and move those rules to a table of their own")

// maxForward is how many rules of FORWARD are kept.
const maxForward = 64

// ParseSave reads iptables-save -t filter: bulwark's own part (without sets,
// which iptables does not know), and what matters of the others'.
//
// Rules are kept as they are printed, but for the protocol ICMPv6 in own ones:
// old programs (libxtables' table of protocols, before it was re-ordered) call it
// icmpv6, not ipv6-icmp, where /etc/protocols does not name it.
//
// A foreign rule that is just "-j BULWARK-X" is a Jump, and not part of
// Filter.Forward. One that leads to an own chain by other means (a match, a
// comment, -g) was not made by bulwark, which may not remove it and could not
// remove the chain under it: that is an error.
func ParseSave(family, variant string, text []byte) (own resource.RuleTable, other resource.Filter, err error) {
	p := &saveParser{
		own:   resource.RuleTable{Family: family},
		other: resource.Filter{Family: family, Variant: variant},
		rules: map[string]int{}, at: map[string]int{},
	}
	lines := strings.Split(string(text), "\n")
	for n := 0; n < len(lines); n++ {
		line, more := logical(lines[n:])
		if err := p.line(strings.TrimRight(line, "\r")); err != nil {
			return resource.RuleTable{}, resource.Filter{}, fmt.Errorf("cannot read line %d of iptables-save, %q: %w", n+1, line, err)
		}
		n += more
	}
	if p.table != "" {
		return resource.RuleTable{}, resource.Filter{}, fmt.Errorf("cannot read iptables-save: it ends without COMMIT")
	}
	slices.SortFunc(p.own.Chains, func(a, b resource.RuleChain) int { return strings.Compare(a.Name, b.Name) })
	return p.own, p.other, nil
}

// logical returns the first line, and with it the lines that belong to it and
// their number: a comment may hold a newline, which is printed as it is. A
// quote that nothing closes before COMMIT is just a character.
func logical(lines []string) (line string, more int) {
	q := newQuotes()
	q.read(lines[0])
	for i, next := range lines[1:] {
		if !q.inside || next == "COMMIT" {
			break
		}
		q.read("\n" + next)
		if !q.inside {
			return strings.Join(lines[:i+2], "\n"), i + 1
		}
	}
	return lines[0], 0
}

// quotes tells whether text ends within quotes, however much of it was read.
// They begin with a word: names of interfaces are printed as they are, and one
// may have a quote in it.
type quotes struct {
	inside, escaped bool
	last            byte
}

func newQuotes() quotes { return quotes{last: ' '} }

func (q *quotes) read(text string) {
	for i := range len(text) {
		switch c := text[i]; {
		case q.escaped:
			q.escaped = false
		case q.inside && c == '\\':
			q.escaped = true
		case c == '"':
			q.inside = !q.inside && q.last == ' '
		}
		q.last = text[i]
	}
}

type saveParser struct {
	own   resource.RuleTable
	other resource.Filter
	table string         // the one that is open
	rules map[string]int // number of rules for each chain seen
	at    map[string]int // of each own chain
}

func (p *saveParser) line(line string) error {
	switch {
	case strings.HasPrefix(line, "#"):
		return comment(line)
	case line == "":
		return nil
	case strings.HasPrefix(line, "*"):
		return p.open(line[1:])
	case p.table == "":
		return errors.New("no table is open")
	case line == "COMMIT":
		p.table = ""
		return nil
	case p.table != "filter":
		return nil
	case strings.HasPrefix(line, ":"):
		return p.chain(line[1:])
	}
	return p.rule(line)
}

// comment looks for "# Table `filter' is incompatible, use 'nft' tool.", which
// is all that iptables-nft-save says of such a table, with exit code 0.
func comment(line string) error {
	if strings.Contains(line, "`filter'") && strings.Contains(line, "incompatible") {
		return ErrIncompatible
	}
	return nil
}

func (p *saveParser) open(name string) error {
	if p.table != "" {
		return errors.New("the table before has no COMMIT")
	}
	p.table = name
	return nil
}

// chain reads "NAME POLICY [packets:bytes]".
func (p *saveParser) chain(line string) error {
	name, rest, _ := strings.Cut(line, " ")
	policy, _, _ := strings.Cut(rest, " ")
	if _, twice := p.rules[name]; twice || name == "" || policy == "" {
		return errors.New("want a new chain and its policy")
	}
	p.rules[name] = 0
	switch {
	case ownChain(name):
		p.at[name] = len(p.own.Chains)
		p.own.Chains = append(p.own.Chains, resource.RuleChain{Name: name, Rules: []string{}})
	case name == "FORWARD":
		p.other.ForwardPolicy = policy
	case name == "DOCKER-USER":
		p.other.DockerUser = true
	case name == "DOCKER" || strings.HasPrefix(name, "DOCKER-"):
		p.other.Docker = true
	}
	return nil
}

// rule reads "[packets:bytes] -A NAME RULE"; the counters are there with -c.
func (p *saveParser) rule(line string) error {
	if strings.HasPrefix(line, "[") {
		_, line, _ = strings.Cut(line, "] ")
	}
	body, is := strings.CutPrefix(line, "-A ")
	name, rule, _ := strings.Cut(body, " ")
	if _, known := p.rules[name]; !is || !known {
		return errors.New("want -A, a chain of this table and a rule")
	}
	p.rules[name]++
	if ownChain(name) {
		p.addOwn(name, rule)
		return nil
	}
	return p.foreign(name, rule)
}

func (p *saveParser) addOwn(name, rule string) {
	i := p.at[name]
	p.own.Chains[i].Rules = append(p.own.Chains[i].Rules, canonicalSaved(rule))
}

func canonicalSaved(rule string) string {
	head, text, quote := strings.Cut(rule, `"`)
	head = strings.ReplaceAll(head, "-p icmpv6 ", "-p ipv6-icmp ")
	if !quote {
		return head
	}
	return head + `"` + text
}

func (p *saveParser) foreign(chain, rule string) error {
	to := leadsTo(rule)
	switch {
	case to != "" && rule == "-j "+to:
		p.own.Jumps = append(p.own.Jumps, resource.Jump{From: chain, To: to, At: p.rules[chain]})
	case to != "":
		return fmt.Errorf("the rule leads to %s, but bulwark did not make it: remove it (%s -D %s %d)",
			to, program(p.own.Family, p.other.Variant), chain, p.rules[chain])
	case chain == "FORWARD" && len(p.other.Forward) < maxForward:
		p.other.Forward = append(p.other.Forward, rule)
	}
	return nil
}

// leadsTo returns the own chain that a rule jumps or goes to, if any. Chain
// names are never quoted, and a quoted text can be no word of its own.
func leadsTo(rule string) string {
	words := unquoted(rule)
	for i, w := range words[:max(len(words)-1, 0)] {
		if (w == "-j" || w == "-g") && ownChain(words[i+1]) {
			return words[i+1]
		}
	}
	return ""
}

// unquoted splits a rule into words, a quoted text being one.
func unquoted(rule string) []string {
	var words []string
	q, begin := newQuotes(), 0
	for i := range len(rule) {
		if rule[i] == ' ' && !q.inside {
			words = append(words, rule[begin:i])
			q, begin = newQuotes(), i+1
			continue
		}
		q.read(rule[i : i+1])
	}
	if begin < len(rule) {
		words = append(words, rule[begin:])
	}
	return words
}

func ownChain(name string) bool { return strings.HasPrefix(name, resource.OwnChainPrefix) }

// program is what writes to a table.
func program(family, variant string) string {
	if family == resource.FamilyIP6 {
		return "ip6tables-" + variant
	}
	return "iptables-" + variant
}
