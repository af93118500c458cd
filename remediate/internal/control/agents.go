package control

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// judgeKubelet: without --config the kubelet has the defaults of its flags, which
// let everybody in; a configuration file has others (kubelet --help).
func judgeKubelet(t *tally) {
	t.agent("kubelet", t.s.Survey.Value.Kubelet, func(a resource.Agent) []string {
		byFlags := a.File == "" || a.Running && len(a.Argv) > 0 && flagOf(a.Argv, "config") == ""
		if byFlags {
			a.Settings = nil
		}
		var bad []string
		if v := setBy(a, "authentication.anonymous.enabled", "anonymous-auth"); v == "" && byFlags || v != "" && !off(v) {
			bad = append(bad, "anonymous calls are allowed")
		}
		if v := setBy(a, "authorization.mode", "authorization-mode"); v == "" && byFlags || v == "AlwaysAllow" {
			bad = append(bad, "authorization mode AlwaysAllow")
		}
		if v := setBy(a, "readOnlyPort", "read-only-port"); v == "" && byFlags || v != "" && v != "0" {
			bad = append(bad, "the read-only port is open")
		}
		return bad
	})
}

func judgeEtcd(t *tally) {
	t.agent("etcd", t.s.Survey.Value.Etcd, func(a resource.Agent) []string {
		var bad []string
		if v := setBy(a, "client-cert-auth", "client-cert-auth"); !on(v) {
			bad = append(bad, "clients need no certificate")
		}
		if setBy(a, "trusted-ca-file", "trusted-ca-file") == "" {
			bad = append(bad, "no CA for clients")
		}
		if slices.ContainsFunc(strings.Split(setBy(a, "listen-client-urls", "listen-client-urls"), ","), plainHTTP) {
			bad = append(bad, "clients are served without TLS")
		}
		return bad
	})
}

// plainHTTP reports an address without TLS that other hosts reach: there etcd asks
// for no certificate, whatever it is told.
func plainHTTP(address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	return err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !loopback(u.Hostname())
}

func on(v string) bool {
	b, err := strconv.ParseBool(v)
	return err == nil && b
}

func off(v string) bool {
	b, err := strconv.ParseBool(v)
	return err == nil && !b
}

func (t *tally) agent(name string, fact resource.Fact[resource.Agent], wrong func(resource.Agent) []string) {
	a, ok := fact.Get()
	switch {
	case t.s.Survey.Unknown != "":
		t.unknown(resource.HostObject, name, t.s.Survey.Unknown)
	case !ok:
		t.unknown(resource.HostObject, name, fact.Unknown)
	case !a.Running && a.File == "":
		t.nothing("there is no " + name + " here")
	default:
		if bad := wrong(a); len(bad) > 0 {
			t.fail(resource.Finding{Kind: resource.HostObject, Object: name, Observed: strings.Join(bad, "; ")})
			return
		}
		t.holds(1)
	}
}

// setBy reads a setting. The survey has the flags among the settings already,
// where the program goes by them.
func setBy(a resource.Agent, key, flag string) string {
	if v, ok := a.Settings[key]; ok || a.File != "" && len(a.Settings) > 0 {
		return v
	}
	return flagOf(a.Argv, flag)
}

// flagOf is the value of a flag; the last of several counts, and one or two dashes
// are the same to etcd.
func flagOf(argv []string, flag string) string {
	var last string
	for i, word := range argv {
		name, value, given := strings.Cut(word, "=")
		switch {
		case name != "-"+flag && name != "--"+flag:
		case given:
			last = value
		case i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-"):
			last = argv[i+1]
		default:
			last = "true"
		}
	}
	return last
}
