package probe_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/probe"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// silence denies all, but what the host itself asks.
func silence(string) string { return "timed out" }

var (
	errNo     = errors.New("there is none")
	egressIDs = []string{"egress-tcp4", "egress-udp4", "egress-icmp4", "egress-http", "egress-tcp6", "egress-udp6", "egress-icmp6"}
)

type verdictCase struct {
	title, id, policy string
	lab               *netLab
	want              resource.Verdict
	says              string // in what was observed
}

func check(t *testing.T, cases []verdictCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.id+"/"+c.title, func(t *testing.T) {
			t.Parallel()
			c.lab.policy = policy(t, c.policy)
			if c.lab.snapshot == nil {
				c.lab.snapshot = snapshot(nil)
			}
			o := byID(t, c.id).Run(context.Background(), c.lab)
			if o.Verdict != c.want || !strings.Contains(o.Observed, c.says) {
				t.Errorf("%s: %s; %q", o.Verdict, o.Observed, o.Evidence)
			}
			if o.Observed == "" || o.Positive == "" && (o.Verdict == resource.Holds || o.Verdict == resource.Fails && c.title != "off" && c.title != "lost") {
				t.Errorf("a verdict without words: %+v", o)
			}
		})
	}
}

const deny = "egress: {default: deny}\n"

func TestEgress(t *testing.T) {
	var cases []verdictCase
	for _, id := range append(egressIDs, "metadata") {
		cases = append(
			cases,
			verdictCase{"open", id, "", &netLab{}, resource.Fails, "arrived at the host outside"},
			verdictCase{"denied", id, deny, &netLab{denied: silence}, resource.Holds, "nothing arrived"},
			verdictCase{"rejected", id, deny, &netLab{denied: func(string) string { return "refused" }}, resource.Holds, ""},
			verdictCase{"a proxy answers", id, deny, &netLab{lost: true}, resource.Fails, "in the place of"},
			verdictCase{"no target", id, deny, &netLab{noTarget: errNo}, resource.Unable, "there is none"},
			verdictCase{"no network", id, deny, &netLab{noNetwork: errNo}, resource.Unable, "there is none"},
			verdictCase{"does not forward", id, deny, &netLab{no4: "sysctl is 0", no6: "sysctl is 0"}, resource.Unable, "sysctl is 0"},
			verdictCase{"the host is denied too", id, deny, &netLab{denied: silence, hostSays: "timed out"}, resource.Unable, "proves nothing"},
			verdictCase{"the container cannot try", id, deny, &netLab{denied: func(string) string { return "not permitted" }}, resource.Unable, "not permitted"},
			verdictCase{"the daemon refuses", id, deny, &netLab{refused: "no image"}, resource.Unable, "no image"},
			verdictCase{"no report", id, deny, &netLab{failed: "Killed"}, resource.Unable, "no report"},
			verdictCase{"an error", id, deny, &netLab{failed: `{"error":"no socket"}`}, resource.Unable, "no socket"},
			verdictCase{"half a report", id, deny, &netLab{failed: `{"tries":[]}`}, resource.Unable, "of 0 tries"},
			verdictCase{"allowed", id, "egress: {default: deny, allow: [{to: 198.18.0.0/15}, {to: \"fd01::/64\"}, {to: 169.254.169.254}]}", &netLab{}, resource.Unable, "egress.allow["},
			verdictCase{"other ports allowed", id, "egress: {default: deny, allow: [{to: 0.0.0.0/0, ports: [443/tcp, 1-79/tcp]}]}", &netLab{denied: silence}, resource.Holds, ""},
		)
	}
	for _, id := range egressIDs {
		cases = append(
			cases,
			verdictCase{"no route", id, deny, &netLab{noLeads: errNo, denied: silence}, resource.Unable, "there is none"},
			verdictCase{"the default bridge only", id, "egress: {default: deny, interfaces: [docker0]}", &netLab{denied: silence}, resource.Holds, ""},
			verdictCase{"other bridges only", id, "egress: {default: deny, interfaces: [shop+]}", &netLab{}, resource.Unable, "for no other network"},
			verdictCase{"networks not asked for", id, deny, &netLab{denied: silence, snapshot: snapshot(func(s *resource.Snapshot) { s.Networks = resource.Unknown[[]resource.Network](resource.NotAsked) })}, resource.Holds, ""},
		)
	}
	cases = append(
		cases,
		verdictCase{"not led there", "metadata", deny, &netLab{noSteer: errNo, denied: silence}, resource.Unable, "there is none"},
		verdictCase{"new networks are free", "metadata", "egress: {default: deny, interfaces: [docker0]}", &netLab{}, resource.Unable, "new networks"},
	)
	check(t, cases)
}

