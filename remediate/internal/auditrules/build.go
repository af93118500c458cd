package auditrules

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/elastic/go-libaudit/v2/rule"
)

// maxFilters is what auditctl takes: one less than AUDIT_MAX_FIELDS.
const maxFilters = 63

// maxSyscall is the first number that stands for a class of syscalls
// (AUDIT_BITMASK_SIZE*32 less AUDIT_SYSCALL_CLASSES, linux/audit.h).
const maxSyscall = 64*32 - 16

// check refuses what the kernel would refuse of the whole rule, and adds the
// warnings.
func (d *draft) check() error {
	switch {
	case d.list == "":
		return fmt.Errorf("cannot read the rule: it has neither -a nor -w")
	case len(d.filters) > maxFilters:
		return fmt.Errorf("cannot read the rule: it has %d filters, and auditctl takes %d", len(d.filters), maxFilters)
	case d.count("exe") > 1:
		return fmt.Errorf("cannot read the rule: it has two exe filters, and the kernel takes one")
	case d.count("path", "dir", "inode") > 1:
		return fmt.Errorf("cannot read the rule: it has two of path, dir and inode, and the kernel takes one")
	case len(d.syscalls) > 0 && d.list != "exit":
		return fmt.Errorf("cannot read the rule: -S goes with the list exit, not %s", d.list)
	case len(d.syscalls) > 0 && d.watch:
		return fmt.Errorf("cannot read the rule: -S has no effect with -w; write -a always,exit -F path=")
	}
	if err := d.checkSyscalls(); err != nil {
		return err
	}
	d.warn()
	return d.checkHost()
}

// checkSyscalls keeps numbers away from the library that it would not survive.
func (d *draft) checkSyscalls() error {
	for _, s := range d.syscalls {
		n, err := strconv.Atoi(s)
		if err == nil && (n < 0 || n >= maxSyscall || strconv.Itoa(n) != s) {
			return fmt.Errorf("cannot read the rule: there is no syscall of number %s", s)
		}
	}
	if slices.Contains(d.syscalls, "all") {
		d.syscalls = []string{"all"} // the library goes by the last, auditctl by all
		d.byVersion = false
	}
	return nil
}

func (d *draft) warn() {
	if len(d.syscalls) > 0 && d.syscalls[0] != "all" && !d.has("arch") {
		d.warning(NoArch, "without -F arch= before -S, it matches other syscalls in 32-bit programs")
	}
	if d.byVersion {
		d.warning(ByVersion, "auditctl 3.1.3 and newer narrow it to the syscalls of perm=; with -F perm= before -F arch= none does")
	}
	watched, _, exe := d.watched()
	for _, p := range []string{watched, exe} {
		if strings.ContainsAny(p, "*?") {
			d.warning(Wildcard, "in "+p+" the characters * and ? stand for themselves")
		}
	}
}

func (d *draft) warning(kind WarningKind, text string) {
	d.warnings = append(d.warnings, Warning{kind, text})
}

// checkHost looks for what the kernel needs to be there.
func (d *draft) checkHost() error {
	for _, f := range d.filters {
		if f.LHS != "path" && f.LHS != "dir" && f.LHS != "exe" {
			continue
		}
		name := trimSlashes(f.RHS)
		found, known := d.at(name)
		switch {
		case !known:
			continue
		case f.LHS == "dir" && found.Real == "":
			return &MissingError{Path: name, Missing: name}
		case !found.Parent:
			return &MissingError{Path: name, Missing: path.Dir(name)}
		case found.Link && f.LHS != "exe":
			d.warning(Link, fmt.Sprintf("%s is a link: what is written through it to %s is not seen", name, found.Real))
		}
	}
	return nil
}

// build lets the library make the bytes, and corrects them where auditctl makes
// other ones.
func (d *draft) build() ([]byte, error) {
	r := &rule.SyscallRule{
		Type: rule.AppendSyscallRuleType, List: d.list, Action: d.action,
		Filters: d.filters, Syscalls: d.syscalls,
	}
	if d.key != "" {
		r.Keys = []string{d.key}
	}
	wire, err := rule.Build(r)
	if err != nil {
		return nil, d.explain(err)
	}
	if d.list == "task" {
		clear(wire[maskOffset:fieldsOffset]) // auditctl adds no syscalls to this list
	}
	return wire, nil
}

// explain puts the library's words about what it does not know into ours.
func (d *draft) explain(err error) error {
	for _, s := range d.syscalls {
		if strings.Contains(err.Error(), fmt.Sprintf("unknown syscall '%s' for arch ", s)) {
			_, arch, _ := strings.Cut(err.Error(), "for arch ")
			return fmt.Errorf("cannot read the rule: there is no syscall %s for %s; if it is new, give its number", s, arch)
		}
	}
	said := err.Error()
	for _, prefix := range []string{"failed to add filter ", "failed to add interfield comparison ", "failed to add syscall "} {
		said = strings.TrimPrefix(said, prefix)
	}
	return fmt.Errorf("cannot read the rule: %s", said)
}
