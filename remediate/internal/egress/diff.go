package egress

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const runAsRoot = "run bulwark as root"

// Diff says how the kernel's rules differ from what is wanted; nil is not
// managed. A key that the host cannot serve is Blocked by itself: the rest of
// the rules does not wait for it.
func (Kind) Diff(want *Want, s *resource.Snapshot) resource.Result {
	if want == nil {
		return resource.Result{}
	}
	p := &plan{want: want, s: s}
	for _, step := range []func() *resource.ControlResult{p.read, p.compile, p.writable} {
		if r := step(); r != nil {
			return p.refused(r)
		}
	}
	return p.result()
}

// plan gathers one Diff.
type plan struct {
	want   *Want
	s      *resource.Snapshot
	fw     resource.Firewall
	prog   *program // nil when nothing is denied
	wanted []resource.Ruleset
	record []byte // nil: there is to be none
}

func (p *plan) read() *resource.ControlResult {
	var ok bool
	if p.fw, ok = p.s.Firewall.Get(); !ok {
		return resource.CannotRead(remedyFor(p.s), "cannot read the firewall: %s", p.s.Firewall.Unknown)
	}
	if _, ok := p.s.Rules.Get(); !ok {
		return resource.CannotRead(remedyFor(p.s), "cannot read %s: %s", RulesPath, p.s.Rules.Unknown)
	}
	return nil
}

func remedyFor(s *resource.Snapshot) string {
	if h, ok := s.Host.Get(); ok && h.EUID != 0 {
		return runAsRoot
	}
	return ""
}

func (p *plan) compile() (r *resource.ControlResult) {
	if p.want.Off {
		return nil
	}
	if p.prog, r = compile(p.want, p.s, p.fw); r != nil {
		return r
	}
	p.wanted = p.prog.ruleset()
	p.record = encode(p.wanted)
	return nil
}

// encode writes the record, always the same for the same rules.
func encode(rules []resource.Ruleset) []byte {
	b, err := json.MarshalIndent(ruleset.Record{Format: 1, Rules: rules}, "", "  ")
	if err != nil {
		panic("internal error: record of rules: " + err.Error()) // plain structs always marshal
	}
	return append(b, '\n')
}

// writable finds what a transaction could not replace.
func (p *plan) writable() *resource.ControlResult {
	f, l := p.s.Rules.Value, p.s.Loader.Value
	switch {
	case !p.want.Off && l.LoadState == "masked":
		return resource.Block("systemctl unmask "+LoaderUnit, "%s is masked: the rules would not come back after a reboot", LoaderUnit)
	case !p.recordDiffers():
		return nil
	case f.Locked != "":
		return resource.Block("", "cannot write %s: %s", RulesPath, f.Locked)
	case f.Print.Exists() && f.Print.Type != resource.Regular:
		return resource.Block("remove it", "cannot write %s: it is a %s", RulesPath, f.Print.Type)
	case f.Print.Flags&(resource.FlagImmutable|resource.FlagAppend) != 0:
		return resource.Block("chattr -i -a "+RulesPath, "cannot write %s: it is locked by chattr", RulesPath)
	}
	return nil
}

func (p *plan) recordDiffers() bool {
	f := p.s.Rules.Value
	return f.Print.Exists() != (p.record != nil) || !bytes.Equal(f.Content, p.record)
}

func (p *plan) kernelDiffers() bool { return !ruleset.Same(p.wanted, p.fw.Own) }

// unloaded says why the rules would not come back by themselves, or "". Where systemd
// cannot be asked there is no unit to enable: that is an impact, not a change.
func (p *plan) unloaded() string {
	u, ok := p.s.Loader.Get()
	switch {
	case p.want.Off || !ok:
		return ""
	case u.LoadState != "loaded" || u.FileState != "enabled":
		return LoaderUnit + " is not enabled: the rules would not come back after a reboot"
	case p.s.LoaderFault != "":
		return LoaderUnit + " " + p.s.LoaderFault + ": the rules may not come back after a reboot"
	case u.ActiveState == "failed", u.ActiveState != "active" && !daemonOf(p.s).stopped(): // it stops and starts with docker.service
		return LoaderUnit + " is " + u.ActiveState + ": it would not load the rules again after a restart or reload of nftables.service"
	}
	return ""
}

// reasons has a sentence for each thing that is not as wanted.
func (p *plan) reasons() []string {
	var why []string
	if p.kernelDiffers() {
		why = append(why, p.kernelReason())
	}
	if p.recordDiffers() {
		why = append(why, p.recordReason())
	}
	if u := p.unloaded(); u != "" {
		why = append(why, u)
	}
	return why
}

func (p *plan) kernelReason() string {
	switch {
	case p.want.Off:
		return "the policy allows everything, but the kernel has rules of bulwark"
	case len(p.fw.Own) == 0:
		return "containers may connect to anywhere: the kernel has no rules of bulwark"
	}
	return "the kernel's rules are not those of the policy"
}

