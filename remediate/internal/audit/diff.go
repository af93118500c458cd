package audit

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

const (
	runAsRoot = "run bulwark as root"
	// What the Debian and the Red Hat family call the package.
	debianPackage = "auditd"
	redHatPackage = "audit"
)

// Diff says how the kernel's rules and the files that they come from differ
// from what is wanted; nil is not managed. made are the changes of files that
// the other kinds make in the same transaction: rules are loaded after them.
func (k Kind) Diff(want *Want, s *resource.Snapshot, made []resource.Change) resource.Result {
	if want == nil {
		return resource.Result{}
	}
	p := &plan{want: want, s: s}
	for _, step := range []func() *refusal{
		p.read,
		p.installable,
		func() *refusal { p.prepare(k.DaemonJSON, made); return nil },
		p.compile,
		p.compare,
	} {
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
	audit  resource.Audit
	kernel resource.AuditKernel
	site   site
	at     auditrules.At
	// others are the files of others in rules.d; elsewhere says of a rule that
	// they state where that is.
	others    []resource.File
	elsewhere map[string]string
	lines     []line
	wanted    []resource.AuditRule
	// former are the rules that bulwark's file states now, own those of the
	// kernel's that are bulwark's.
	former []auditrules.Rule
	own    []resource.AuditRule
	files  []target
	// boot is what the next boot makes of the files as they shall be.
	boot    *boot
	impacts []resource.Impact
}

func (p *plan) warn(format string, args ...any) { p.impact(resource.WarningImpact, format, args...) }
func (p *plan) note(format string, args ...any) { p.impact(resource.NoteImpact, format, args...) }

func (p *plan) impact(level, format string, args ...any) {
	i := resource.Impact{Level: level, Text: fmt.Sprintf(format, args...)}
	if !slices.ContainsFunc(p.impacts, func(o resource.Impact) bool { return o.Text == i.Text }) {
		p.impacts = append(p.impacts, i)
	}
}

func (p *plan) locked() bool { return p.kernel.Enabled == resource.AuditLocked }

// missing reports whether auditd is not installed.
func (p *plan) missing() bool { return p.audit.Auditctl == "" || p.audit.Augenrules == "" }

func (p *plan) read() *refusal {
	a, ok := p.s.Audit.Get()
	if !ok {
		return unread(remedyFor(p.s), "cannot read the audit rules: %s", p.s.Audit.Unknown)
	}
	p.audit = a
	if p.kernel, ok = a.Kernel.Get(); !ok {
		return unread(remedyFor(p.s), "cannot read the kernel's audit rules: %s", a.Kernel.Unknown)
	}
	return nil
}

func remedyFor(s *resource.Snapshot) string {
	if h, ok := s.Host.Get(); ok && h.EUID != 0 {
		return runAsRoot
	}
	return ""
}

// installable refuses without auditd: rules would be gone at the next boot,
// and events lost in the kernel's log.
func (p *plan) installable() *refusal {
	switch {
	case !p.missing():
		return nil
	case !p.want.Install:
		return blocked("install auditd, or set audit.install: true", "auditd is not installed")
	case p.audit.Installer == "":
		return blocked("install auditd", "auditd is not installed, and bulwark knows neither apt-get nor dnf here")
	}
	return nil
}

// prepare reads what the other steps rest on.
func (p *plan) prepare(daemonJSON string, made []resource.Change) {
	config := p.s.DaemonJSON.Value.Content
	for _, c := range made {
		if c.Path == daemonJSON {
			config = c.Content
		}
	}
	p.site = siteOf(p.s, daemonJSON, config)
	p.at = at(p.audit, made)
	p.others = foreign(p.audit.Files)
	p.elsewhere = simulate(p.others, p.at).seen
	p.former = fileRules(p.at, p.audit.Own)
}

// compare finds what differs, in files and in the kernel.
func (p *plan) compare() *refusal {
	p.wanted = auditrules.Sorted(kernelRules(p.lines))
	// Rules that are wanted and were loaded by hand become bulwark's.
	ours := p.former
	for _, l := range p.lines {
		ours = append(ours, l.rule)
	}
	p.own = auditrules.Owned(p.kernel.Rules, ours, fileRules(p.at, p.others...))
	own := content(p.lines, p.want.Immutable)
	p.boot = simulate(replaced(p.audit.Files, own), p.at)
	p.files = p.targets(own)
	for _, t := range p.files {
		if r := t.writable(); r != nil {
			return r
		}
	}
	p.bootWarnings()
	p.hidden()
	p.statusNotes()
	return nil
}

// kernelDiffers reports whether an operation is due. Locked rules cannot be
// changed: that is pending, but not an operation.
func (p *plan) kernelDiffers() bool {
	return !p.locked() && (!auditrules.Same(p.own, p.wanted) || p.enables())
}

func (p *plan) enables() bool { return p.kernel.Enabled == resource.AuditOff && len(p.lines) > 0 }

func (p *plan) result() resource.Result {
	why := p.reasons()
	out := resource.Result{Controls: p.controls(why), Impacts: p.impacts}
	var served []string
	for _, c := range out.Controls {
		if c.Status == resource.Changing {
			served = append(served, c.ID)
		}
	}
	for _, t := range p.files {
		if t.differs() {
			out.Changes = append(out.Changes, t.change(served))
		}
	}
	if p.missing() && len(p.lines) > 0 {
		out.Operations = append(out.Operations, p.installation(served))
		out.Impacts = append(out.Impacts, resource.Impact{
			Level: resource.WarningImpact,
			Text:  "the package " + p.packageName() + " is installed with what it depends on, and stays installed after a rollback",
		})
	}
	if p.kernelDiffers() {
		out.Operations = append(out.Operations, p.operation(served))
	}
	return out
}

func (p *plan) packageName() string {
	if p.audit.Installer == "apt-get" {
		return debianPackage
	}
	return redHatPackage
}

// Names of the steps that carry operations out.
const (
	installStep = "packages"
	rulesStep   = "audit"
)

func (p *plan) installation(controls []string) resource.Operation {
	name := p.packageName()
	return resource.Operation{
		Kind: installStep, Target: "package " + name, Action: resource.Create, Controls: controls,
		Why:     []string{"auditd is not installed, and the policy says audit.install: true"},
		Payload: payload(resource.Install{Installer: p.audit.Installer, Packages: []string{name}}),
	}
}

func (p *plan) operation(controls []string) resource.Operation {
	o := resource.Operation{
		Kind: rulesStep, Target: "kernel audit rules", Action: resource.Update, Controls: controls,
		Why: p.kernelReasons(), Old: text(p.own), New: text(p.wanted),
		Payload: payload(auditrules.Payload{Before: p.own, After: p.wanted, Enable: p.enables()}),
	}
	switch {
	case len(p.wanted) == 0:
		o.Action = resource.Delete
	case len(p.own) == 0:
		o.Action = resource.Create
	}
	return o
}

func payload(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("internal error: payload of audit rules: " + err.Error()) // plain structs always marshal
	}
	return b
}

func text(rules []resource.AuditRule) string {
	var b []byte
	for _, r := range rules {
		b = append(append(b, r.Text...), '\n')
	}
	return string(b)
}

// refused reports every control that the policy asks for as not served.
func (p *plan) refused(r *refusal) resource.Result {
	var out resource.Result
	for _, id := range p.ids() {
		out.Controls = append(out.Controls, resource.ControlResult{ID: id, Status: r.status, Reason: r.reason, Remedy: r.remedy})
	}
	return out
}

// ids are the controls of the policy's section.
func (p *plan) ids() []string {
	all := []string{control}
	for _, g := range groupOrder {
		if slices.Contains(p.want.Groups, g) {
			all = append(all, control+"-"+g)
		}
	}
	if len(p.want.Rules) > 0 {
		all = append(all, controlRules)
	}
	if p.want.Immutable {
		all = append(all, controlImmutable)
	}
	return all
}
