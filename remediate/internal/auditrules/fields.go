package auditrules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic/go-libaudit/v2/rule"
)

// A fieldKind is how the value of a field is written.
type fieldKind int

const (
	number   fieldKind = iota // decimal, 0x or 0 for octal
	argument                  // number, or a negative one
	user                      // number of a user
	group                     // number of a group
	text                      // kept as bytes
	place                     // text that is a path
	named                     // a number that has names
)

// A field is one that -F takes. Its id is that of linux/audit.h.
type field struct {
	id   uint32
	kind fieldKind
	ops  []string
}

// Operators, in the order in which auditctl looks for them in a filter
// (audit_rule_fieldpair_data of libaudit), and what the kernel takes for which
// field (audit_field_valid of kernel/auditfilter.c).
var (
	operators = []string{"!=", ">=", "<=", "&=", "=", ">", "<", "&"}
	ordered   = []string{"!=", ">=", "<=", "=", ">", "<"}
	equality  = []string{"!=", "="}
	equal     = []string{"="}
)

// fields are those that the library and bulwark know.
var fields = map[string]field{
	"pid": {0, number, ordered}, "uid": {1, user, ordered}, "euid": {2, user, ordered},
	"suid": {3, user, ordered}, "fsuid": {4, user, ordered}, "gid": {5, group, ordered},
	"egid": {6, group, ordered}, "sgid": {7, group, ordered}, "fsgid": {8, group, ordered},
	"auid": {9, user, ordered}, "pers": {10, number, operators}, "arch": {11, named, equality},
	"msgtype": {12, named, ordered}, "subj_user": {13, text, equality},
	"subj_role": {14, text, equality}, "subj_type": {15, text, equality},
	"subj_sen": {16, text, ordered}, "subj_clr": {17, text, ordered}, "ppid": {18, number, ordered},
	"obj_user": {19, text, equality}, "obj_role": {20, text, equality}, "obj_type": {21, text, equality},
	"obj_lev_low": {22, text, ordered}, "obj_lev_high": {23, text, ordered},
	"devmajor": {100, number, ordered}, "devminor": {101, number, operators},
	"inode": {102, number, equality}, "exit": {103, named, ordered}, "success": {104, number, ordered},
	"path": {105, place, equal}, "perm": {106, named, equal}, "dir": {107, place, equal},
	"filetype": {108, named, equality}, "obj_uid": {109, user, ordered}, "obj_gid": {110, group, ordered},
	"exe": {112, place, equality}, "saddr_fam": {113, number, ordered},
	"a0": {200, argument, operators}, "a1": {201, argument, operators},
	"a2": {202, argument, operators}, "a3": {203, argument, operators}, "key": {210, text, equal},
}

// unbuilt are fields that auditctl knows and the library does not.
var unbuilt = []string{"sessionid", "fstype", "field_compare"}

// takeField reads -F.
func (d *draft) takeField(value string) error {
	name, op, val := splitFilter(value)
	switch {
	case op == "":
		return fmt.Errorf("cannot read the filter %s: it has no operator (%s)", value, strings.Join(operators, " "))
	case name == "key" && op == "=":
		return d.takeKey(val)
	case name == "loginuid":
		name = "auid"
	case slices.Contains(unbuilt, name):
		return &UnsupportedError{What: fmt.Sprintf("bulwark does not know the field %s", name)}
	}
	f, ok := fields[name]
	switch {
	case !ok:
		return fmt.Errorf("cannot read the filter %s: there is no field %s", value, name)
	case val == "":
		return fmt.Errorf("cannot read the filter %s: it has no value", value)
	case !slices.Contains(f.ops, op):
		return fmt.Errorf("cannot read the filter %s: the kernel takes %s with %s only", value, name, strings.Join(f.ops, " "))
	}
	val, err := d.fieldValue(name, op, val, f)
	if err != nil {
		return err
	}
	d.add(name, op, val)
	return nil
}

// splitFilter looks for the first operator of the list that is anywhere in the
// filter, and so parts "a0>=1" and, wrongly but like auditctl, "path=/a!=b".
func splitFilter(filter string) (name, op, value string) {
	for _, op := range operators {
		if name, value, ok := strings.Cut(filter, op); ok {
			return name, op, value
		}
	}
	return filter, "", ""
}

