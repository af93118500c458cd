package plans

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// crossCheck reports what one key means for another, which the schema cannot
// say. It judges the merged policy: the keys may come from different files.
func crossCheck(root *node) Errors {
	c := checker{root: root}
	c.ulimits()
	c.logOpts()
	c.conflicts()
	c.userns()
	c.egress()
	c.seccomp()
	c.limits()
	return c.errs
}

type checker struct {
	root *node
	errs Errors
}

func (c *checker) fail(n *node, key, want, got, hint string) {
	c.errs.add(&Error{File: n.file, Line: n.line, Column: n.col, Key: key, Want: want, Got: got, Hint: hint})
}

// ulimits: dockerd takes soft > hard and incomplete limits, and then no
// container starts.
func (c *checker) ulimits() {
	limits := c.root.at("daemon", "default-ulimits")
	if !limits.stated() {
		return
	}
	for _, f := range limits.fields {
		if f.value.kind != object {
			continue
		}
		key := "daemon.default-ulimits." + f.key
		soft, hard := f.value.get("soft"), f.value.get("hard")
		if soft == nil || hard == nil {
			c.fail(f.value, key, "both soft and hard", "only one of them", "")
		} else if unlimited(soft) > unlimited(hard) {
			c.fail(soft, key+".soft", "at most hard ("+hard.text+")", soft.text, "")
		}
	}
}

// unlimited reads a limit; -1 is the highest.
func unlimited(n *node) int64 {
	v, _ := strconv.ParseInt(n.text, 10, 64) // the schema bounds it
	if v < 0 {
		return math.MaxInt64
	}
	return v
}

// fileLogOpts are the options that bound local log files.
func fileLogOpts() []string { return []string{"compress", "max-file", "max-size"} }

// validLogOpt reports whether the engine's driver takes an option (moby
// daemon/logger/DRIVER, ValidateLogOpt) and what it takes. Drivers that send
// logs away gain options with releases: of them only the slip is caught to
// leave the options of json-file behind.
func validLogOpt(driver, opt string) (valid bool, known []string) {
	// The local cache of remote drivers; every driver accepts its options.
	if strings.HasPrefix(opt, "cache-") {
		return true, nil
	}
	switch driver {
	case "json-file":
		known = append(fileLogOpts(), "env", "env-regex", "labels", "labels-regex", "tag")
	case "local":
		known = fileLogOpts()
	case "awslogs", "fluentd", "gcplogs", "gelf", "journald", "splunk", "syslog":
		return !slices.Contains(fileLogOpts(), opt), nil
	default:
		return true, nil
	}
	known = append(known, "mode", "max-buffer-size")
	return slices.Contains(known, opt), known
}

// logOpts: an option that the driver does not know keeps dockerd from
// starting; a bad value keeps containers from starting.
func (c *checker) logOpts() {
	opts, driver := c.root.at("daemon", "log-opts"), c.root.at("daemon", "log-driver")
	if !opts.stated() || len(opts.fields) == 0 {
		return
	}
	name := "json-file" // dockerd's default; on a host with another driver the options are blocked
	if driver.stated() {
		name = driver.text
	}
	for _, f := range opts.fields {
		if f.value.kind != null {
			c.logOpt(name, f)
		}
	}
}

var (
	logSize = regexp.MustCompile(`^[1-9][0-9]*(\.[0-9]+)? ?([kKmMgGtTpP]?[iI]?[bB]?)$`) // go-units FromHumanSize
	logFile = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)
)

func (c *checker) logOpt(driver string, f field) {
	path := "daemon.log-opts." + shorten(f.key)
	valid, known := validLogOpt(driver, f.key)
	switch {
	case !valid:
		hint := "dockerd does not start with an option that its log driver does not know"
		if known != nil {
			hint = "its options are " + strings.Join(known, ", ")
		}
		if near := resource.Nearest(f.key, known); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		c.errs.add(&Error{File: f.value.file, Line: f.line, Column: f.col, Key: path, Want: "an option of " + driver, Got: fmt.Sprintf("%q", shorten(f.key)), Hint: hint})
	case known == nil: // another driver may use the names for something else
	case f.key == "max-size" && !logSize.MatchString(f.value.text):
		c.fail(f.value, path, "a size such as 10m", f.value.describe(false), "")
	case f.key == "max-file" && !logFile.MatchString(f.value.text):
		c.fail(f.value, path, "a count of files from 1", f.value.describe(false), "")
	case f.key == "mode" && f.value.text != "blocking" && f.value.text != "non-blocking":
		c.fail(f.value, path, "blocking or non-blocking", f.value.describe(false), "")
	}
}

