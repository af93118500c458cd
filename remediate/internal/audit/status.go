package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// backlog is how many events may wait for auditd; the kernel's own 64 are lost
// in the first burst, and what Debian ships is this.
const backlog = 8192

// statusNotes tell of the kernel's state what makes events go missing. None of
// it is bulwark's to change: it holds for everybody's rules.
func (p *plan) statusNotes() {
	k := p.kernel
	if u, ok := p.audit.Unit.Get(); ok && !p.missing() && u.ActiveState != "active" {
		p.warn("auditd.service is %s: events go to the kernel's log only", orElse(u.ActiveState, u.LoadState))
	}
	if k.BacklogLimit < backlog && !p.missing() {
		p.note("the kernel keeps %d events for auditd, and drops more of them in a burst: %d are usual (-b in %s)", k.BacklogLimit, backlog, auditrules.RulesDir)
	}
	if k.RateLimit != 0 {
		p.note("the kernel records at most %d events per second (-r), and drops the others", k.RateLimit)
	}
	if k.Lost > 0 {
		p.note("%d audit events were lost since boot", k.Lost)
	}
	if k.Failure == 2 {
		p.warn("the kernel panics when it cannot record an event (-f 2)")
	}
	if at := p.journaldWins(); at != "" {
		p.warn("%s says Audit=no and is read after bulwark's file: systemd-journald ends the recording of events at its next start", at)
	}
	if p.locked() {
		p.note("the rules in the kernel are locked (-e 2): until the next boot nobody can change them")
	}
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// reasons has a sentence for each thing that a change is due for.
func (p *plan) reasons() []string {
	var why []string
	if p.missing() && len(p.lines) > 0 {
		why = append(why, "auditd is not installed")
	}
	if p.kernelDiffers() {
		why = append(why, p.kernelReasons()...)
	}
	for _, t := range p.files {
		if t.differs() {
			why = append(why, t.reason())
		}
	}
	return why
}

func (t target) reason() string {
	if t.file.Path == auditrules.OwnFile {
		return t.why
	}
	return t.file.Path + " is to change"
}

// kernelReasons say how the kernel's rules differ, with numbers: which they
// are the diff shows.
func (p *plan) kernelReasons() []string {
	var why []string
	if p.enables() {
		why = append(why, "the kernel records no events (enabled 0)")
	}
	lost, added := p.absent()
	if lost > 0 {
		why = append(why, are(lost, "rule of "+auditrules.OwnFile, "rules of "+auditrules.OwnFile)+" not loaded")
	}
	if added > 0 {
		why = append(why, are(added, "rule of the policy", "rules of the policy")+" not loaded")
	}
	if n := p.surplus(); n > 0 {
		why = append(why, are(n, "rule of bulwark", "rules of bulwark")+" loaded that the policy does not ask for")
	}
	if len(why) == 0 && !auditrules.Same(p.own, p.wanted) {
		why = append(why, "the rules are loaded in another order")
	}
	return why
}

// are counts with the verb: "1 rule is", "2 rules are".
func are(n int, one, many string) string {
	if n == 1 {
		return "1 " + one + " is"
	}
	return fmt.Sprintf("%d %s are", n, many)
}

// absent counts wanted rules that the kernel lacks: those that the file has,
// which somebody must have deleted, and the others.
func (p *plan) absent() (lost, added int) {
	for _, l := range p.lines {
		switch {
		case auditrules.Has(p.own, l.rule.Kernel()):
		case slices.ContainsFunc(p.former, func(r auditrules.Rule) bool { return string(r.Wire) == string(l.rule.Wire) }):
			lost++
		default:
			added++
		}
	}
	return lost, added
}

func (p *plan) surplus() int {
	n := 0
	for _, r := range p.own {
		if !auditrules.Has(p.wanted, r) {
			n++
		}
	}
	return n
}

// controls reports how each stands. What waits for a boot or for a person is
// manual: bulwark has done its part, and a second run has nothing to do.
func (p *plan) controls(why []string) []resource.ControlResult {
	var all []resource.ControlResult
	for _, id := range p.ids() {
		all = append(all, p.control(id, why))
	}
	return all
}

func (p *plan) control(id string, why []string) resource.ControlResult {
	c := resource.ControlResult{ID: id, Status: resource.OK}
	manual := p.manual(id)
	switch {
	case id == controlImmutable && p.files[0].differs():
		c.Status, c.Reason = resource.Changing, auditrules.OwnFile+" is to change"
	case id == controlImmutable:
	case id == control && len(why) > 0:
		c.Status, c.Reason = resource.Changing, strings.Join(why, "; ")
	case id != control && p.pending(id) != "":
		c.Status, c.Reason = resource.Changing, p.pending(id)
	}
	if c.Status == resource.OK && manual.reason != "" {
		c.Status, c.Reason, c.Remedy = resource.Manual, manual.reason, manual.remedy
	}
	return c
}

// pending says what is due for a group, or "".
func (p *plan) pending(id string) string {
	loaded, written := 0, 0
	for _, l := range p.lines {
		if control+"-"+l.group != id {
			continue
		}
		if !p.locked() && !auditrules.Has(p.own, l.rule.Kernel()) {
			loaded++
		}
		if !slices.ContainsFunc(p.former, func(r auditrules.Rule) bool { return string(r.Wire) == string(l.rule.Wire) }) {
			written++
		}
	}
	var parts []string
	if loaded > 0 {
		parts = append(parts, are(loaded, "rule", "rules")+" not loaded")
	}
	if written > 0 {
		parts = append(parts, are(written, "rule", "rules")+" not in "+auditrules.OwnFile)
	}
	return strings.Join(parts, "; ")
}

// manual says what of a control waits for a boot or for a person.
func (p *plan) manual(id string) refusal {
	switch {
	case id == controlImmutable && p.boot.enable != "2":
		return refusal{reason: fmt.Sprintf("%s: -e %s comes after bulwark's -e 2 and wins", p.boot.enableAt, p.boot.enable), remedy: "remove that line"}
	case p.boot.stop != "" && (p.boot.before || id == controlImmutable):
		return refusal{reason: "after a boot it does not hold, for the load of the rules ends before: " + p.boot.stop, remedy: "correct that line"}
	case id == controlImmutable && !p.locked():
		return refusal{reason: "pending reboot: the rules are locked at the next boot", remedy: "reboot when it suits you; then a change of the rules takes another reboot"}
	case id != controlImmutable && p.locked() && p.stale(id):
		return refusal{reason: "pending reboot: the kernel's rules are locked (-e 2) and are not yet those of " + auditrules.OwnFile, remedy: "reboot"}
	case id == control && p.boot.enable == "0" && len(p.lines) > 0:
		return refusal{reason: p.boot.enableAt + ": -e 0: nothing is recorded after a boot", remedy: "remove that line"}
	case id == control && p.auditdStopped() != "":
		return refusal{reason: p.auditdStopped(), remedy: "systemctl enable --now auditd"}
	}
	return refusal{}
}

// stale reports whether rules of a control are not as wanted in the locked
// kernel.
func (p *plan) stale(id string) bool {
	if id == control {
		return !auditrules.Same(p.own, p.wanted)
	}
	return slices.ContainsFunc(p.lines, func(l line) bool {
		return control+"-"+l.group == id && !auditrules.Has(p.own, l.rule.Kernel())
	})
}

// auditdStopped says why nobody writes events down, or "". Where systemd
// cannot be asked, the kernel knows whether a daemon listens.
func (p *plan) auditdStopped() string {
	u, ok := p.audit.Unit.Get()
	switch {
	case len(p.lines) == 0:
		return ""
	case ok && u.ActiveState != "active":
		return "auditd.service is " + orElse(u.ActiveState, u.LoadState) + ": events go to the kernel's log only"
	case p.kernel.PID == 0:
		return "no auditd listens: events go to the kernel's log only"
	}
	return ""
}
