package daemonjson

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Effective returns the value of a key that the running daemon works with, as
// far as the API shows it, in the form of the file. It is unknown for keys
// that the API does not show, without a daemon, and for userns-remap while
// user namespaces are on: the API does not say for which account. Off is "".
func Effective(s *resource.Snapshot, key string) (value json.RawMessage, known bool) {
	e, ok := s.Engine.Get()
	if !ok {
		return nil, false
	}
	v, ok := effective(&e, key)
	if !ok {
		return nil, false
	}
	raw, err := json.Marshal(v)
	return raw, err == nil
}

func effective(e *resource.Engine, key string) (any, bool) {
	if v, ok := bridgeValue(e, key); ok {
		return v, true
	}
	if v, ok := securityValue(e, key); ok {
		return v, true
	}
	switch key {
	case "live-restore":
		return e.LiveRestore, true
	case "debug":
		return e.Debug, true
	case "experimental":
		return e.Experimental, true
	case "labels":
		return orEmpty(e.Labels), true
	case "registry-mirrors":
		return orEmpty(e.Mirrors), true
	case "insecure-registries":
		return insecure(e), true
	case "log-driver":
		return e.LoggingDriver, e.LoggingDriver != ""
	case "default-runtime":
		return e.DefaultRuntime, e.DefaultRuntime != ""
	case "storage-driver":
		return e.Driver, e.Driver != ""
	case "data-root":
		return dataRoot(e), e.RootDir != ""
	case "min-api-version":
		return e.MinAPIVersion, e.MinAPIVersion != ""
	case "exec-opts":
		return []string{"native.cgroupdriver=" + e.CgroupDriver}, e.CgroupDriver != "" && e.CgroupDriver != "none"
	case "firewall-backend":
		backend, _, _ := strings.Cut(e.FirewallBackend, "+")
		return backend, backend != ""
	}
	return nil, false
}

// bridgeValue reads the options of the network "bridge".
func bridgeValue(e *resource.Engine, key string) (any, bool) {
	option := map[string]string{
		"icc": "enable_icc", "ip-masq": "enable_ip_masquerade", "ip": "host_binding_ipv4", "bridge": "name",
	}[key]
	if key == "mtu" {
		n, err := strconv.Atoi(e.Bridge["com.docker.network.driver.mtu"])
		return n, err == nil
	}
	text, ok := e.Bridge["com.docker.network.bridge."+option]
	switch key {
	case "icc", "ip-masq":
		b, err := strconv.ParseBool(text)
		return b, ok && err == nil
	case "ip":
		if text == "" {
			text = "0.0.0.0"
		}
		return text, e.Bridge != nil
	}
	return text, ok && text != ""
}

// securityValue reads SecurityOptions (fillSecurityOptions of daemon/info.go).
func securityValue(e *resource.Engine, key string) (any, bool) {
	has := func(name string) bool { return slices.Contains(e.SecurityOptions, "name="+name) }
	v, err := ParseVersion(e.Version)
	switch key {
	case "userns-remap":
		return "", !has("userns")
	case "selinux-enabled":
		return has("selinux"), true
	case "no-new-privileges":
		return has("no-new-privileges"), has("no-new-privileges") || err == nil && v.AtLeast(24, 0)
	case "default-cgroupns-mode":
		if has("cgroupns") {
			return "private", true
		}
		return "host", true
	case "seccomp-profile":
		return seccompOf(e)
	}
	return nil, false
}

// seccompOf reads "name=seccomp,profile=..."; 20.10 calls the built-in profile
// "default". Without the option the kernel or the daemon lacks seccomp.
func seccompOf(e *resource.Engine) (string, bool) {
	for _, o := range e.SecurityOptions {
		if profile, ok := strings.CutPrefix(o, "name=seccomp,profile="); ok {
			if profile == "default" {
				profile = "builtin"
			}
			return profile, true
		}
	}
	return "", false
}

// insecure joins registries and networks. The loopback networks are always
// among them and never in the file.
func insecure(e *resource.Engine) []string {
	all := slices.Concat([]string{}, e.InsecureRegistries, e.InsecureCIDRs)
	return slices.DeleteFunc(all, func(s string) bool { return s == "127.0.0.0/8" || s == "::1/128" })
}

// dataRoot takes off the directory that userns-remap appends: /100000.100000.
func dataRoot(e *resource.Engine) string {
	i := strings.LastIndexByte(e.RootDir, '/')
	if i <= 0 || !slices.Contains(e.SecurityOptions, "name=userns") {
		return e.RootDir
	}
	uid, gid, ok := strings.Cut(e.RootDir[i+1:], ".")
	_, err := strconv.ParseUint(uid, 10, 32)
	_, err2 := strconv.ParseUint(gid, 10, 32)
	if !ok || err != nil || err2 != nil {
		return e.RootDir
	}
	return e.RootDir[:i]
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// agrees reports whether an effective value is what want asks for: members of
// a merge patch only, lists of names in any order, spellings that mean the
// same.
func agrees(key string, want, have json.RawMessage) bool {
	switch key {
	case "labels", "insecure-registries", "registry-mirrors":
		return sameSet(stringsOf(want), stringsOf(have))
	case "exec-opts":
		w := stringsOf(want)
		return len(w) == 0 || sameSet(w, stringsOf(have))
	}
	w, errW := parseWanted(normal(key, want))
	h, errH := parseWanted(normal(key, have))
	if errW != nil || errH != nil || w == nil || h == nil {
		return false
	}
	return contains(h.Value, w.Value)
}

func stringsOf(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return []string{string(raw)}
	}
	for i, s := range list {
		list[i] = strings.TrimSuffix(s, "/")
		if p, err := netip.ParsePrefix(s); err == nil {
			list[i] = p.Masked().String()
		}
	}
	return list
}

// sameSet compares without order, and without repetition.
func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// normal brings spellings together that dockerd takes for the same.
func normal(key string, raw json.RawMessage) json.RawMessage {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return raw
	}
	switch key {
	case "seccomp-profile":
		if s == "" || s == "default" {
			s = "builtin"
		}
	case "ip", "default-gateway", "default-gateway-v6":
		if a, err := netip.ParseAddr(s); err == nil {
			s = a.Unmap().String()
		}
	case "data-root":
		if len(s) > 1 {
			s = strings.TrimSuffix(s, "/")
		}
	case "userns-remap":
		if u, _, _ := strings.Cut(s, ":"); u == "root" || u == "0" {
			s = "" // accepted, and user namespaces stay off
		}
	case "bridge":
		if s == "" {
			s = "docker0"
		}
	}
	out, err := json.Marshal(s)
	if err != nil {
		return raw
	}
	return out
}
