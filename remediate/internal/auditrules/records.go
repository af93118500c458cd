package auditrules

import "github.com/bulwark-project/bulwark/remediate/resource"

// Accesses of the field perm (AUDIT_PERM_* in linux/audit.h).
const (
	permWrite = 2
	permAttr  = 8
)

// Records reports whether the kernel's rules record that somebody writes to a
// path or changes its attributes, whoever it is: a rule for this path, or for a
// directory above it, that nothing narrows, and that no such rule before it
// takes out. Rules are in the kernel's order.
func Records(rules []resource.AuditRule, path string) bool {
	for _, r := range rules {
		d := decodeOrAll(r.Wire)
		if d.list&listMask != listExit || !d.about(path) {
			continue
		}
		return d.action == actionAlways
	}
	return false
}

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
			perm = true
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