// fieldValue checks a value and writes it so that the library reads it as
// auditctl would.
func (d *draft) fieldValue(name, op, value string, f field) (string, error) {
	switch {
	case f.kind == user || f.kind == group:
		return value, checkID(name, op, value)
	case f.kind == place:
		return value, checkPath(name+"=", value)
	case f.kind == number && !plain.MatchString(value), f.kind == argument && !plain.MatchString(strings.TrimPrefix(value, "-")):
		return "", fmt.Errorf("cannot read the filter %s%s%s: %s is not a number", name, op, value, value)
	case name == "perm":
		d.byVersion = d.byVersion || d.has("arch")
		return permission("perm=", value)
	case name == "filetype":
		return fileType(value)
	case name == "arch":
		return value, d.checkArch(value)
	}
	return value, nil
}

// plain is a number as strtol(3) with base 0 and the library both read it.
var plain = regexp.MustCompile(`^(0|[1-9][0-9]*|0[0-7]+|0x[0-9a-fA-F]+)$`)

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// checkID refuses names: the library would look them up on the machine that it
// runs on, which may be another one than the host.
func checkID(name, op, value string) error {
	unset := value == "unset" || value == "-1" || value == "4294967295"
	switch {
	case unset && name == "auid" && slices.Contains(equality, op):
		return nil
	case unset:
		return fmt.Errorf("cannot read the filter %s%s%s: the kernel takes unset only in auid= and auid!=", name, op, value)
	case decimal.MatchString(value):
		return nil
	case isDigit(value[0]) || value[0] == '-':
		return fmt.Errorf("cannot read the filter %s%s%s: write %s as a decimal number", name, op, value, value)
	}
	return &UnsupportedError{
		What: fmt.Sprintf("which number %s has in %s%s%s depends on the accounts of the host", value, name, op, value),
		Hint: "write the number instead of the name",
	}
}

// checkArch: auditctl refuses arch after -S.
func (d *draft) checkArch(value string) error {
	switch {
	case len(d.syscalls) > 0:
		return fmt.Errorf("cannot read the filter arch=%s: it must come before -S", value)
	case isDigit(value[0]):
		return &UnsupportedError{What: "it gives arch as the number " + value, Hint: "write b64 or b32"}
	}
	return nil
}

// permission returns the letters r, w, x and a of value, each once.
func permission(where, value string) (string, error) {
	lower := strings.ToLower(value)
	if len(value) > 4 || strings.Trim(lower, "rwxa") != "" {
		return "", fmt.Errorf("cannot read %s %s: permissions are up to four of r, w, x and a", where, value)
	}
	perm := ""
	for _, c := range "rwxa" {
		if strings.ContainsRune(lower, c) {
			perm += string(c)
		}
	}
	return perm, nil
}

// fileTypes are auditctl's words (lib/ftypetab.h) and the library's.
var fileTypes = map[string]string{
	"socket": "socket", "link": "symlink", "file": "file", "block": "block",
	"dir": "dir", "character": "char", "fifo": "fifo",
}

func fileType(value string) (string, error) {
	if word, ok := fileTypes[value]; ok {
		return word, nil
	}
	return "", fmt.Errorf("cannot read the filter filetype=%s: there is no such type of file", value)
}

// Limits of linux/limits.h.
const (
	maxPath = 4096
	maxName = 255
)

// checkPath refuses what auditctl or the kernel (audit_to_watch, audit_make_tree
// and audit_alloc_mark) refuse.
func checkPath(where, value string) error {
	switch {
	case value == "" || value[0] != '/':
		return fmt.Errorf("cannot watch %s %s: the path must be absolute", where, value)
	case len(value) >= maxPath:
		return fmt.Errorf("cannot watch %s %.40s...: the path has %d bytes, and the kernel takes less than %d", where, value, len(value), maxPath)
	case len(path.Base(value)) > maxName:
		return fmt.Errorf("cannot watch %s %.40s...: its last part has %d bytes, and file names end at %d", where, value, len(path.Base(value)), maxName)
	case where != "dir=" && where != "-w" && strings.HasSuffix(value, "/"):
		return fmt.Errorf("cannot watch %s %s: the kernel refuses a slash at its end", where, value)
	}
	return nil
}

// takeComparison reads -C.
func (d *draft) takeComparison(value string) error {
	for _, op := range equality {
		left, right, ok := strings.Cut(value, op)
		if !ok {
			continue
		}
		if d.list != "exit" {
			return fmt.Errorf("cannot read the comparison %s: -C goes with the list exit only", value)
		}
		d.filters = append(d.filters, rule.FilterSpec{
			Type: rule.InterFieldFilterType, LHS: loginUID(left), Comparator: op, RHS: loginUID(right),
		})
		return nil
	}
	return fmt.Errorf("cannot read the comparison %s: it has neither = nor !=", value)
}

// loginUID replaces auditctl's second name of auid.
func loginUID(field string) string {
	if field == "loginuid" {
		return "auid"
	}
	return field
}
