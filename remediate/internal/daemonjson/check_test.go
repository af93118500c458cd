package daemonjson_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var (
	v2010 = daemonjson.Version{Major: 20, Minor: 10, Patch: 24}
	v23   = daemonjson.Version{Major: 23}
	v26   = daemonjson.Version{Major: 26, Minor: 1, Patch: 5}
	v29   = daemonjson.Version{Major: 29, Minor: 7, Patch: 2}
)

// invalid are files that must be refused; where is "line:column key".
func invalid() []struct {
	name, in string
	engine   daemonjson.Version
	where    string
} {
	return []struct {
		name, in string
		engine   daemonjson.Version
		where    string
	}{
		{"truncated", "{\n  \"icc\": false", v29, "2:15"},
		{"open string", "{\n  \"icc", v29, "2:7"},
		{"missing comma", "{\n  \"icc\": false\n  \"mtu\": 1\n}", v29, "3:3"},
		{"missing colon", "{\"icc\" false}", v29, "1:8"},
		{"single quotes", "{'icc': false}", v29, "1:2"},
		{"bare key", "{icc: false}", v29, "1:2"},
		{"python booleans", "{\"icc\": False}", v29, "1:9"},
		{"leading zero", "{\"mtu\": 01400}", v29, "1:10"},
		{"hex number", "{\"mtu\": 0x10}", v29, "1:10"},
		{"second document", "{}\n{}", v2010, "2:1"},
		{"raw newline in string", "{\"group\": \"a\nb\"}", v29, "1:13"},
		{"bad escape", "{\"group\": \"\\x\"}", v29, "1:13"},
		{"not UTF-8", "{\n\"group\": \"\xff\"}", v29, "2:11"},
		{"UTF-16", "\xff\xfe{\x00}\x00", v29, "1:1"},
		{"array on top", "[{\"icc\": false}]", v29, "1:1"},
		{"string on top", "\"icc\"", v29, "1:1"},
		{"line comment", "{\n  // why\n  \"icc\": false\n}", v29, "2:3"},
		{"block comment", "{\"icc\": /* no */ false}", v29, "1:9 icc"},
		{"comment at the end", "{} // end", v29, "1:4"},
		{"trailing comma", "{\n  \"icc\": false,\n}", v29, "2:15"},
		{"trailing comma in list", "{\"dns\": [\"1.1.1.1\", ]}", v29, "1:19 dns"},
		{"duplicate key", "{\n  \"icc\": true,\n  \"icc\": false\n}", v29, "3:3 icc"},
		{"duplicate by escape", "{\"icc\": true, \"\\u0069cc\": false}", v29, "1:15 icc"},
		{"nested duplicate", "{\"log-opts\": {\"tag\": \"a\", \"tag\": \"b\"}}", v29, "1:27 log-opts.tag"},
		{"BOM for an old engine", "\ufeff{}", v2010, "1:1"},
		{"empty for an old engine", "", v2010, "1:1"},
		{"unknown key", "{\n  \"ic\": false\n}", v29, "2:3 ic"},
		{"upper case", "{\"ICC\": false}", v29, "1:2 ICC"},
		{"unknown object", "{\"hardening\": {\"icc\": false}}", v29, "1:2 hardening"},
		{"too new", "{\"log-format\": \"json\"}", v2010, "1:2 log-format"},
		{"removed", "{\"cluster-store\": \"x\"}", v26, "1:2 cluster-store"},
		{"removed later", "{\"oom-score-adjust\": -500}", v26, "1:2 oom-score-adjust"},
		{"field without flag", "{\"resolv-conf\": \"/etc/resolv.conf\"}", v29, "1:2 resolv-conf"},
		{"string for bool", "{\"icc\": \"false\"}", v29, "1:9 icc"},
		{"number for bool", "{\"icc\": 0}", v29, "1:9 icc"},
		{"string for list", "{\"dns\": \"1.1.1.1\"}", v29, "1:9 dns"},
		{"number in log-opts", "{\"log-opts\": {\"tag\": \"x\", \"max-file\": 3}}", v29, "1:39 log-opts.max-file"},
		{"bool for string", "{\"log-driver\": true}", v29, "1:16 log-driver"},
		{"fraction for int", "{\"mtu\": 1400.5}", v29, "1:9 mtu"},
		{"number for size", "{\"default-shm-size\": 64}", v29, "1:22 default-shm-size"},
		{"no size", "{\"default-shm-size\": \"lots\"}", v29, "1:2 default-shm-size"},
		{"no address", "{\"ip\": \"localhost\"}", v29, "1:8 ip"},
		{"ulimit as string", "{\"default-ulimits\": {\"nofile\": \"1:2\"}}", v29, "1:32 default-ulimits.nofile"},
		{"ulimit without name", "{\"default-ulimits\": {\"nofile\": {\"Soft\": 1, \"Hard\": 2}}}", v29, "1:2 default-ulimits"},
		{"soft over hard", "{\"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Soft\": 3, \"Hard\": 2}}}", v29, "1:2 default-ulimits"},
		{"reserved runtime", "{\"runtimes\": {\"runc\": {\"path\": \"/x\"}}}", v29, "1:2 runtimes"},
		{"undefined runtime", "{\"default-runtime\": \"kata\"}", v2010, "1:2 default-runtime"},
		{"icc without iptables", "{\"iptables\": false, \"icc\": false}", v29, "1:21 icc"},
		{"ip6tables on 20.10", "{\"ip6tables\": true}", v2010, "1:2 ip6tables"},
		{"foreign log option", "{\"log-driver\": \"journald\", \"log-opts\": {\"max-size\": \"1m\"}}", v29, "1:28 log-opts"},
		{"label without value", "{\"labels\": [\"a\"]}", v29, "1:2 labels"},
		{"label twice", "{\"labels\": [\"a=1\", \"a=2\"]}", v29, "1:2 labels"},
		{"mirror without scheme", "{\"registry-mirrors\": [\"mirror.local\"]}", v29, "1:2 registry-mirrors"},
		{"log level", "{\"log-level\": \"verbose\"}", v29, "1:2 log-level"},
		{"cgroup namespace mode", "{\"default-cgroupns-mode\": \"shared\"}", v29, "1:2 default-cgroupns-mode"},
		{"exec option", "{\"exec-opts\": [\"native.umask=normal\"]}", v29, "1:2 exec-opts"},
		{"negative", "{\"max-concurrent-uploads\": -1}", v29, "1:2 max-concurrent-uploads"},
		{"both gateways", "{\"host-gateway-ip\": \"10.0.0.1\", \"host-gateway-ips\": [\"10.0.0.1\"]}", v29, "1:33 host-gateway-ips"},
		{"userns of three parts", "{\"userns-remap\": \"a:b:c\"}", v29, "1:2 userns-remap"},
		{"image store with userns", "{\"userns-remap\": \"default\", \"features\": {\"containerd-snapshotter\": true}}", v29, "1:29 features"},
		{"after CRLF", "{\r\n  \"debug\": true,\r\n  \"icc\": \"no\"\r\n}", v29, "3:10 icc"},
		{"columns are characters", "{\"group\": \"Zürich🐳\", \"icc\": 1}", v29, "1:29 icc"},
		{"icc with ipv6", "{\"icc\": false, \"ipv6\": true, \"ip6tables\": false}", v29, "1:2 icc"},
		{"plugin namespace", "{\"containerd-plugin-namespace\": \"x\"}", v29, "1:2 containerd-plugin-namespace"},
		{"null ulimit", "{\"default-ulimits\": {\"nofile\": null}}", v29, "1:2 default-ulimits"},
		{"member of proxies", "{\"proxies\": {\"HTTP-Proxy\": \"x\"}}", v29, "1:14 proxies.HTTP-Proxy"},
		{"member of nri-opts", "{\"nri-opts\": {\"enabled\": true}}", v29, "1:15 nri-opts.enabled"},
		{"duplicate in other case", "{\"default-ulimits\": {\"core\": {\"Name\": \"core\", \"name\": \"cpu\"}}}", v29, "1:47 default-ulimits.core.name"},
		{"after a BOM", "\ufeff{\"icc\": 1}", v29, "1:9 icc"},
		{"too deep", strings.Repeat("[", 20000), v29, "1:10001"},
	}
}

