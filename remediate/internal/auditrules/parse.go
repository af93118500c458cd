package auditrules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elastic/go-libaudit/v2/rule"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Parse reads one line that adds a rule (-a or -w) as auditctl -R does. It asks
// at whether the path of -w is a directory, and whether what the kernel needs
// exists; at may be nil, then -w is refused with an *UnsupportedError. Errors
// are *MissingError, *UnsupportedError, or in other words what auditctl or the
// kernel would refuse.
func Parse(line string, at At) (Rule, error) {
	list, err := words(line)
	if err != nil {
		return Rule{}, err
	}
	opts, err := options(list)
	if err != nil {
		return Rule{}, err
	}
	return parse(line, opts, at)
}

func parse(line string, opts []option, at At) (Rule, error) {
	if at == nil {
		at = func(string) (resource.AuditPath, bool) { return resource.AuditPath{}, false }
	}
	d := &draft{at: at}
	for _, o := range opts {
		if err := d.take(o); err != nil {
			return Rule{}, err
		}
	}
	if err := d.check(); err != nil {
		return Rule{}, err
	}
	wire, err := d.build()
	if err != nil {
		return Rule{}, err
	}
	r := Rule{Text: strings.Trim(line, " "), Wire: wire, List: d.list, Action: d.action, Warnings: d.warnings}
	if d.key != "" {
		r.Keys = []string{d.key}
	}
	r.Path, r.Dir, r.Exe = d.watched()
	return r, nil
}

// A draft is a rule of which the options are read one after the other.
type draft struct {
	at           At
	list, action string
	watch        bool // made by -w
	filters      []rule.FilterSpec
	syscalls     []string
	key          string
	byVersion    bool
	warnings     []Warning
}

func (d *draft) take(o option) error {
	if d.list == "" && o.flag != "-a" && o.flag != "-A" && o.flag != "-w" && o.flag != "-S" {
		return fmt.Errorf("cannot read the rule: %s stands before -a or -w", o.flag)
	}
	switch o.flag {
	case "-a":
		return d.takeList(o.value)
	case "-A":
		return &UnsupportedError{What: "-A puts it before all others", Hint: "use -a, in a file whose name sorts first"}
	case "-w":
		return d.takeWatch(o.value)
	case "-p":
		return d.takePerm(o.value)
	case "-F":
		return d.takeField(o.value)
	case "-C":
		return d.takeComparison(o.value)
	case "-S":
		d.takeSyscalls(o.value)
		return nil
	case "-k":
		return d.takeKey(o.value)
	}
	return fmt.Errorf("cannot read the rule: %s does not go with -a or -w", o.flag)
}

// lists are those whose rules the library builds; the other ones are newer.
var (
	lists   = []string{"exit", "task", "user", "exclude"}
	newer   = []string{"filesystem", "io_uring"}
	actions = []string{"always", "never"}
)

// takeList reads "list,action" or "action,list".
func (d *draft) takeList(value string) error {
	if d.list != "" {
		return fmt.Errorf("cannot read the rule: -a %s follows another -a or -w", value)
	}
	list, action, _ := strings.Cut(value, ",")
	if slices.Contains(actions, list) {
		list, action = action, list
	}
	switch {
	case slices.Contains(newer, list) && slices.Contains(actions, action):
		return &UnsupportedError{What: fmt.Sprintf("bulwark does not know rules of the list %s", list)}
	case !slices.Contains(lists, list) || !slices.Contains(actions, action):
		return fmt.Errorf("cannot read the rule: -a %s is not an action (%s) and a list (%s) with a comma between",
			value, strings.Join(actions, ", "), strings.Join(lists, ", "))
	}
	d.list, d.action = list, action
	return nil
}

// takeWatch does what auditctl does with -w: it makes a filter for a directory
// if it finds one there, else for a path, and all permissions.
func (d *draft) takeWatch(path string) error {
	if d.list != "" {
		return fmt.Errorf("cannot read the rule: -w %s follows another -a or -w", path)
	}
	path = trimSlashes(path)
	if err := checkPath("-w", path); err != nil {
		return err
	}
	found, ok := d.at(path)
	if !ok {
		return &UnsupportedError{What: fmt.Sprintf("auditctl loads it according to whether %s is a directory, which is not known here", path)}
	}
	field := "path"
	if found.Type == resource.Dir {
		field = "dir"
	}
	d.watch, d.list, d.action = true, "exit", "always"
	d.add(field, "=", path)
	d.add("perm", "=", "rwxa")
	return nil
}

// trimSlashes does as auditctl with the value of -w.
func trimSlashes(path string) string {
	if len(path) <= 2 {
		return path
	}
	trimmed := strings.TrimRight(path, "/")
	if trimmed == "" {
		return "/"
	}
	return trimmed
}

// takePerm changes the permissions that are there or adds them.
func (d *draft) takePerm(value string) error {
	perm, err := permission("-p", value)
	if err != nil {
		return err
	}
	switch i := d.find("perm"); {
	case i >= 0:
		d.filters[i].RHS = perm
	case len(d.filters) == 0:
		return fmt.Errorf("cannot read the rule: -p %s stands before any field", value)
	default:
		d.add("perm", "=", perm)
	}
	return nil
}

func (d *draft) takeSyscalls(value string) {
	for name := range strings.SplitSeq(value, ",") {
		if name != "" { // auditctl's strtok(3) passes over it
			d.syscalls = append(d.syscalls, name)
		}
	}
}

// maxKey is AUDIT_MAX_KEY_LEN of linux/audit.h.
const maxKey = 256

func (d *draft) takeKey(value string) error {
	switch {
	case value == "":
		return fmt.Errorf("cannot read the rule: it has an empty key")
	case d.key != "":
		return &UnsupportedError{What: fmt.Sprintf("it has several keys, %s and %s", d.key, value), Hint: "give it one"}
	case len(value) > maxKey:
		return fmt.Errorf("cannot read the rule: its key has %d bytes, more than the %d that the kernel takes", len(value), maxKey)
	case len(d.syscalls) == 0 && !d.has("path", "dir", "perm", "exe"):
		return fmt.Errorf("cannot read the rule: its key %s must come after a syscall (-S), path, dir, perm or exe", value)
	}
	d.key = value
	return nil
}

func (d *draft) add(field, op, value string) {
	d.filters = append(d.filters, rule.FilterSpec{Type: rule.ValueFilterType, LHS: field, Comparator: op, RHS: value})
}

// find returns the index of the first filter on field, -1 if there is none.
func (d *draft) find(field string) int {
	return slices.IndexFunc(d.filters, func(f rule.FilterSpec) bool {
		return f.Type == rule.ValueFilterType && f.LHS == field
	})
}

func (d *draft) has(fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return d.find(f) >= 0 })
}

func (d *draft) count(fields ...string) (n int) {
	for _, f := range d.filters {
		if f.Type == rule.ValueFilterType && slices.Contains(fields, f.LHS) {
			n++
		}
	}
	return n
}

// watched are the path of path= or dir=, whether it is of dir=, and that of exe=.
func (d *draft) watched() (path string, dir bool, exe string) {
	for _, f := range d.filters {
		switch {
		case f.LHS == "path":
			path = f.RHS
		case f.LHS == "dir":
			path, dir = trimSlashes(f.RHS), true
		case f.LHS == "exe" && f.Comparator == "=":
			exe = f.RHS
		}
	}
	return path, dir, exe
}