// conflicts are pairs with which dockerd does not start, or not reload.
func (c *checker) conflicts() {
	d := c.root.get("daemon")
	if p := d.get("userland-proxy"); p.is(boolean, "true") && !d.get("userland-proxy-path").stated() {
		c.fail(p, "daemon.userland-proxy", "userland-proxy-path beside true", "none",
			"true is dockerd's default, but every reload fails when it is stated alone\nwrite null to have the key absent")
	}
	if i := d.get("icc"); i.is(boolean, "false") && d.get("iptables").is(boolean, "false") {
		c.fail(i, "daemon.icc", "iptables other than false", "both false", "icc works through iptables; dockerd does not start with both")
	}
	if g := d.get("host-gateway-ip"); g.stated() && d.get("host-gateway-ips").stated() {
		c.fail(g, "daemon.host-gateway-ip", "one of host-gateway-ip and host-gateway-ips", "both", "")
	}
}

func (c *checker) userns() {
	u := c.root.get("userns")
	if u == nil || u.get("remap").is(text, Off) {
		return
	}
	if s := c.root.at("daemon", "features", "containerd-snapshotter"); s.is(boolean, "true") {
		c.fail(s, "daemon.features.containerd-snapshotter", "no containerd image store beside userns", "true",
			"Engine 29 and newer does not start with both; user namespaces use the older store")
	}
	start, size := u.get("start"), int64(65536)
	if n := u.get("size"); n != nil {
		size, _ = strconv.ParseInt(n.text, 10, 64) // the schema bounds it
	}
	if start == nil || start.kind != number {
		return
	}
	first, _ := strconv.ParseInt(start.text, 10, 64) // the schema bounds it
	if first+size > math.MaxUint32 {                 // 4294967295 is (uid_t)-1
		c.fail(start, "userns.start", "a range that ends at 4294967294 or before", fmt.Sprintf("%d + %d ids", first, size), "")
	}
}

func (c *checker) seccomp() {
	s := c.root.get("seccomp")
	if s == nil {
		return
	}
	if p := c.root.at("daemon", "seccomp-profile"); p != nil {
		c.fail(p, "daemon.seccomp-profile", "either this key or the section seccomp", "both", "the section sets the key")
	}
	for _, key := range []string{"base", "deny", "allow"} {
		if n := s.get(key); n != nil && s.get("file") != nil {
			c.fail(n, "seccomp."+key, "either file or "+key, "both", "")
		}
	}
}

func (c *checker) limits() {
	rules := c.root.at("limits", "rules")
	if rules == nil {
		return
	}
	for i, rule := range rules.items {
		swap, memory := rule.get("memory-swap"), rule.get("memory")
		key := fmt.Sprintf("limits.rules[%d].memory-swap", i)
		switch {
		case memory != nil && bytesOf(memory.text) > exbibyte:
			c.fail(memory, fmt.Sprintf("limits.rules[%d].memory", i), "at most 1 EiB", memory.text, "")
		case swap == nil:
		case swap.text != "-1" && bytesOf(swap.text) > exbibyte:
			c.fail(swap, key, "at most 1 EiB", swap.text, "\"-1\" is unlimited")
		case memory == nil:
			c.fail(swap, key, "memory beside it", "none", "memory-swap counts memory too")
		case swap.text != "-1" && bytesOf(swap.text) < bytesOf(memory.text):
			c.fail(swap, key, "at least memory ("+memory.text+")", swap.text, "memory-swap counts memory too")
		}
	}
}

// exbibyte is more than any machine has, and leaves room to double it.
const exbibyte = 1 << 60

// bytesOf reads a size that the schema has passed.
func bytesOf(s string) float64 {
	unit := map[byte]float64{'b': 1, 'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30}
	digits := strings.TrimRight(s, "bkmg")
	v, _ := strconv.ParseFloat(digits, 64)
	return v * cmp.Or(unit[s[len(s)-1]], 1)
}

// checkUnmanaged catches slips in unmanaged: a key that is misspelt there
// would be changed on the host after all.
func (l *loader) checkUnmanaged(parent, child *node) {
	list := child.get("unmanaged")
	if list == nil {
		return
	}
	known := schema().Properties["daemon"].deref().keys()
	for i, item := range list.items {
		e := &Error{File: item.file, Line: item.line, Column: item.col, Key: fmt.Sprintf("unmanaged[%d]", i)}
		key, isKey := strings.CutPrefix(item.text, "daemon.")
		path := []string{item.text}
		if isKey {
			path = []string{"daemon", key}
		}
		switch {
		case child.at(path...) != nil:
			e.Want, e.Got = "a key that this file does not state", item.text
		case child.get("extends") == nil:
			e.Want, e.Got = "extends beside it", "none"
		case isKey && parent.at(path...) == nil && !slices.Contains(known, key):
			e.Want, e.Got = "a key that the extended policy states", item.text
			if near := resource.Nearest(key, slices.Sorted(maps.Keys(schema().Defs["daemon"].Properties))); near != "" {
				e.Hint = fmt.Sprintf("did you mean daemon.%s?", near)
			}
		default:
			continue
		}
		l.errs.add(e)
	}
}