func TestCheckRefusesWithPlaceAndKey(t *testing.T) {
	if n := len(invalid()); n < 40 {
		t.Fatalf("%d files, want 40", n)
	}
	for _, tc := range invalid() {
		t.Run(tc.name, func(t *testing.T) {
			bad := refused([]byte(tc.in), tc.engine)
			if len(bad) == 0 {
				t.Fatal("accepted")
			}
			p := bad[0]
			if got := strings.TrimSpace(fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Key)); got != tc.where {
				t.Errorf("at %s, want %s: %s", got, tc.where, p)
			}
			if p.File != "daemon.json" || p.Text == "" {
				t.Errorf("incomplete: %+v", p)
			}
			// Nothing may be written into such a file by way of another key.
			s := snapshot(tc.in, tc.engine)
			r := daemonjson.Kind{}.Diff([]resource.DaemonKey{key("no-new-privileges", "true")}, s)
			if tc.in != "" && (len(r.Changes) > 0 || r.Controls[0].Status != resource.Blocked) {
				t.Errorf("Diff does not refuse: %+v", r.Controls)
			}
		})
	}
}

func TestCheckText(t *testing.T) {
	for _, tc := range []struct {
		in     string
		engine daemonjson.Version
		want   string
	}{
		{`{"proxies": {}}`, v2010, `daemon.json:1:2: "proxies" needs Engine 23.0, this is 20.10.24|upgrade the engine or remove "proxies"`},
		{`{"graph": "/x"}`, v26, `daemon.json:1:2: "graph" was removed in Engine 24.0, this is 26.1.5|remove "graph"`},
		{`{"live_restore": true}`, v29, `daemon.json:1:2: unknown key "live_restore"|did you mean "live-restore"?`},
		{`{"insecure-registrys": []}`, v29, `daemon.json:1:2: unknown key "insecure-registrys"|did you mean "insecure-registries"?`},
		{`{"icc": "false"}`, v29, `daemon.json:1:9: "icc" has the wrong type: the key is a bool|write it without quotes`},
		{`{"log-opts": {"max-file": 3}}`, v29, `daemon.json:1:27: "log-opts.max-file" has the wrong type: the key is a map of strings|put it in quotes`},
	} {
		p := refused([]byte(tc.in), tc.engine)[0]
		if got := p.String() + "|" + p.Remedy; got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestCheckHazards(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		engine   daemonjson.Version
		want     string // part of the text; "" for no problem
	}{
		{"flag name", `{"label": ["a=b"]}`, v29, `"label" is the name of a flag`},
		{"flag name H", `{"host": ["fd://"]}`, v29, `"host" is the name of a flag`},
		{"proxy at top level", `{"http-proxy": "http://x"}`, v29, `"http-proxy" is the name of a flag`},
		{"userland-proxy", `{"userland-proxy": true}`, v26, "every reload fail"},
		{"userland-proxy with path", `{"userland-proxy": true, "userland-proxy-path": "/usr/bin/docker-proxy"}`, v26, ""},
		{"userland-proxy on 24", `{"userland-proxy": true}`, daemonjson.Version{Major: 24}, ""},
		{"plugins", `{"authorization-plugins": ["x"]}`, v29, "a reload ends dockerd"},
		{"root", `{"userns-remap": "root"}`, v29, "leaves user namespaces off"},
		{"tolerated", `{"allow-nondistributable-artifacts": []}`, v29, "is ignored since"},
		{"newer engine", `{"apparmor-profile": "x"}`, daemonjson.Version{Major: 30}, "newer than the table"},
		{"engine unknown, new key", `{"log-format": "json"}`, daemonjson.Version{}, "version is unknown"},
		{"engine unknown, old key", `{"icc": false}`, daemonjson.Version{}, ""},
		{"empty on 23", "", v23, ""},
		{"BOM on 23", "\ufeff{}", v23, ""},
		{"null", "null", v2010, ""},
		{"exec option before 28", `{"exec-opts": ["native.umask=normal"]}`, v2010, "ignored before"},
		{"negative mtu before 23", `{"mtu": -1}`, v2010, "cannot be negative"},
		{"removed, engine unknown", `{"graph": "/x"}`, daemonjson.Version{}, "removed in 24.0"},
		{"icc with ipv6, engine before 27", `{"icc": false, "ipv6": true, "ip6tables": false}`, v26, "needs ip6tables"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ps := daemonjson.Check("daemon.json", []byte(tc.in), tc.engine)
			if tc.want == "" && len(ps) == 0 {
				return
			}
			if len(ps) != 1 || ps[0].Severity != daemonjson.Hazard || tc.want == "" || !strings.Contains(ps[0].Text, tc.want) {
				t.Errorf("got %+v", ps)
			}
		})
	}
}