// TestGiven: a host that the user names is attacked at its port, where that is all
// that can be, and what needs one that answers to bulwark is not led there.
func TestGiven(t *testing.T) {
	const host = "203.0.113.7"
	only := func(spec string) string {
		if !strings.Contains(spec, host) || !strings.HasPrefix(spec, "icmp/") && !strings.HasSuffix(spec, ":8080") {
			return "answered by nobody"
		}
		return ""
	}
	var cases []verdictCase
	for _, id := range []string{"egress-tcp4", "egress-udp4", "egress-icmp4", "egress-http"} {
		cases = append(
			cases,
			verdictCase{"open", id, "", &netLab{given: host, noTarget: errNo, denied: only}, resource.Fails, "left this host for it"},
			verdictCase{"denied", id, deny, &netLab{given: host, noTarget: errNo, denied: silence}, resource.Holds, "nothing "},
			verdictCase{"the host cannot", id, deny, &netLab{given: host, hostSays: "no route"}, resource.Unable, "proves nothing"},
			verdictCase{"allowed", id, "egress: {default: deny, allow: [{to: 203.0.113.0/24}]}", &netLab{given: host}, resource.Unable, "egress.allow[0]"},
		)
	}
	for _, id := range []string{"egress-tcp6", "metadata", "published-port"} {
		cases = append(cases, verdictCase{"elsewhere", id, "", &netLab{given: host, noTarget: errNo}, resource.Unable, "there is none"})
	}
	check(t, cases)
}

func TestAllowed(t *testing.T) {
	allow := func(line string) string { return "egress: {default: deny, allow: [" + line + "]}" }
	check(t, []verdictCase{
		{"no lines", "egress-allowed", deny, &netLab{}, resource.NotWanted, "no destination"},
		{"no policy", "egress-allowed", "", &netLab{}, resource.NotWanted, "no destination"},
		{"elsewhere", "egress-allowed", allow("{to: 203.0.113.7}, {to: example.com}"), &netLab{}, resource.Unable, "would reach them"},
		{"passes", "egress-allowed", allow("{to: 203.0.113.7}, {to: 0.0.0.0/0, ports: [443/tcp]}"), &netLab{}, resource.Holds, "arrived"},
		{"icmp passes", "egress-allowed", allow("{to: 198.18.0.0/15, ports: [icmp]}"), &netLab{}, resource.Holds, "arrived"},
		{"over IPv6", "egress-allowed", allow(`{to: "fd01::/16", ports: [1000-2000/udp]}`), &netLab{}, resource.Holds, "arrived"},
		{"does not pass", "egress-allowed", allow("{to: 198.18.0.2}"), &netLab{denied: silence}, resource.Fails, "nothing arrived"},
		{"for some only", "egress-allowed", allow("{to: 0.0.0.0/0, from: {label: x}}"), &netLab{}, resource.Unable, ""},
		{"to a given host", "egress-allowed", allow("{to: 203.0.113.7, ports: [443/tcp]}"), &netLab{given: "203.0.113.7", noTarget: errNo}, resource.Holds, "left this host"},
		{"no target", "egress-allowed", allow("{to: 0.0.0.0/0}"), &netLab{noTarget: errNo}, resource.Unable, "there is none"},
	})
}

