package auditrules

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Offsets in struct audit_rule_data (linux/audit.h): flags, action, number of
// fields, bit mask of the syscalls, then the fields in three arrays, and the
// texts of all fields behind each other.
const (
	maskWords    = 64
	maxFields    = 64
	maskOffset   = 12
	fieldsOffset = maskOffset + 4*maskWords
	valuesOffset = fieldsOffset + 4*maxFields
	opsOffset    = valuesOffset + 4*maxFields
	textsOffset  = opsOffset + 4*maxFields
	headerSize   = textsOffset + 4
)

// Numbers of linux/audit.h.
const (
	listTask       = 1
	listExit       = 4
	listExclude    = 5
	listFilesystem = 6
	listMask       = 0x0f // without AUDIT_FILTER_PREPEND

	actionNever  = 0
	actionAlways = 2

	opEqual    = 0x40000000
	opNotEqual = 0x30000000

	msgSyscall = 1300
	msgPath    = 1302

	fieldArch    = 11
	fieldMsgType = 12
	fieldSubject = 13 // to fieldObject, but for ppid: texts
	fieldPPID    = 18
	fieldObject  = 23
	fieldFSType  = 26
	fieldInode   = 102
	fieldExit    = 103
	fieldPath    = 105
	fieldPerm    = 106
	fieldDir     = 107
	fieldCompare = 111
	fieldExe     = 112
	fieldArg0    = 200
	fieldArg3    = 203
	fieldKey     = 210

	keySeparator = "\x01"
)

// A decoded is a rule taken apart.
type decoded struct {
	list, action uint32
	mask         [maskWords]uint32
	filters      []filter
}

// A filter is one field of a decoded rule; text is its value if it has one.
type filter struct {
	id, op, value uint32
	text          string
}

func isText(id uint32) bool {
	return id >= fieldSubject && id <= fieldObject && id != fieldPPID ||
		id == fieldPath || id == fieldDir || id == fieldExe || id == fieldKey
}

// decode refuses what the kernel would never list.
func decode(wire []byte) (decoded, error) {
	if len(wire) < headerSize {
		return decoded{}, fmt.Errorf("cannot decode a rule of %d bytes: %d are the least", len(wire), headerSize)
	}
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(wire[at:]) }
	d := decoded{list: word(0), action: word(4)}
	n, texts := word(8), wire[headerSize:]
	if n > maxFields || uint64(word(textsOffset)) > uint64(len(texts)) {
		return decoded{}, fmt.Errorf("cannot decode a rule of %d fields and %d bytes of text", n, word(textsOffset))
	}
	texts = texts[:word(textsOffset)]
	for i := range d.mask {
		d.mask[i] = word(maskOffset + 4*i)
	}
	for i := range int(n) {
		f := filter{id: word(fieldsOffset + 4*i), value: word(valuesOffset + 4*i), op: word(opsOffset + 4*i)}
		if isText(f.id) {
			if uint64(f.value) > uint64(len(texts)) {
				return decoded{}, fmt.Errorf("cannot decode a rule: the text of field %d is cut off", f.id)
			}
			f.text, texts = string(texts[:f.value]), texts[f.value:]
		}
		d.filters = append(d.filters, f)
	}
	return d, nil
}

// Normal cuts off what may lie behind a rule in a message, and fills it to a
// multiple of 4 bytes with zeros, as the library does.
func Normal(wire []byte) []byte {
	if len(wire) < headerSize {
		return slices.Clone(wire)
	}
	end := uint64(headerSize) + uint64(binary.NativeEndian.Uint32(wire[textsOffset:]))
	if end > uint64(len(wire)) {
		return slices.Clone(wire)
	}
	out := slices.Clone(wire[:end])
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out
}

// Keys are the keys of a kernel's rule.
func Keys(wire []byte) []string {
	d, err := decode(wire)
	if err != nil {
		return nil
	}
	return d.keys()
}

func (d *decoded) keys() []string {
	var keys []string
	for _, f := range d.filters {
		if f.id == fieldKey {
			keys = append(keys, strings.Split(f.text, keySeparator)...)
		}
	}
	return keys
}

// allSyscalls goes, like auditctl, by all words but the last, which holds the
// bits of syscall classes that the kernel clears.
func (d *decoded) allSyscalls() bool {
	for _, w := range d.mask[:maskWords-1] {
		if w != 0xffffffff {
			return false
		}
	}
	return true
}

func (d *decoded) syscalls() []int {
	var out []int
	for i, word := range d.mask {
		for ; word != 0; word &= word - 1 { // without its lowest bit
			out = append(out, i*32+bits.TrailingZeros32(word))
		}
	}
	return out
}

// value returns the value of the first filter on a field with this operator.
func (d *decoded) value(id, op uint32) (filter, bool) {
	for _, f := range d.filters {
		if f.id == id && f.op == op {
			return f, true
		}
	}
	return filter{}, false
}