func TestParseVersion(t *testing.T) {
	for in, want := range map[string]string{
		"20.10.24+dfsg1": "20.10.24", "26.1.5": "26.1.5", "v28.0": "28.0.0", "29.0.0-rc.1": "29.0.0",
		"docker-v29.7.2": "29.7.2", "Docker version 28.5.2, build abc": "28.5.2", " 24.0.9\n": "24.0.9",
		"dev": "", "": "", "20": "", "0.0.0-20260101": "", "20.": "", "9999999999999999999.1": "",
	} {
		v, err := daemonjson.ParseVersion(in)
		if got := v.String(); (err != nil) != (want == "") || want != "" && got != want {
			t.Errorf("%q: %s, %v", in, got, err)
		}
	}
}

func TestConflicts(t *testing.T) {
	file := "{\n  \"hosts\": [\"fd://\"],\n  \"labels\": [],\n  \"runtimes\": {},\n  \"proxies\": {\"http-proxy\": \"x\"},\n  \"debug\": true,\n  \"https-proxy\": \"\", \"label\": []\n}"
	argv := []string{"-Hfd://", "--label", "a=b", "--add-runtime=x=/y", "--http-proxy=z", "--https-proxy=z", "-D", "--icc=false"}
	flags := daemonjson.ParseFlags(argv, func(int) string { return "/lib/systemd/system/docker.service" })
	var got []string
	for _, p := range daemonjson.Conflicts([]byte(file), flags) {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Key))
		if p.Severity != daemonjson.Refused || !strings.Contains(p.Text, "/lib/systemd/system/docker.service") || !strings.Contains(p.Remedy, "drop-in") {
			t.Errorf("incomplete: %+v", p)
		}
	}
	want := []string{"2:3 hosts", "3:3 labels", "5:3 proxies.http-proxy", "6:3 debug", "7:3 https-proxy"}
	if !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestParseFlags(t *testing.T) {
	bare := func(n string) resource.Flag { return resource.Flag{Name: n, Bare: true, Origin: "0"} }
	val := func(n, v, o string) resource.Flag { return resource.Flag{Name: n, Value: v, Origin: o} }
	for _, tc := range []struct {
		argv []string
		want []resource.Flag
	}{
		{[]string{"-H", "fd://"}, []resource.Flag{val("host", "fd://", "0")}},
		{[]string{"-Hfd://"}, []resource.Flag{val("host", "fd://", "0")}},
		{[]string{"-H=fd://"}, []resource.Flag{val("host", "fd://", "0")}},
		{[]string{"--debug", "--icc=false"}, []resource.Flag{bare("debug"), val("icc", "false", "1")}},
		{[]string{"--icc", "false"}, []resource.Flag{bare("icc")}}, // pflag: a bare boolean takes no word
		{[]string{"-Dl", "warn", "-s", "vfs"}, []resource.Flag{bare("debug"), val("log-level", "warn", "0"), val("storage-driver", "vfs", "2")}},
		{[]string{"--log-opt=a=b=c"}, []resource.Flag{val("log-opt", "a=b=c", "0")}},
		{[]string{"--group="}, []resource.Flag{val("group", "", "0")}},
		{[]string{"--", "--debug"}, nil},
		{[]string{"--mtu"}, []resource.Flag{bare("mtu")}},
		{[]string{"-D=false"}, []resource.Flag{val("debug", "false", "0")}},
		{[]string{"-G", "x", "-p", "y", "-b", "z", "-g", "/r"}, []resource.Flag{val("group", "x", "0"), val("pidfile", "y", "2"), val("bridge", "z", "4"), val("graph", "/r", "6")}},
	} {
		got := daemonjson.ParseFlags(tc.argv, func(i int) string { return fmt.Sprint(i) })
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", tc.argv, d)
		}
	}
}

