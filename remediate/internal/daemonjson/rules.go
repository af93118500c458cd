package daemonjson

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// rules are what dockerd refuses, or mistreats, about values and about keys
// that do not go together. Keys of the wrong type decode to their zero value
// here and are reported elsewhere.
func (c *checker) rules() {
	for _, rule := range []func(){
		c.enums, c.counts, c.labels, c.mirrors, c.execOpts, c.sizes, c.usernsSpec,
		c.ulimits, c.logOpts, c.runtimes, c.firewall, c.exclusive, c.reloadTraps, c.imageStore,
	} {
		rule()
	}
}

// into decodes a top-level key; it reports whether it is there and fits.
func (c *checker) into(key string, v any) bool {
	raw, ok := c.doc.get(key)
	return ok && string(raw) != "null" && json.Unmarshal(raw, v) == nil
}

func (c *checker) str(key string) string {
	var s string
	c.into(key, &s)
	return s
}

func (c *checker) strs(key string) []string {
	var s []string
	c.into(key, &s)
	return s
}

// is reports whether a bool key is in the file and has that value.
func (c *checker) is(key string, value bool) bool {
	var b bool
	return c.into(key, &b) && b == value
}

func (c *checker) enums() {
	for key, allowed := range map[string][]string{
		"log-level":             {"trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"},
		"log-format":            {"text", "json"},
		"default-ipc-mode":      {"private", "shareable"},
		"default-cgroupns-mode": {"private", "host"},
		"firewall-backend":      {"iptables", "nftables"},
	} {
		v := c.str(key)
		if key == "log-level" {
			v = strings.ToLower(v)
		}
		if v != "" && !slices.Contains(allowed, v) {
			c.on(Refused, key, fmt.Sprintf("%q cannot be %q", key, v), "use one of "+strings.Join(allowed, ", "))
		}
	}
}

func (c *checker) counts() {
	for _, key := range []string{"max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "default-stop-timeout", "mtu"} {
		var n int
		if c.into(key, &n) && n < 0 {
			c.on(c.depends(key != "mtu" || c.engine.AtLeast(23, 0)), key, fmt.Sprintf("%q cannot be negative", key), "use 0 or more")
		}
	}
}

// labels must be key=value; two values for one key are refused.
func (c *checker) labels() {
	seen := map[string]string{}
	for _, l := range c.strs("labels") {
		k, v, ok := strings.Cut(l, "=")
		if !ok || k == "" {
			c.on(Refused, "labels", "an entry of \"labels\" is not of the form key=value", "write \"key=value\"")
			continue
		}
		if old, dup := seen[k]; dup && old != v {
			c.on(Refused, "labels", fmt.Sprintf("\"labels\" gives %q two values", k), "keep one of them")
		}
		seen[k] = v
	}
}

func (c *checker) mirrors() {
	for _, m := range c.strs("registry-mirrors") {
		u, err := url.Parse(m)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			c.on(Refused, "registry-mirrors", "an entry of \"registry-mirrors\" is not a plain http or https URL",
				"write \"https://host\" without user, query and fragment")
		}
	}
}

// execOpts: parseExecOptions of daemon/config refuses what older engines
// ignored.
func (c *checker) execOpts() {
	for _, o := range c.strs("exec-opts") {
		k, _, ok := strings.Cut(o, "=")
		if !ok || strings.ToLower(strings.TrimSpace(k)) != "native.cgroupdriver" {
			c.on(c.depends(c.engine.AtLeast(28, 0)), "exec-opts",
				"\"exec-opts\" has an option other than native.cgroupdriver: refused from Engine 28.0, ignored before", "write \"native.cgroupdriver=systemd\"")
		}
	}
}

func (c *checker) sizes() {
	size := regexp.MustCompile(`^\d+(\.\d+)? ?([kKmMgGtTpP]?[iI]?[bB]?)$`)
	if s := c.str("default-shm-size"); s != "" && !size.MatchString(s) {
		c.on(Refused, "default-shm-size", "\"default-shm-size\" is no size", `write it as "64m"`)
	}
}

// usernsSpec reads the value as parseRemappedRoot of daemon_unix.go does.
func (c *checker) usernsSpec() {
	v := c.str("userns-remap")
	if strings.Count(v, ":") > 1 {
		c.on(Refused, "userns-remap", "\"userns-remap\" has more than two parts", "write \"default\", \"user\" or \"user:group\"")
	}
	if u, _, _ := strings.Cut(v, ":"); u == "root" || u == "0" {
		c.on(Hazard, "userns-remap", "\"userns-remap\" with root is accepted and leaves user namespaces off", "name an unprivileged user or \"default\"")
	}
}

// ulimits that pass the parser keep containers from starting.
func (c *checker) ulimits() {
	var m map[string]*ulimit
	if !c.into("default-ulimits", &m) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		u, key := m[name], join("default-ulimits", name)
		switch {
		case u == nil:
			c.on(Refused, "default-ulimits", fmt.Sprintf("%q is null", key), "remove it or give it Name, Soft and Hard")
		case u.Name == "":
			c.on(Refused, "default-ulimits", fmt.Sprintf("%q has no Name: no container would start", key), fmt.Sprintf("add \"Name\": %q", name))
		case u.Hard >= 0 && (u.Soft > u.Hard || u.Soft < 0):
			c.on(Refused, "default-ulimits", fmt.Sprintf("%q has Soft over Hard: no container would start", key), "lower Soft or raise Hard")
		}
	}
}

