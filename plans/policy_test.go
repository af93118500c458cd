package plans_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/plans"
)

// keys renders DaemonKeys one a line: key value control source.
func keys(p *plans.Policy) string {
	var lines []string
	for _, k := range p.DaemonKeys() {
		value := string(k.Value)
		if k.Value == nil {
			value = "(absent)"
		}
		lines = append(lines, strings.Join([]string{k.Key, value, k.Control, k.Source}, " "))
	}
	return strings.Join(lines, "\n")
}

// The baseline may hold only keys of which no running workload takes notice.
// Whoever adds one here has to show that.
func TestBaselineHoldsNothingThatStopsWorkloads(t *testing.T) {
	p, err := plans.Load("baseline", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, k := range p.DaemonKeys() {
		got = append(got, k.Key+" "+string(k.Value))
	}
	want := []string{
		`default-ulimits {"nofile":{"Name":"nofile","Hard":524288,"Soft":65536}}`,
		`live-restore true`,
		`log-opts {"max-file":"5","max-size":"10m"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.Userns != nil || p.Egress != nil || p.Seccomp != nil || p.Audit != nil || p.Limits != nil {
		t.Errorf("the baseline manages more than daemon: %+v", p)
	}
}

func TestStrictHasEveryDefence(t *testing.T) {
	p, err := plans.Load("strict", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, k := range p.DaemonKeys() {
		got[k.Key] = string(k.Value)
		file, line, ok := strings.Cut(k.Source, ":")
		if !ok || file != "strict.yaml" && file != "baseline.yaml" || line == "" || line == "0" {
			t.Errorf("%s: source %q", k.Key, k.Source)
		}
	}
	want := map[string]string{
		"default-cgroupns-mode": `"private"`,
		"default-network-opts":  `{"bridge":{"com.docker.network.bridge.host_binding_ipv4":"127.0.0.1"}}`,
		"default-ulimits":       `{"nofile":{"Name":"nofile","Hard":524288,"Soft":65536}}`,
		"icc":                   "false", "insecure-registries": "", "ip": `"127.0.0.1"`,
		"live-restore": "true", "log-opts": `{"max-file":"5","max-size":"10m"}`,
		"no-new-privileges": "true", "userland-proxy": "false", "userns-remap": `"dockremap"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.Egress == nil || p.Egress.Default != "deny" || p.Seccomp == nil || len(p.Seccomp.Deny) != 9 || p.Audit == nil || len(p.Audit.Groups) != 4 {
		t.Errorf("a section is missing: %+v", p)
	}
}

func TestEmbedded(t *testing.T) {
	for _, info := range plans.Embedded() {
		b, err := plans.Source(info.Name)
		if err != nil || info.Description == "" || !strings.Contains(string(b), info.Description) {
			t.Errorf("%+v: %v", info, err)
		}
	}
	if len(plans.Embedded()) != 2 {
		t.Errorf("got %v", plans.Embedded())
	}
	if _, err := plans.Source("../go.mod"); err == nil {
		t.Error("Source reads what is no policy")
	}
}

func TestDaemonKeys(t *testing.T) {
	for name, tt := range map[string]struct{ daemon, want string }{
		"nothing":  {"{}", ""},
		"null":     {"{icc: null, log-opts: ~}", "icc (absent) icc p.yaml:2\nlog-opts (absent) log-opts p.yaml:2"},
		"controls": {"{ip: '::1', selinux-enabled: true, labels: [a=b], debug: false, default-network-opts: {}, default-cgroupns-mode: host}", "debug false daemon-debug p.yaml:2\ndefault-cgroupns-mode \"host\" cgroupns-mode p.yaml:2\ndefault-network-opts {} published-ports-bind-networks p.yaml:2\nip \"::1\" published-ports-bind p.yaml:2\nlabels [\"a=b\"] labels p.yaml:2\nselinux-enabled true selinux p.yaml:2"},
		"free keys pass as they are": {
			"{new-key: {b: 1.50, a: ['<&>', null, 1e3]}, bip: 10.0.0.1/24, mtu: 1400}",
			`bip "10.0.0.1/24" daemon-bip p.yaml:2` + "\n" + `mtu 1400 daemon-mtu p.yaml:2` + "\n" + `new-key {"a":["<&>",null,1e3],"b":1.50} daemon-new-key p.yaml:2`,
		},
		"ulimits":                   {"{default-ulimits: {core: {soft: 0, hard: -1}}}", `default-ulimits {"core":{"Name":"core","Hard":-1,"Soft":0}} default-ulimits p.yaml:2`},
		"texts that look otherwise": {"{log-driver: json-file, log-opts: {tag: 'true', labels: '1'}}", `log-driver "json-file" log-driver p.yaml:2` + "\n" + `log-opts {"labels":"1","tag":"true"} log-opts p.yaml:2`},
		"null entries are nothing":  {"{features: {a: null, b: false}}", `features {"b":false} features p.yaml:2`},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustLoad(t, "version: 1\ndaemon: "+tt.daemon)
			if diff := cmp.Diff(tt.want, keys(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUserns(t *testing.T) {
	for doc, want := range map[string]struct {
		userns plans.Userns
		key    string
	}{
		"userns: {}":              {plans.Userns{Remap: "dockremap", Size: 65536}, `userns-remap "dockremap" userns-remap p.yaml:2`},
		"userns: {remap: off}":    {plans.Userns{Remap: "off", Size: 65536}, `userns-remap (absent) userns-remap p.yaml:2`},
		"userns: {start: auto}":   {plans.Userns{Remap: "dockremap", Size: 65536}, `userns-remap "dockremap" userns-remap p.yaml:2`},
		"userns: {start: 200000}": {plans.Userns{Remap: "dockremap", Size: 65536, Start: 200000}, `userns-remap "dockremap" userns-remap p.yaml:2`},
	} {
		p := mustLoad(t, "version: 1\n"+doc)
		if diff := cmp.Diff(want.userns, *p.Userns); diff != "" {
			t.Errorf("%s: %s", doc, diff)
		}
		if diff := cmp.Diff(want.key, keys(p)); diff != "" {
			t.Errorf("%s: %s", doc, diff)
		}
	}
}

func TestExtends(t *testing.T) {
	parent := `version: 1
name: parent
description: of the parent
daemon:
  icc: false
  log-driver: json-file
  log-opts: {max-size: 1m, max-file: "2"}
  default-ulimits: {nofile: {soft: 1, hard: 2}}
  labels: [a=1]
egress: {default: allow, log: {rate: 5/day}, allow: [{to: 10.0.0.0/8}]}
waivers: [{control: icc, reason: r, expires: 2027-01-31}]
`
	for name, tt := range map[string]struct{ child, keys, egress string }{
		"nothing of its own": {"", `default-ulimits {"nofile":{"Name":"nofile","Hard":2,"Soft":1}} default-ulimits d/parent.yaml:8
icc false icc d/parent.yaml:5
labels ["a=1"] labels d/parent.yaml:9
log-driver "json-file" log-driver d/parent.yaml:6
log-opts {"max-file":"2","max-size":"1m"} log-opts d/parent.yaml:7`, "allow 5/day 1"},
		"maps merge, lists replace": {"daemon: {log-opts: {max-size: 9m}, default-ulimits: {nofile: {hard: 3}, core: {soft: 0, hard: 0}}, labels: [b=2]}\negress: {log: {prefix: x}, allow: []}", `default-ulimits {"core":{"Name":"core","Hard":0,"Soft":0},"nofile":{"Name":"nofile","Hard":3,"Soft":1}} default-ulimits d/child.yaml:3
icc false icc d/parent.yaml:5
labels ["b=2"] labels d/child.yaml:3
log-driver "json-file" log-driver d/parent.yaml:6
log-opts {"max-file":"2","max-size":"9m"} log-opts d/child.yaml:3`, "allow 5/day 0"},
		"null": {"daemon: {icc: null, log-opts: {max-file: null}, default-ulimits: null}", `default-ulimits (absent) default-ulimits d/child.yaml:3
icc (absent) icc d/child.yaml:3
labels ["a=1"] labels d/parent.yaml:9
log-driver "json-file" log-driver d/parent.yaml:6
log-opts {"max-size":"1m"} log-opts d/child.yaml:3`, "allow 5/day 1"},
		"another driver takes its options along": {"daemon: {log-driver: journald}\nunmanaged: [daemon.default-ulimits, daemon.labels, egress]", `icc false icc d/parent.yaml:5
log-driver "journald" log-driver d/child.yaml:3`, ""},
		"unmanaged section": {"unmanaged: [daemon]", "", "allow 5/day 1"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := plans.Load("d/child.yaml", files(map[string]string{
				"d/parent.yaml": parent, "d/child.yaml": "version: 1\nextends: ./parent.yaml\n" + tt.child,
			}))
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != "child" || p.Description != "" || p.Extends != "./parent.yaml" || len(p.Waivers) != 1 || p.Source != "d/child.yaml" {
				t.Errorf("got %+v", p)
			}
			if diff := cmp.Diff(tt.keys, keys(p)); diff != "" {
				t.Error(diff)
			}
			egress := ""
			if p.Egress != nil {
				egress = fmt.Sprintf("%s %s %d", p.Egress.Default, p.Egress.Log.Rate, len(p.Egress.Allow))
			}
			if egress != tt.egress {
				t.Errorf("egress: got %q, want %q", egress, tt.egress)
			}
		})
	}
}

func TestExtendsReportsFaultsOfEveryFile(t *testing.T) {
	_, err := plans.Load("a.yaml", files(map[string]string{
		"a.yaml": "version: 1\nextends: b.yaml\ndaemon: {icc: 1}\n", "b.yaml": "version: 1\nuserns: {size: 1}\nextends: sub/c.yaml\n",
		"sub/c.yaml": "version: 1\nextends: ../none.yaml\n",
	}))
	want := `a.yaml:3: daemon.icc: expected true or false or null, got the number 1
b.yaml:2: userns.size: expected a whole number from 65536 to 4294836224, got the number 1
sub/c.yaml:2: extends: expected a policy that can be read, got open none.yaml: file does not exist`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// A policy cannot make root print what a file holds that is no policy.
func TestExtendsQuotesNoOtherFile(t *testing.T) {
	for what, text := range map[string]string{
		"accounts": "root:$y$s3cret:1::\nuser: s3cret\n", "a list": "[s3cret]", "a text": "s3cret",
		"no yaml": "s3cret: [\n\t*s3cret", "a tag": "!s3cret x", "twice": "---\ns3cret: 1\n---\ns3cret: 2\n", "nothing": "",
	} {
		_, err := plans.Load("site.yaml", files(map[string]string{
			"site.yaml": "version: 1\nextends: middle.yaml\n", "middle.yaml": "version: 1\nextends: /etc/other\n", "/etc/other": text,
		}))
		want := "middle.yaml:2: extends: expected a policy, got \"/etc/other\", which is none\n  hint: bulwark policy validate /etc/other says why"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestExtendsEnds(t *testing.T) {
	_, err := plans.Load("a.yaml", files(map[string]string{
		"a.yaml": "version: 1\nextends: d/b.yaml\n", "d/b.yaml": "version: 1\nextends: ../a.yaml\n",
	}))
	if want := "d/b.yaml:2: extends: expected a chain that ends, got a cycle: a.yaml extends d/b.yaml extends a.yaml"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	_, err = plans.Load("x.yaml", func(path string) ([]byte, error) {
		return []byte("version: 1\nextends: x" + path), nil
	})
	if err == nil || !strings.Contains(err.Error(), "expected at most 16 files") {
		t.Errorf("got %v", err)
	}
}

func TestDigestIsOfWhatIsAsked(t *testing.T) {
	base := mustLoad(t, "version: 1\ndaemon: {icc: false, log-driver: local}\nuserns: {}").SHA256
	for _, same := range []string{
		"# comment\nversion: 1\nname: other\ndescription: x\nuserns:\n  start: auto\n  remap: dockremap\ndaemon:\n  log-driver: 'local'\n  icc: false\n",
		"version: 1\nuserns: {size: 65536}\ndaemon: {log-driver: local, icc: false}\negress: {}\n",
	} {
		got := mustLoad(t, same).SHA256
		if strings.Contains(same, "egress") == (got == base) {
			t.Errorf("%s: got %s, base %s", same, got, base)
		}
	}
	for _, other := range []string{"{icc: true, log-driver: local}", "{icc: null, log-driver: local}", "{log-driver: local}"} {
		if mustLoad(t, "version: 1\nuserns: {}\ndaemon: "+other).SHA256 == base {
			t.Errorf("%s has the digest of another policy", other)
		}
	}
}

func TestResolvedPolicyLoadsAgain(t *testing.T) {
	docs := map[string]string{
		"odd texts.yaml": "version: 1\nname: odd\ndescription: \"# no: comment\\nline\"\ndaemon: {labels: [\"a=true\", 'b= # x', \"c=\\u2028\\t\"], k: {a: 'null', b: '1', c: 2027-01-31, d: '', e: [], f: {}}}\nwaivers: [{control: icc, reason: 'yes', expires: 2027-01-31}]",
		"x\ny: 1\n.yaml": "version: 1\nname: x\ndaemon: {icc: false}\nuserns: {}\negress: {interfaces: [docker0], log: {nflog: 0, enabled: false}}\nlimits: {rules: [{cpus: 1.5}]}",
		"file.yaml":      "version: 1\nextends: strict\nunmanaged: [egress]\nseccomp: {base: pinned}\ndaemon: {icc: null}",
	}
	docs["/d/My höst.yml"] = "version: 1"
	docs["/d/.yaml"] = "version: 1"
	for _, ref := range []string{"baseline", "strict", "odd texts.yaml", "/d/My höst.yml", "/d/.yaml", "x\ny: 1\n.yaml", "file.yaml"} {
		p, err := plans.Load(ref, files(docs))
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := plans.Load("again.yaml", files(map[string]string{"again.yaml": string(b)}))
		if err != nil {
			t.Fatalf("%s\n%v", b, err)
		}
		if again.SHA256 != p.SHA256 || again.Name != p.Name || again.Description != p.Description || again.Extends != "" {
			t.Errorf("%s: not the same policy again:\n%s", ref, b)
		}
		if strings.HasPrefix(ref, "x\n") && !strings.Contains(string(b), "# x?y: 1?.yaml:4\n") {
			t.Errorf("an origin takes more than its line:\n%s", b)
		}
	}
}

func TestResolvedPolicySaysWhereEachPartComesFrom(t *testing.T) {
	p := mustLoad(t, "version: 1\nname: p\ndaemon:\n  icc: false\n  log-driver: local\n  log-opts: {max-size: 1m}\nuserns:\n  remap: off\n")
	b, err := p.YAML()
	want := `version: 1
name: p
daemon:
  icc: false # p.yaml:4
  log-driver: local # p.yaml:5
  # p.yaml:6
  log-opts:
    max-size: 1m
# p.yaml:7
userns:
  remap: off
  size: 65536
  start: auto
`
	if diff := cmp.Diff(want, string(b)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	e := mustLoad(t, "version: 1\negress:\n  allow:\n    - to: a.example\n    # b\n    - {to: b.example}\n")
	if got := e.Origin("egress.allow[0]") + " " + e.Origin("egress.allow[1]") + e.Origin("egress.allow[2]"); got != "p.yaml:4 p.yaml:6" {
		t.Errorf("got %q", got)
	}
	if got := p.Origin("daemon.icc") + " " + p.Origin("userns") + " " + p.Origin("egress"); got != "p.yaml:4 p.yaml:7 " {
		t.Errorf("got %q", got)
	}
}

// Any Policy of Load is JSON that holds no pointer to the machine it was
// loaded on.
func TestPolicyJSON(t *testing.T) {
	p, err := plans.Load("strict", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(b, &top); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"daemon", "userns", "egress", "version", "extends"} {
		if !slices.Contains([]string{"null", ""}, string(top[key])) {
			continue
		}
		t.Errorf("%s is missing in %s", key, b)
	}
}
