package auditrules

import (
	"math"
	"path"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Hiding is a rule that may take events away from one of bulwark's: the
// kernel goes by the first rule that matches.
type Hiding struct {
	Own resource.AuditRule
	By  resource.AuditRule
	// Never says that such events are not recorded at all, or not with their
	// key or path; else they are, under the keys of By.
	Never bool
}

// Hidden are the rules of others that may take events away from one of own,
// because they stand before it in order, or in the lists task, exclude and
// filesystem.
// order are all rules, in the order that the kernel has or will have them, own
// included. Where By does not record an event, to be silent about a pair it
// must be certain that no event matches both; where it does, two watches count
// as apart if neither path is within the other.
func Hidden(order, own []resource.AuditRule) []Hiding {
	var out []Hiding
	all := make([]decoded, len(order))
	for i, r := range order {
		all[i] = decodeOrAll(r.Wire)
	}
	for i, r := range order {
		if !Has(own, r) {
			continue
		}
		for j, by := range order {
			if h := (Hiding{r, by, !all[j].records()}); !Has(own, by) && hides(&all[j], &all[i], j < i) {
				out = append(out, h)
			}
		}
	}
	return out
}

// decodeOrAll takes a rule that cannot be decoded for one that matches all.
func decodeOrAll(wire []byte) decoded {
	d, err := decode(wire)
	if err == nil {
		return d
	}
	d = decoded{list: listExit, action: actionNever}
	for i := range d.mask {
		d.mask[i] = math.MaxUint32
	}
	return d
}

// records: what matches it is recorded.
func (d *decoded) records() bool { return d.list&listMask == listExit && d.action == actionAlways }

// hides reports whether the rule by, which stands before own or not, may take
// events from it.
func hides(by, own *decoded, before bool) bool {
	switch by.list & listMask {
	case listTask:
		return by.action == actionNever && !apart(by, own)
	case listExclude:
		return by.excludes() && !apart(by, own)
	case listFilesystem:
		return by.action == actionNever && !by.kernelFiles()
	case listExit:
		if !by.records() {
			return before && !apart(by, own)
		}
		return before && !slices.Equal(by.keys(), own.keys()) && !apart(by, own) && !separate(by, own)
	}
	return false // the list user is about messages of programs
}

// kernelFiles: it is about file systems that hold nothing of Docker's: tracefs
// and debugfs (linux/magic.h).
func (d *decoded) kernelFiles() bool {
	f, ok := d.value(fieldFSType, opEqual)
	return ok && (f.value == 0x74726163 || f.value == 0x64626720)
}

// excludes reports whether a rule of the list exclude may drop records that say
// which key or which path an event has: AUDIT_SYSCALL and AUDIT_PATH. Its
// action does not matter (audit_filter of kernel/audit.c).
func (d *decoded) excludes() bool {
	f, ok := d.value(fieldMsgType, opEqual)
	return !ok || f.value == msgSyscall || f.value == msgPath
}

// apart is certain that no event matches both.
func apart(a, b *decoded) bool {
	if a.list&listMask == listExit && !shareSyscall(a, b) {
		return true
	}
	for _, id := range single {
		if f := append(a.on(id), b.on(id)...); len(f) > 1 && !possible(f) {
			return true
		}
	}
	return false
}

func shareSyscall(a, b *decoded) bool {
	for i, word := range a.mask {
		if word&b.mask[i] != 0 {
			return true
		}
	}
	return false
}

// single are fields of which an event has one value, compared as an unsigned
// number (audit_filter_rules of kernel/auditsc.c): arch, ids of the process,
// pers, arguments. Not among them: gid and egid, which match supplementary
// groups too; paths, of which a rename has two; exe, for two paths may lead to
// one program.
var single = []uint32{0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 18, 200, 201, 202, 203}

func (d *decoded) on(id uint32) []filter {
	var out []filter
	for _, f := range d.filters {
		if f.id == id {
			out = append(out, f)
		}
	}
	return out
}

// possible reports whether one value may pass all filters.
func possible(filters []filter) bool {
	low, high := uint64(0), uint64(math.MaxUint32)
	for _, f := range filters {
		v := uint64(f.value)
		switch opText(f.op) {
		case "=":
			low, high = max(low, v), min(high, v)
		case ">":
			low = max(low, v+1)
		case ">=":
			low = max(low, v)
		case "<":
			if v == 0 {
				return false
			}
			high = min(high, v-1)
		case "<=":
			high = min(high, v)
		}
	}
	if low != high {
		return low < high
	}
	return !slices.ContainsFunc(filters, func(f filter) bool { return f.op == opNotEqual && uint64(f.value) == low })
}

// separate: both are watches, and neither path is within the other.
func separate(a, b *decoded) bool {
	p, q := a.place(), b.place()
	return p != "" && q != "" && !within(p, q) && !within(q, p)
}

func (d *decoded) place() string {
	for _, f := range d.filters {
		if f.id == fieldPath || f.id == fieldDir {
			return path.Clean(f.text)
		}
	}
	return ""
}

func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}
