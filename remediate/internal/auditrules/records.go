package auditrules

import "github.com/bulwark-project/bulwark/remediate/resource"

// Accesses of the field perm (AUDIT_PERM_* in linux/audit.h).
const (
	permWrite = 2
	permAttr  = 8
)

// Records reports whether the kernel's rules record that somebody writes to a
// path or changes its attributes, whoever it is: a rule for this path, or for a
// directory above it, that nothing narrows, and that no rule takes out: none
// before it, none of the list task, with which no process has records of files at
// all. Rules are in the kernel's order. A rule that takes out the writes of some
// user or program only does not count.
func Records(rules []resource.AuditRule, path string) bool {
	recorded, decided := false, false
	for _, r := range rules {
		d := decodeOrAll(r.Wire)
		switch {
		case d.list&listMask == listTask && d.action == actionNever && len(d.on(fieldKey)) == len(d.filters):
			return false
		case decided || d.list&listMask != listExit:
		case d.action == actionNever && d.takesOut(path), d.action == actionAlways && d.about(path):
			recorded, decided = d.action == actionAlways, true
		}
	}
	return recorded
}

// takesOut reports whether a rule matches some writes to a path by everybody.
func (d *decoded) takesOut(path string) bool {
	for _, f := range d.filters {
		switch {
		case f.op != opEqual:
			return false
		case f.id == fieldPath && f.text == path, f.id == fieldDir && within(path, f.text), f.id == fieldKey:
		case f.id == fieldPerm && f.value&(permWrite|permAttr) != 0, f.id == fieldArch && d.native(f.value):
		default:
			return false
		}
	}
	return d.allSyscalls()
}

// fewest is less than the system calls of perm=wa on any machine, to which newer
// auditctl narrows a rule by itself; a rule of fewer was narrowed by a person.
const fewest = 12

// about reports whether a rule matches every write to a path.
func (d *decoded) about(path string) bool {
	placed, perm := false, d.allSyscalls()
	for _, f := range d.filters {
		switch {
		case f.id == fieldPath && f.op == opEqual:
			placed = placed || f.text == path
		case f.id == fieldDir && f.op == opEqual:
			placed = placed || within(path, f.text)
		case f.id == fieldPerm && f.op == opEqual:
			if f.value&permWrite == 0 || f.value&permAttr == 0 {
				return false
			}
			perm = d.allSyscalls() || len(d.syscalls()) >= fewest
		case f.id == fieldKey, f.id == fieldArch && f.op == opEqual && d.native(f.value):
		default:
			return false
		}
	}
	return placed && perm
}

// native: the machine's own 64 bit calls; those of 32 bit have rules of their own.
func (d *decoded) native(arch uint32) bool { return arch&arch64Bit != 0 }

// arch64Bit is __AUDIT_ARCH_64BIT (linux/audit.h).
const arch64Bit = 0x80000000