func (p *plan) recordReason() string {
	switch {
	case p.want.Off:
		return RulesPath + " would load rules at boot"
	case !p.s.Rules.Value.Print.Exists():
		return "there are no rules to load at boot"
	}
	return "the rules that are loaded at boot are not those of the policy"
}

// result reports every control and what is to be done.
func (p *plan) result() resource.Result {
	why := p.reasons()
	out := resource.Result{Controls: p.controls(why), Impacts: p.impacts(len(why) > 0)}
	var served []string
	for _, c := range out.Controls {
		if c.Status == resource.Changing {
			served = append(served, c.ID)
		}
	}
	if p.recordDiffers() {
		out.Changes = []resource.Change{p.change(served)}
	}
	if p.kernelDiffers() || p.unloaded() != "" {
		out.Operations = []resource.Operation{p.operation(served)}
	}
	return out
}

func (p *plan) controls(why []string) []resource.ControlResult {
	all := []resource.ControlResult{{ID: control, Status: resource.OK}}
	if p.prog != nil {
		if c, ok := dnsControl(p.want, p.s, p.fw); ok {
			all = append(all, c)
		}
		if c, ok := iccControl(p.want, p.s); ok {
			all = append(all, c)
		}
	}
	for i := range all {
		if len(why) > 0 && all[i].Status == resource.OK {
			all[i].Status, all[i].Reason = resource.Changing, strings.Join(why, "; ")
		}
	}
	return all
}

// iccControl answers for icc: deny. Whether packets between two ports of one
// bridge pass the firewall changes no rule: dockerd may load br_netfilter in
// the restart of this very transaction, and what was applied must then hold.
func iccControl(want *Want, s *resource.Snapshot) (resource.ControlResult, bool) {
	if want.ICC {
		return resource.ControlResult{}, false
	}
	c := resource.ControlResult{ID: controlICC, Status: resource.OK}
	if s.Host.Value.BridgeNF != "1" {
		c.Status = resource.Blocked
		c.Reason = "packets between containers of one network do not pass the firewall here (br_netfilter is not loaded, or net.bridge.bridge-nf-call-iptables is not 1)"
		c.Remedy = "set daemon.userland-proxy: false, with which dockerd loads br_netfilter; or set icc: allow"
	}
	return c, true
}

// refused reports every control that the policy asks for as not served.
func (p *plan) refused(r *resource.ControlResult) resource.Result {
	ids := []string{control}
	if !p.want.Off && !p.want.EmbeddedDNS {
		ids = append(ids, controlDNS)
	}
	if !p.want.Off && !p.want.ICC {
		ids = append(ids, controlICC)
	}
	var out resource.Result
	for _, id := range ids {
		out.Controls = append(out.Controls, resource.ControlResult{ID: id, Status: r.Status, Reason: r.Reason, Remedy: r.Remedy})
	}
	return out
}

func (p *plan) change(controls []string) resource.Change {
	f := p.s.Rules.Value
	c := resource.Change{
		Kind: control, Path: RulesPath, Action: resource.Update, Controls: controls,
		Why: []string{p.recordReason()}, Before: f.Print, Content: p.record, Old: f.Content, Mode: 0o600,
	}
	switch {
	case p.record == nil:
		c.Action = resource.Delete
	case !f.Print.Exists():
		c.Action, c.Before.Type = resource.Create, resource.Absent
	}
	return c
}

func (p *plan) operation(controls []string) resource.Operation {
	o := resource.Operation{
		Kind: control, Target: p.target(), Action: resource.Update, Controls: controls, Why: p.operationWhy(),
		Old: ruleset.Text(p.fw.Own), New: ruleset.Text(p.wanted),
	}
	switch {
	case len(p.wanted) == 0:
		o.Action = resource.Delete
	case len(p.fw.Own) == 0:
		o.Action = resource.Create
	}
	var err error
	if o.Payload, err = json.Marshal(ruleset.Payload{Before: p.fw.Own, After: p.wanted}); err != nil {
		panic("internal error: payload of rules: " + err.Error()) // plain structs always marshal
	}
	return o
}

// target names where rules are to be, or from where they go.
func (p *plan) target() string {
	if p.prog != nil {
		return p.prog.choice.target()
	}
	var from []string
	for _, r := range p.fw.Own {
		from = append(from, targetOf(r.Backend, r.Variant))
	}
	return strings.Join(from, ", ")
}

// operationWhy says, besides what differs, which backend it is and why.
func (p *plan) operationWhy() []string {
	var why []string
	if p.kernelDiffers() {
		why = append(why, p.kernelReason())
	}
	if u := p.unloaded(); u != "" {
		why = append(why, u)
	}
	if p.prog == nil {
		return why
	}
	why = append(why, fmt.Sprintf("rules go into %s: %s", p.prog.choice.target(), p.prog.choice.why))
	if len(p.wanted) > 1 {
		why = append(why, "and into the table inet bulwark, which holds while dockerd starts or makes a network and DOCKER-USER is not asked")
	}
	for _, h := range p.prog.hooks {
		why = append(why, h.String())
	}
	return why
}
