package audit

import (
	"bytes"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A target is one file as it is and as it shall be.
type target struct {
	file resource.File
	want []byte // nil: there is to be none
	mode uint32
	why  string // if it differs
}

func (t target) differs() bool {
	return t.file.Print.Exists() != (t.want != nil) || !bytes.Equal(t.file.Content, t.want)
}

// targets are bulwark's files, and audit.rules if that is in step with
// rules.d: else augenrules --check, and whoever watches by it, would see a
// difference that nobody made by hand.
func (p *plan) targets(own []byte) []target {
	all := []target{
		{named(p.audit.Own, auditrules.OwnFile), own, 0o640, "the rules that are loaded at boot are not those of the policy"},
	}
	if t, ok := p.compiled(own); ok {
		all = append(all, t)
	}
	var dirs, conf []byte
	if needsTmpfiles(p.lines) {
		dirs = tmpfiles()
	}
	if len(p.lines) > 0 && p.journaldEnds() != "" {
		conf = journald()
	}
	return append(all,
		target{named(p.audit.Tmpfiles, auditrules.TmpfilesFile), dirs, 0o644, containerdRun + " does not exist yet when auditd loads its rules at boot, and a rule for what is in it would end the load"},
		target{named(p.audit.Journald, auditrules.JournaldFile), conf, 0o644, "systemd-journald would end the recording of events at its next start (" + p.journaldEnds() + ")"},
	)
}

func named(f resource.File, path string) resource.File {
	f.Path = path
	if f.Print.Type == "" {
		f.Print.Type = resource.Absent
	}
	return f
}

// compiled is audit.rules, false if it is not to be touched: it is not there,
// or is not what augenrules made of rules.d.
func (p *plan) compiled(own []byte) (target, bool) {
	f := p.audit.Compiled
	if !f.Print.Exists() || p.missing() {
		return target{}, false
	}
	script := auditrules.ScriptFor(p.audit.Version, p.audit.Awk)
	if !bytes.Equal(f.Content, auditrules.Compile(ordered(p.audit.Files), script)) {
		p.note("%s is not what augenrules makes of %s, and is left as it is: the next augenrules --load, as at boot, writes it anew", auditrules.CompiledFile, auditrules.RulesDir)
		return target{}, false
	}
	want := auditrules.Compile(replaced(p.audit.Files, own), script)
	return target{named(f, auditrules.CompiledFile), want, 0o640, "it is what augenrules makes of " + auditrules.RulesDir + ", where a file changes"}, true
}

// writable finds what a transaction could not replace.
func (t target) writable() *refusal {
	switch f := t.file; {
	case !t.differs():
		return nil
	case f.Locked != "":
		return blocked("", "cannot write %s: %s", f.Path, f.Locked)
	case f.Print.Exists() && f.Print.Type != resource.Regular:
		return blocked("remove it", "cannot write %s: it is a %s", f.Path, f.Print.Type)
	case f.Print.Flags&(resource.FlagImmutable|resource.FlagAppend) != 0:
		return blocked("chattr -i -a "+f.Path, "cannot write %s: it is locked by chattr", f.Path)
	}
	return nil
}

func (t target) change(controls []string) resource.Change {
	c := resource.Change{
		Kind: control, Path: t.file.Path, Action: resource.Update, Controls: controls,
		Why: []string{t.why}, Before: t.file.Print, Content: t.want, Old: t.file.Content, Mode: t.mode,
	}
	switch {
	case t.want == nil:
		c.Action, c.Why = resource.Delete, []string{"nothing of the policy needs it"}
	case !t.file.Print.Exists():
		c.Action = resource.Create
	}
	return c
}