func TestRedact(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`{"proxies": {"http-proxy": "http://u:p@h:1", "no-proxy": "x"}}`, `{"proxies": {"http-proxy": "<redacted>", "no-proxy": "x"}}`},
		{`{"proxies": {"http-proxy": "http://u:p/w@h"}}`, `{"proxies": {"http-proxy": "<redacted>"}}`},
		{`{"proxies": {"http-proxy": "u:p@h:1"}}`, `{"proxies": {"http-proxy": "<redacted>"}}`},
		{`{"log-opts": {"splunk-token":  "abc" , "splunk-url":"https://s"}}`, `{"log-opts": {"splunk-token":  "<redacted>" , "splunk-url":"https://s"}}`},
		{`{"labels": ["a=b", "db_password=x"]}`, `{"labels": ["a=b", "<redacted>"]}`},
		{`{"auths": {"r": {"x": "y", "n": 5, "b": true}}}`, `{"auths": {"r": {"x": "<redacted>", "n": "<redacted>", "b": true}}}`},
		{`{"PASSWORD": ["a", null, ""]}`, `{"PASSWORD": ["<redacted>", null, ""]}`},
		{`{"tlskey": "/etc/docker/key.pem", "userns-remap": "a:b"}`, `{"tlskey": "/etc/docker/key.pem", "userns-remap": "a:b"}`},
		{"{\"a\": 1} // token=abc\n", `{"a": 1}/* <redacted> */`},
		{"\ufeff{}", "\ufeff{}"},
		{"", ""},
		{"  ", "  "},
		{`{"token": "abc"`, ""},
		{"token=abc", ""},
		{"\xff\xfe{\x00", ""},
	} {
		if got := string(daemonjson.Redact([]byte(tc.in))); got != tc.want {
			t.Errorf("%s\ngot  %s\nwant %s", tc.in, got, tc.want)
		}
	}
}

// The content is the snapshot's: hujson blanks comments in place unless it is
// given a copy.
func TestCheckLeavesContentAlone(t *testing.T) {
	content := []byte("{\n  // no\n  \"debug\": true,\n}\n")
	before := bytes.Clone(content)
	for range 2 {
		if got := daemonjson.Check("/etc/docker/daemon.json", content, v29); len(got) != 2 {
			t.Errorf("want the comment and the comma, got %v", got)
		}
	}
	if !bytes.Equal(before, content) {
		t.Errorf("content became %q", content)
	}
}
