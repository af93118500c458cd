package auditrules

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/elastic/go-libaudit/v2/auparse"
)

// Text is a kernel's rule for people, as auditctl -l prints it. What it cannot
// decode it shows as hexadecimal bytes.
func Text(wire []byte) string {
	d, err := decode(wire)
	if err != nil {
		return fmt.Sprintf("(%v: %s)", err, hex.EncodeToString(wire[:min(len(wire), headerSize)]))
	}
	if d.isWatch() {
		return d.watchText()
	}
	return d.syscallText()
}

// isWatch is what auditctl -l prints with -w: all syscalls, and nothing but
// path or dir, perm and keys (is_watch in src/auditctl-listing.c).
func (d *decoded) isWatch() bool {
	perm, place := false, false
	for _, f := range d.filters {
		switch f.id {
		case fieldPerm:
			perm = true
		case fieldPath, fieldDir:
			place = true
		case fieldKey:
		default:
			return false
		}
	}
	return perm && place && d.list&listMask == listExit && d.action == actionAlways && d.allSyscalls()
}

func (d *decoded) watchText() string {
	var out []string
	for _, f := range d.filters {
		switch f.id {
		case fieldPath, fieldDir:
			out = append(out, "-w "+escape(f.text))
		case fieldPerm:
			out = append(out, "-p "+permText(f.value))
		case fieldKey:
			out = append(out, keysText("-k ", f.text))
		}
	}
	return strings.Join(out, " ")
}

func (d *decoded) syscallText() string {
	out := []string{fmt.Sprintf("-a %s,%s", name(actionNames, d.action), name(listNames, d.list&listMask))}
	arch := ""
	for _, f := range d.filters {
		if f.id == fieldArch {
			arch = archName(f.value)
			out = append(out, "-F arch"+opText(f.op)+shortArch(f.value))
		}
	}
	if s := d.syscallsText(arch); s != "" {
		out = append(out, "-S "+s)
	}
	for _, f := range d.filters {
		if f.id != fieldArch {
			out = append(out, f.String())
		}
	}
	return strings.Join(out, " ")
}

// syscallsText names the syscalls; other lists than exit have none.
func (d *decoded) syscallsText(arch string) string {
	if d.list&listMask != listExit {
		return ""
	}
	if d.allSyscalls() {
		return "all"
	}
	if arch == "" {
		arch = nativeArch()
	}
	var names []string
	for _, n := range d.syscalls() {
		s, ok := auparse.AuditSyscalls[arch][n]
		if !ok {
			s = strconv.Itoa(n)
		}
		names = append(names, s)
	}
	return strings.Join(names, ",")
}

func (f filter) String() string {
	switch {
	case f.id == fieldKey:
		return keysText("-F key=", f.text)
	case f.id == fieldCompare:
		return "-C " + compareText(f.value, opText(f.op))
	}
	field := fieldName(f.id)
	if field == "" {
		field = fmt.Sprintf("f%d", f.id)
	}
	return "-F " + field + opText(f.op) + f.valueText()
}

func (f filter) valueText() string {
	switch {
	case isText(f.id):
		return escape(f.text)
	case f.id == fieldPerm:
		return permText(f.value)
	case f.id == fieldMsgType && f.value <= 0xffff:
		return auparse.AuditMessageType(f.value).String()
	case f.id >= fieldArg0 && f.id <= fieldArg3:
		return fmt.Sprintf("0x%X", f.value)
	case f.id == fieldInode:
		return strconv.FormatUint(uint64(f.value), 10)
	case f.id == fieldExit && int32(f.value) < 0:
		if s, ok := auparse.AuditErrnoToName[-int(int32(f.value))]; ok {
			return "-" + s
		}
	}
	return strconv.Itoa(int(int32(f.value)))
}

func keysText(before, text string) string {
	var out []string
	for key := range strings.SplitSeq(text, keySeparator) {
		out = append(out, before+escape(key))
	}
	return strings.Join(out, " ")
}

// escape writes a text as auditctl -R reads it; what it cannot read there is
// shown like in Go.
func escape(s string) string {
	q := strconv.Quote(s)
	q = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	return strings.ReplaceAll(q, " ", `\ `)
}

func permText(value uint32) string {
	out := ""
	for _, p := range []struct {
		bit    uint32
		letter string
	}{{4, "r"}, {2, "w"}, {1, "x"}, {8, "a"}} { // AUDIT_PERM_READ and so on
		if value&p.bit != 0 {
			out += p.letter
		}
	}
	return out
}
