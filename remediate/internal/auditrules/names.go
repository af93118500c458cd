package auditrules

import (
	"fmt"
	"runtime"

	"github.com/elastic/go-libaudit/v2/auparse"
)

// Names of numbers of linux/audit.h.
var (
	listNames   = map[uint32]string{0: "user", 1: "task", 2: "entry", 4: "exit", 5: "exclude", 6: "filesystem", 7: "io_uring"}
	actionNames = map[uint32]string{0: "never", 1: "possible", 2: "always"}
	opNames     = map[uint32]string{
		0x08000000: "&", 0x10000000: "<", 0x20000000: ">", 0x30000000: "!=",
		0x40000000: "=", 0x48000000: "&=", 0x50000000: "<=", 0x60000000: ">=",
	}
)

// comparisons are the two fields of each AUDIT_COMPARE_*, from 1 on.
var comparisons = [][2]string{
	{"uid", "obj_uid"},
	{"gid", "obj_gid"},
	{"euid", "obj_uid"},
	{"egid", "obj_gid"},
	{"auid", "obj_uid"},
	{"suid", "obj_uid"},
	{"sgid", "obj_gid"},
	{"fsuid", "obj_uid"},
	{"fsgid", "obj_gid"},
	{"uid", "auid"},
	{"uid", "euid"},
	{"uid", "fsuid"},
	{"uid", "suid"},
	{"auid", "fsuid"},
	{"auid", "suid"},
	{"auid", "euid"},
	{"euid", "suid"},
	{"euid", "fsuid"},
	{"suid", "fsuid"},
	{"gid", "egid"},
	{"gid", "fsgid"},
	{"gid", "sgid"},
	{"egid", "fsgid"},
	{"egid", "sgid"},
	{"sgid", "fsgid"},
}

func name(names map[uint32]string, n uint32) string {
	if s, ok := names[n]; ok {
		return s
	}
	return fmt.Sprintf("0x%x", n)
}

func opText(op uint32) string { return name(opNames, op) }

func compareText(n uint32, op string) string {
	if n == 0 || n > uint32(len(comparisons)) {
		return fmt.Sprintf("comparison%s%d", op, n)
	}
	c := comparisons[n-1]
	return c[0] + op + c[1]
}

// fieldName returns "" for a field that is not known.
func fieldName(id uint32) string { return fieldNames[id] }

var fieldNames = func() map[uint32]string {
	names := map[uint32]string{25: "sessionid", 26: "fstype"} // which bulwark only prints
	for name, f := range fields {
		names[f.id] = name
	}
	return names
}()

// archName is the name of an architecture in the library's tables, or "".
func archName(value uint32) string { return auparse.AuditArchNames[auparse.AuditArch(value)] }

// shortArch is b64 or b32 for what this machine runs, else the name.
func shortArch(value uint32) string {
	arch, native := archName(value), nativeArch()
	switch {
	case arch == native && value&0x80000000 != 0: // __AUDIT_ARCH_64BIT
		return "b64"
	case arch != "" && (arch == native || arch == narrow[native]):
		return "b32"
	case arch != "":
		return arch
	}
	return fmt.Sprintf("0x%X", value)
}

// narrow are the 32-bit architectures of 64-bit ones.
var narrow = map[string]string{"x86_64": "i386", "aarch64": "arm", "ppc64": "ppc", "s390x": "s390"}

// nativeArch is the architecture that this program is built for, in audit's
// words; "" for one without a table.
func nativeArch() string { return arches[runtime.GOARCH] }

var arches = map[string]string{
	"amd64": "x86_64", "386": "i386", "arm64": "aarch64", "arm": "arm",
	"ppc64": "ppc64", "ppc64le": "ppc64le", "s390x": "s390x",
}