// logOpts refuses options that belong to another driver: dockerd does not
// start with them (daemon/logger, ValidateLogOpt). Drivers that are plugins
// are not judged.
func (c *checker) logOpts() {
	var opts map[string]string
	driver := c.str("log-driver")
	if driver == "" || !c.into("log-opts", &opts) {
		return
	}
	for _, o := range slices.Sorted(maps.Keys(opts)) {
		if !logOptKnown(driver, o) {
			c.on(Refused, "log-opts", fmt.Sprintf("%q is no option of log driver %s: dockerd would not start", join("log-opts", o), driver),
				// A null in a policy takes it from what is inherited, not from the file.
				fmt.Sprintf("remove it where it stands: from daemon.json, or set %s to null in the policy that extends another", o), "log-driver")
		}
	}
}

func logOptKnown(driver, opt string) bool {
	prefixes := map[string]string{
		"syslog": "syslog-", "gelf": "gelf-", "fluentd": "fluentd-", "splunk": "splunk-", "awslogs": "awslogs-", "gcplogs": "gcp-",
		"json-file": "max-", "local": "max-", "journald": "journald-",
	}
	prefix, ok := prefixes[driver]
	if !ok || strings.HasPrefix(opt, prefix) || strings.HasPrefix(opt, "cache-") {
		return true
	}
	if opt == "compress" {
		return driver == "json-file" || driver == "local"
	}
	return slices.Contains([]string{"mode", "max-buffer-size", "labels", "labels-regex", "env", "env-regex", "tag"}, opt)
}

func (c *checker) runtimes() {
	var m map[string]json.RawMessage
	c.into("runtimes", &m)
	if _, ok := m["runc"]; ok {
		c.on(Refused, "runtimes", "\"runtimes\" defines runc, a reserved name: dockerd would not start", "give it another name")
	}
	def := c.str("default-runtime")
	if _, ok := m[def]; def == "" || def == "runc" || ok || strings.HasPrefix(def, "io.containerd.") {
		return
	}
	c.on(c.depends(c.engine.Before(25, 0)), "default-runtime",
		"\"default-runtime\" names a runtime that \"runtimes\" does not define", "define it under \"runtimes\"", "runtimes")
}

// firewall holds verifyDaemonSettings of daemon_unix.go.
func (c *checker) firewall() {
	if c.is("icc", false) && c.is("iptables", false) {
		c.on(Refused, "icc", "\"icc\" false needs iptables, but \"iptables\" is false: dockerd would not start", "remove \"iptables\"", "iptables")
	}
	if c.is("icc", false) && c.is("ip6tables", false) && c.is("ipv6", true) {
		c.on(c.depends(c.engine.AtLeast(27, 0)), "icc",
			"\"icc\" false with \"ipv6\" needs ip6tables, but \"ip6tables\" is false: dockerd would not start", "remove \"ip6tables\"", "ip6tables", "ipv6")
	}
	if c.is("ip6tables", true) && !c.is("experimental", true) && !c.engine.AtLeast(27, 0) {
		c.on(c.depends(true), "ip6tables", "\"ip6tables\" true needs \"experimental\" true before Engine 27.0", "set \"experimental\" to true or remove \"ip6tables\"", "experimental")
	}
}

// exclusive holds pairs that must not both be given.
func (c *checker) exclusive() {
	for _, pair := range [][2]string{
		{"graph", "data-root"},
		{"host-gateway-ip", "host-gateway-ips"},
		{"bridge", "bip"},
		{"bridge", "bip6"},
	} {
		a, okA := c.doc.get(pair[0])
		b, okB := c.doc.get(pair[1])
		if okA && okB && empty(a) == empty(b) && !empty(a) {
			c.on(Refused, pair[1], fmt.Sprintf("%q and %q exclude each other", pair[0], pair[1]), "keep one of them", pair[0])
		}
	}
}

func empty(raw json.RawMessage) bool { return string(raw) == `""` || string(raw) == "null" }

// reloadTraps are what a later SIGHUP trips over (config.Reload and
// DaemonCli.reloadConfig).
func (c *checker) reloadTraps() {
	if c.is("userland-proxy", true) && c.str("userland-proxy-path") == "" && !c.engine.Before(25, 0) {
		c.on(Hazard, "userland-proxy", "\"userland-proxy\" true without \"userland-proxy-path\" makes every reload fail from Engine 25.0",
			"remove it: true is the default")
	}
	if len(c.strs("authorization-plugins")) > 0 {
		c.on(Hazard, "authorization-plugins", "a reload ends dockerd if a plugin of \"authorization-plugins\" is missing then", "restart instead of reloading")
	}
}

func (c *checker) imageStore() {
	var f map[string]bool
	if c.into("features", &f) && f["containerd-snapshotter"] && c.str("userns-remap") != "" && !c.engine.Before(29, 0) {
		c.on(c.depends(true), "features", "\"features.containerd-snapshotter\" true excludes \"userns-remap\" from Engine 29.0",
			"set containerd-snapshotter to false or remove it", "userns-remap")
	}
}