func TestPublished(t *testing.T) {
	no := func(string) error { return errNo }
	check(t, []verdictCase{
		{"on loopback", "published-port", "", &netLab{published: []string{"127.0.0.1:9"}, dial: no}, resource.Holds, "answers"},
		{"for all", "published-port", "", &netLab{published: []string{"[::]:9", "0.0.0.0:9"}}, resource.Holds, "answers"},
		{"not from outside", "published-port", "", &netLab{published: []string{"0.0.0.0:9"}, dial: no}, resource.Fails, "from outside"},
		{"not from the host", "published-port", "", &netLab{published: []string{"127.0.0.1:9"}, hostSays: "timed out"}, resource.Fails, "from the host: timed out"},
		{"does not forward", "published-port", "", &netLab{published: []string{"0.0.0.0:9"}, no4: "sysctl is 0"}, resource.Unable, "sysctl is 0"},
		{"nothing published", "published-port", "", &netLab{}, resource.Unable, "no port"},
		{"mute", "published-port", "", &netLab{mute: true}, resource.Unable, "does not answer itself"},
		{"no target", "published-port", "", &netLab{noTarget: errNo}, resource.Unable, "there is none"},

		{"loopback", "published-address", "", &netLab{published: []string{"127.0.0.1:9"}}, resource.Holds, "127.0.0.1"},
		{"loopback of both", "published-address", "daemon: {ip: 127.0.0.1}", &netLab{published: []string{"127.0.0.1:9", "[::1]:9"}}, resource.Holds, ""},
		{"for all", "published-address", "daemon: {ip: 127.0.0.1}", &netLab{published: []string{"0.0.0.0:9", "[::]:9"}}, resource.Fails, "0.0.0.0"},
		{"for all over IPv6", "published-address", "", &netLab{published: []string{"127.0.0.1:9", "[::]:9"}}, resource.Fails, ""},
		{"another address", "published-address", "daemon: {ip: 192.0.2.1}", &netLab{published: []string{"192.0.2.1:9"}}, resource.Holds, ""},
		{"nowhere", "published-address", "", &netLab{}, resource.Fails, ""},
		{"the wildcard is shut", "published-address", "", &netLab{published: []string{"127.0.0.1:9"}, dial: no}, resource.Unable, "not reachable from outside"},
		{"refused", "published-address", "", &netLab{refused: "no image"}, resource.Unable, "no image"},
	})
}

func TestApart(t *testing.T) {
	icc := "egress: {default: deny, icc: deny}"
	var cases []verdictCase
	for _, id := range []string{"icc", "networks-apart"} {
		cases = append(
			cases,
			verdictCase{"open", id, "", &netLab{}, resource.Fails, "tcp 172.30.0.9:7: answered"},
			verdictCase{"denied", id, icc, &netLab{denied: silence}, resource.Holds, "no answer"},
			verdictCase{"only ping", id, "", &netLab{denied: func(spec string) string {
				if strings.HasPrefix(spec, "icmp/") {
					return ""
				}
				return "timed out"
			}}, resource.Fails, "icmp"},
			verdictCase{"mute", id, "", &netLab{mute: true, denied: silence}, resource.Unable, "does not answer itself"},
			verdictCase{"no report", id, "", &netLab{failed: "Killed"}, resource.Unable, "no report"},
			verdictCase{"no target is no matter", id, "", &netLab{noTarget: errNo, denied: silence}, resource.Holds, ""},
		)
	}
	check(t, append(
		cases,
		verdictCase{"no default bridge", "icc", "", &netLab{snapshot: snapshot(func(s *resource.Snapshot) { s.Networks = resource.Known([]resource.Network{}) })}, resource.Unable, "no network"},
		verdictCase{"open", "host-services", "egress: {default: deny, host-services: deny}", &netLab{}, resource.Fails, "172.30.0.1:4711"},
		verdictCase{"denied", "host-services", "egress: {default: deny, host-services: deny}", &netLab{denied: silence}, resource.Holds, ""},
		verdictCase{"allowed", "host-services", "egress: {default: deny, host-services: deny, allow: [{to: 172.30.0.1}]}", &netLab{}, resource.Unable, "egress.allow[0]"},
		verdictCase{"no listener", "host-services", "", &netLab{noListen: errNo}, resource.Unable, ""},
		verdictCase{"the host is mute", "host-services", "", &netLab{hostSays: "refused", denied: silence}, resource.Unable, "does not answer itself"},
	))
}

