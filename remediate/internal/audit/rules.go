package audit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A refusal says why nothing of the section can be served.
type refusal struct {
	status         resource.Status
	reason, remedy string
}

func blocked(remedy, format string, args ...any) *refusal {
	return &refusal{resource.Blocked, fmt.Sprintf(format, args...), remedy}
}

func unread(remedy, format string, args ...any) *refusal {
	return &refusal{resource.Unread, fmt.Sprintf(format, args...), remedy}
}

// wanted parses the rules of the policy's groups and its own. One that auditd
// would refuse is a refusal of all: a rule of the policy that is passed over
// would be a hole that nobody sees.
func (p *plan) compile() *refusal {
	for _, group := range groupOrder {
		if !slices.Contains(p.want.Groups, group) {
			continue
		}
		for _, d := range rulesOf(group, p.site, finder{p.at, p.pass}) {
			r, err := auditrules.Parse(d.text, p.at)
			if err != nil {
				return blocked("report this as a fault of bulwark, or leave the group out", "the group %s has the rule %q, which does not fit this host: %v", group, d.text, err)
			}
			p.add(line{group, d.comment, r})
		}
	}
	for _, own := range p.want.Rules {
		r, err := auditrules.Parse(own.Text, p.at)
		if err != nil {
			return blocked("correct the rule", "%s: %s: %v", own.Source, own.Key, err)
		}
		p.addOwn(own, r)
	}
	return nil
}

// pass notes what no rule can watch.
func (p *plan) pass(path, why string) { p.warn("%s is not watched: %s", path, why) }

// add takes a rule up once, and none that a file of others states: auditctl
// ends a load at a rule that is there already.
func (p *plan) add(l line) (taken bool) {
	if p.elsewhere[string(l.rule.Wire)] != "" || p.has(l.rule) {
		return false
	}
	p.lines = append(p.lines, l)
	return true
}

func (p *plan) has(r auditrules.Rule) bool {
	return slices.ContainsFunc(p.lines, func(l line) bool { return bytes.Equal(l.rule.Wire, r.Wire) })
}

func (p *plan) addOwn(own Rule, r auditrules.Rule) {
	where := own.Source + ": " + own.Key
	for _, w := range r.Warnings {
		p.warn("%s: %s", where, w.Text)
	}
	if at := p.elsewhere[string(r.Wire)]; at != "" {
		p.note("%s: %s states this rule already, so it is not written again", where, at)
		return
	}
	if volatile(r.Path) {
		p.warn("%s: %s is made after auditd has loaded its rules at boot: unless tmpfiles.d(5) makes its directory before, the load ends at this rule", where, r.Path)
	}
	if !p.add(line{ownRules, "rules of the policy", r}) {
		p.note("%s: another line of the policy or a group has this rule already", where)
	}
}

// ownRules is in the place of a group for the policy's own.
const ownRules = "rules"

// kernelRules are the lines as the kernel lists them.
func kernelRules(lines []line) []resource.AuditRule {
	out := make([]resource.AuditRule, len(lines))
	for i, l := range lines {
		out[i] = l.rule.Kernel()
	}
	return out
}

// content writes the rules file. It begins with an empty line, for the file
// before it may lack its last newline, and augenrules only joins them; it
// states nothing that would hold for the files of others (-D, -b, -f), but for
// the lock, which augenrules puts last of all.
func content(lines []line, immutable bool) []byte {
	if len(lines) == 0 && !immutable {
		return nil
	}
	var b strings.Builder
	b.WriteString("\n# Written by bulwark: bulwark apply writes it anew.\n")
	group, comment := "", ""
	for _, l := range lines {
		if l.group != group {
			fmt.Fprintf(&b, "\n## %s\n", l.group)
			group, comment = l.group, ""
		}
		if l.comment != comment {
			fmt.Fprintf(&b, "# %s\n", l.comment)
			comment = l.comment
		}
		b.WriteString(l.rule.Text + "\n")
	}
	if immutable {
		b.WriteString("\n# Until the next boot nobody changes the rules, and this file is written for after it.\n-e 2\n")
	}
	return []byte(b.String())
}