func TestRecordProbes(t *testing.T) {
	files, escape := map[string][]string{"/etc/docker": {"bulwark-docker-files", "other"}}, map[string][]string{"audit-escape": {"bulwark-container-escape"}}
	off := snapshot(func(s *resource.Snapshot) {
		s.Audit = resource.Known(resource.Audit{Kernel: resource.Known(resource.AuditKernel{Enabled: resource.AuditOff})})
	})
	check(t, []verdictCase{
		{"recorded", "audit-docker-file", "", &netLab{keys: files}, resource.Holds, "an event"},
		{"not recorded", "audit-docker-file", "", &netLab{}, resource.Fails, "no event"},
		{"another key", "audit-docker-file", "", &netLab{keys: map[string][]string{"/etc/docker": {"x"}}}, resource.Fails, "no event"},
		{"everything is recorded", "audit-docker-file", "", &netLab{keys: map[string][]string{"touch": {"bulwark-docker-files"}}}, resource.Unable, "too"},
		{"in a container", "audit-docker-file", "", &netLab{noRecords: errNo}, resource.Unable, "there is none"},
		{"no folder", "audit-docker-file", "", &netLab{snapshot: snapshot(func(s *resource.Snapshot) { s.DaemonJSON = resource.Known(resource.File{}) })}, resource.Unable, "no /etc/docker"},
		{"the container fails", "audit-docker-file", "", &netLab{keys: files, failed: `{"error":"read-only"}`}, resource.Unable, "read-only"},
		{"off", "audit-docker-file", "", &netLab{snapshot: off}, resource.Fails, "switched off"},
		{"recorded", "audit-escape", "", &netLab{keys: escape}, resource.Holds, "an event"},
		{"not recorded", "audit-escape", "", &netLab{}, resource.Fails, "no event"},
		{"off", "audit-escape", "", &netLab{snapshot: off}, resource.Fails, "switched off"},

		{"remote", "remote-log", "", &netLab{syslog: []string{"syslog"}}, resource.Holds, "syslog"},
		{"local by default", "remote-log", "", &netLab{syslog: []string{"syslog"}, snapshot: snapshot(func(s *resource.Snapshot) {
			s.Engine = resource.Known(resource.Engine{LoggingDriver: "json-file"})
		})}, resource.Fails, "json-file"},
		{"lost", "remote-log", "", &netLab{}, resource.Fails, "did not arrive"},
		{"too much arrives", "remote-log", "", &netLab{syslog: []string{"syslog", "none"}}, resource.Unable, "nobody sent"},
		{"engine unknown", "remote-log", "", &netLab{syslog: []string{"syslog"}, snapshot: snapshot(func(s *resource.Snapshot) { s.Engine = resource.Unknown[resource.Engine]("no") })}, resource.Unable, "not known"},
		{"no collector", "remote-log", "", &netLab{noListen: errNo}, resource.Unable, "there is none"},
		{"refused", "remote-log", "", &netLab{refused: "no such driver"}, resource.Unable, "no such driver"},
	})
}

// TestWantedNet: which policies ask for what.
func TestWantedNet(t *testing.T) {
	all := []string{"published-port", "published-address", "published-address-networks", "icc", "networks-apart", "audit-docker-file", "audit-escape", "remote-log", "metadata", "egress-allowed"}
	all = append(all, egressIDs...)
	egress := append([]string{"metadata", "egress-allowed", "published-port", "networks-apart"}, egressIDs...)
	for text, want := range map[string][]string{
		"":                         all,
		"daemon: {debug: false}":   {"networks-apart"},
		deny:                       egress,
		"egress: {default: allow}": {"networks-apart", "published-port"},
		"egress: {default: deny, icc: deny, host-services: deny}": append([]string{"icc", "host-services"}, egress...),
		"daemon: {icc: false, ip: 127.0.0.1}":                     {"networks-apart", "icc", "published-address"},
		"daemon: {ip: null}":                                      {"networks-apart"},
		"daemon: {default-network-opts: {bridge: {com.docker.network.bridge.host_binding_ipv4: 127.0.0.1}}}": {"networks-apart", "published-address-networks"},
		"audit: {groups: [docker-files, container-escape]}":                                                  {"networks-apart", "audit-docker-file", "audit-escape"},
		"logging: {remote: true}": {"networks-apart", "remote-log"},
	} {
		p := policy(t, text)
		for _, id := range append([]string{"host-services"}, all...) {
			if got := byID(t, id).Wanted(p); got != slices.Contains(want, id) {
				t.Errorf("%q: %s is wanted: %v", text, id, got)
			}
		}
	}
}

// TestProbesInWords: the docs are made of these.
func TestProbesInWords(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range probe.All() {
		if seen[p.ID] || p.Title == "" || p.Tries == "" || p.Must == "" || p.Shows == "" || p.Not == "" || len(p.OWASP) == 0 || p.Wanted == nil || p.Run == nil {
			t.Errorf("%+v", p)
		}
		seen[p.ID] = true
	}
}
