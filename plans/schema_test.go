package plans_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/bulwark-project/bulwark/plans"
)

// compiled returns the published schema as another implementation reads it,
// with formats written anew from their description.
func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(plans.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for name, ok := range formats() {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(v any) error {
			if s, isText := v.(string); isText && !ok(s) {
				return fmt.Errorf("not a %s", name)
			}
			return nil
		}})
	}
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func formats() map[string]func(string) bool {
	ip := func(s string) bool { return net.ParseIP(s) != nil }
	cidr := func(s string) bool {
		a, n, err := net.ParseCIDR(s)
		return err == nil && a.Equal(n.IP)
	}
	host := regexp.MustCompile(`^([a-z0-9-]+\.)*[a-z][a-z0-9-]*$`)
	port := func(s string) bool {
		var low, high int
		numbers, _, _ := strings.Cut(s, "/")
		if n, _ := fmt.Sscanf(numbers, "%d-%d", &low, &high); n == 1 {
			high = low
		}
		return s == "icmp" || low >= 1 && low <= high && high <= 65535
	}
	return map[string]func(string) bool{
		"ip": ip, "cidr": cidr, "port": port,
		"network":     func(s string) bool { return ip(s) || cidr(s) },
		"destination": func(s string) bool { return ip(s) || cidr(s) || host.MatchString(s) },
	}
}

// asJSON converts YAML to what a JSON Schema reader gets from an editor.
func asJSON(t testing.TB, doc []byte) any {
	t.Helper()
	var v any
	if err := yaml.Load(doc, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(dates(v))
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// dates turns YAML's dates back into the text that JSON has.
func dates(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.DateOnly)
	case map[string]any:
		for k, e := range v {
			v[k] = dates(e)
		}
	case []any:
		for i, e := range v {
			v[i] = dates(e)
		}
	}
	return v
}

// Loader and schema must give the same verdict.
func TestSchemaAgreesWithLoader(t *testing.T) {
	s := compiled(t)
	judge := func(good bool, doc string) {
		t.Helper()
		_, err := load(doc)
		if (err == nil) != good {
			t.Errorf("loader: %s\n%v", doc, err)
		}
		if err := s.Validate(asJSON(t, []byte(doc))); (err == nil) != good {
			t.Errorf("schema: %s\n%v", doc, err)
		}
	}
	for _, name := range []string{"baseline", "strict"} {
		b, _ := plans.Source(name)
		judge(true, string(b))
	}
	for _, doc := range goodParts() {
		judge(true, "version: 1\n"+doc)
	}
	for _, doc := range badParts() {
		judge(false, "version: 1\n"+doc)
	}
	for _, doc := range []string{"{}", "version: 2", "version: '1'", "version: null", "[]", "version: true"} {
		judge(false, doc)
	}
}

func goodParts() []string {
	return []string{
		"", "name: a.b-c_1", "description: ''", "extends: baseline", "waivers: []",
		"daemon: {}", "daemon: {icc: null, any: [1, {a: null}]}", "daemon: {userland-proxy: true, userland-proxy-path: /p}",
		"daemon: {log-driver: gelf, log-opts: {gelf-address: 'udp://h:1'}}", "daemon: {seccomp-profile: builtin}",
		"daemon: {default-cgroupns-mode: null, default-ipc-mode: private, labels: [], features: {a: true}}",
		"daemon: {default-ulimits: {nofile: {soft: -1, hard: -1}}, default-shm-size: 64M}", "daemon: {default-shm-size: 5, mtu: 0}",
		"daemon: {ip: '::1', dns: [1.1.1.1], runtimes: {crun: {path: /c}}, default-network-opts: {bridge: {a: b}}}",
		"userns: {remap: off}", "userns: {remap: _a-1, size: 65536, start: 65536}", "userns: {start: auto}",
		"egress: {}", "egress: {default: allow, backend: nftables, interfaces: [docker0], icc: deny, host-services: deny, established: cut}",
		"egress: {interfaces: [br-+, a, fifteencharacte, veth.1@if2], log: {rate: 10000/second}}", "egress: {log: {rate: 5/day}}", "egress: {log: {rate: 10000/day}}", "egress: {log: {rate: 1/hour}}", "egress: {interfaces: auto, dns: {embedded: deny, servers: ['2001:db8::1']}, log: {enabled: false, rate: 1/second, prefix: a, nflog: 65535}}",
		"egress: {allow: [{to: a.example, ports: [443/tcp, 1-2/udp, 9/sctp, icmp], from: {network: n}, comment: c}, {to: 10.0.0.0/8}, {to: '::1', from: {subnet: 'fd00::/8'}}, {to: h}]}",
		"seccomp: {base: pinned, deny: [io_uring, mount, clone3, bpf-perf], allow: [ptrace]}", "seccomp: {file: /a.json, accept-default-allow: true}",
		"audit: {groups: [identity], rules: ['-w /etc -p wa', '-a always,exit -S all'], install: true, immutable: true}",
		"limits: {apply: true, rules: [{match: {image: 'a*', label: l}, memory: 512m, memory-swap: 1g, pids: 1, cpus: 0.5, restart: 'on-failure:5'}, {memory: '1', memory-swap: '-1', restart: no}, {cpus: 2}]}",
		"patch: {minimum-engine: '28.5', engine-max-age-days: 1, lists-max-age-days: 3650}",
		"contexts: {label: env, values: [prod], separate: [network, volume, host]}", "secrets: {look-in: [labels], names: ['*_KEY'], ignore: [a]}",
		"images: {digest: true, registries: ['r.example:5000/team', docker.io], max-age-days: 90, pipeline-paths: [/srv/ci]}",
		"immutable: {read-only-root: true, writable: [/srv]}", "logging: {remote: true, drivers: [gelf], bounded: false, allow-blocking-tcp: true}",
		"management: {allow: [{port: 2376/tcp, address: 10.0.0.0/8, process: dockerd, comment: c}, {port: 1/udp, address: '::1'}]}",
		"units: {boot: false, check-every: 30min, apply-every: 1d}",
		"waivers: [{control: icc, scope: {container: a, image: b, label: c}, reason: r, expires: 2028-02-29, owner: o}]",
	}
}

func badParts() []string {
	return []string{
		"x: 1", "name: A", "name: ''", "description: 1", "extends: ''", "unmanaged: [x]", "unmanaged: daemon", "waivers: {}", "waivers: [1]",
		"daemon: null", "daemon: []", "daemon: {icc: 'true'}", "daemon: {icc: yes}", "daemon: {userns-remap: default}", "daemon: {log-opt: []}",
		"daemon: {log-driver: ''}", "daemon: {log-driver: x, log-opts: {a: 1}}", "daemon: {log-driver: x, log-opts: []}", "daemon: {seccomp-profile: a.json}",
		"daemon: {seccomp-profile: unconfined}", "daemon: {default-cgroupns-mode: hosts}", "daemon: {default-cgroupns-mode: 1}",
		"daemon: {default-ulimits: {x: {soft: 1, hard: 1}}}", "daemon: {default-ulimits: {nofile: {}}}", "daemon: {default-ulimits: {nofile: 1}}",
		"daemon: {default-ulimits: {nofile: {soft: 1.5, hard: 2}}}", "daemon: {default-ulimits: {nofile: {soft: -2, hard: 2}}}",
		"daemon: {ip: localhost}", "daemon: {ip: 10.0.0.1/8}", "daemon: {labels: [a]}", "daemon: {labels: [a=1, a=1]}", "daemon: {labels: a=1}", "daemon: {labels: [null]}",
		"daemon: {features: {a: 'true'}}", "daemon: {default-network-opts: {bridge: {a: true}}}", "daemon: {default-network-opts: {bridge: a}}",
		"daemon: {runtimes: {runc: {}}}", "daemon: {mtu: -1}", "daemon: {mtu: '1'}", "daemon: {dns: [a]}",
		"userns: {remap: root}", "userns: {remap: default}", "userns: {remap: a b}", "userns: {remap: '0'}", "userns: {remap: 0}", "userns: {remap: false}", "userns: {size: 65535}",
		"userns: {size: '65536'}", "userns: {start: 65535}", "userns: {start: never}", "userns: {start: null}", "userns: {remap: a:b}", "userns: {remp: off}",
		"egress: {default: drop}", "egress: {default: null}", "egress: {interfaces: []}", "egress: {interfaces: none}", "egress: {interfaces: [a, a]}", "egress: {interfaces: ['a/b']}", "egress: {interfaces: ['+']}", "egress: {interfaces: [-a]}", "egress: {interfaces: [br+x]}", "egress: {interfaces: [sixteencharacter]}", "egress: {log: {rate: 10001/day}}", "egress: {log: {rate: 4/day}}",
		"egress: {dns: deny}", "egress: {dns: {servers: [a]}}", "egress: {log: {rate: 10}}", "egress: {log: {rate: 0/day}}", "egress: {log: {prefix: ''}}", "egress: {log: {nflog: 65536}}",
		"egress: {log: {prefix: 123456789012345678901234567890}}", "egress: {log: {prefix: '123456789012345678901234567890'}}",
		"egress: {allow: [{}]}", "egress: {allow: [{to: ''}]}", "egress: {allow: [{to: 10.0.0.1/8}]}", "egress: {allow: [{to: 10.0.0.256}]}", "egress: {allow: [{to: 'a b'}]}",
		"egress: {allow: [{to: a, ports: []}]}", "egress: {allow: [{to: a, ports: [443]}]}", "egress: {allow: [{to: a, ports: [70000/tcp]}]}", "egress: {allow: [{to: a, ports: [2-1/tcp]}]}", "egress: {allow: [{to: a, ports: [tcp]}]}",
		"egress: {allow: [{to: a, from: x}]}", "egress: {allow: [{to: a, from: {}}]}", "egress: {allow: [{to: a, from: {network: n, label: l}}]}", "egress: {allow: [{to: a, from: {subnet: 10.0.0.1}}]}", "egress: {allow: [{to: a, comment: \"a\\nb\"}]}",
		"seccomp: {base: none}", "seccomp: {deny: [Mount]}", "seccomp: {deny: [no-such]}", "seccomp: {deny: [1]}", "seccomp: {allow: [bpf-perf]}", "seccomp: {file: a.json}", "seccomp: {deny: mount}",
		"audit: {groups: [x]}", "audit: {rules: ['-D']}", "audit: {rules: [\"-w a\\n-D\"]}", "audit: {install: 1}",
		"limits: {rules: [{}]}", "limits: {rules: [{memory: 512}]}", "limits: {rules: [{memory: 1t}]}", "limits: {rules: [{pids: 0}]}", "limits: {rules: [{cpus: 0}]}", "limits: {rules: [{cpus: '1'}]}", "limits: {rules: [{restart: sometimes}]}", "limits: {rules: [{match: {}, pids: 1}]}",
		"patch: {minimum-engine: 28.5}", "patch: {engine-max-age-days: 0}", "patch: {lists-max-age-days: 1.5}",
		"contexts: {values: []}", "contexts: {separate: [x]}", "secrets: {look-in: [x]}", "secrets: {names: ['']}", "images: {registries: ['https://a']}", "images: {pipeline-paths: [a]}", "images: {digest: maybe}",
		"immutable: {writable: [srv]}", "logging: {drivers: ['']}", "logging: {bounded: null}", "management: {allow: [{}]}", "management: {allow: [{port: 2376}]}", "management: {allow: [{port: 0/tcp}]}", "management: {allow: [{port: 1/tcp, address: a}]}",
		"units: {check-every: 30m}", "units: {boot: on}",
		"waivers: [{control: icc, reason: r}]", "waivers: [{control: icc, expires: 2027-01-31}]", "waivers: [{control: ICC, reason: r, expires: 2027-01-31}]", "waivers: [{control: icc, reason: '', expires: 2027-01-31}]",
		"waivers: [{control: icc, reason: r, expires: '2027-02-30'}]", "waivers: [{control: icc, reason: r, expires: '2027-1-31'}]", "waivers: [{control: icc, reason: r, expires: 2027-01-31, scope: {}}]", "waivers: [{control: icc, reason: r, expires: 2027-01-31, scope: web}]",
	}
}

// Every field of the Go types is in the schema, and back.
func TestTypesMatchSchema(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(plans.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	compare(t, "", reflect.TypeFor[plans.Policy](), root, root)
}

func compare(t *testing.T, path string, goType reflect.Type, s, root map[string]any) {
	if ref, ok := s["$ref"].(string); ok {
		s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	switch goType.Kind() {
	case reflect.Pointer:
		compare(t, path, goType.Elem(), s, root)
	case reflect.Slice:
		if items, ok := s["items"].(map[string]any); ok && goType.Elem().Kind() != reflect.Uint8 {
			compare(t, path+"[]", goType.Elem(), items, root)
		} else if s["anyOf"] == nil {
			t.Errorf("%s: a list in Go, %v in the schema", path, s)
		}
	case reflect.Struct:
		compareFields(t, path, goType, s["properties"].(map[string]any), root)
	default:
		want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Float64: "number", reflect.Map: "object"}[goType.Kind()]
		if s["type"] != nil && s["type"] != want {
			t.Errorf("%s: %v in Go, %v in the schema", path, goType, s["type"])
		}
	}
}

func compareFields(t *testing.T, path string, goType reflect.Type, props, root map[string]any) {
	var have []string
	for f := range goType.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		have = append(have, name)
		prop, ok := props[name].(map[string]any)
		if !ok {
			t.Errorf("%s.%s is not in the schema", path, name)
			continue
		}
		compare(t, path+"."+name, f.Type, prop, root)
	}
	for name := range props {
		// unmanaged is used up when the policy is resolved.
		if !slices.Contains(have, name) && path+"."+name != ".unmanaged" {
			t.Errorf("%s.%s is not in %v", path, name, goType)
		}
	}
}

func TestSchemaDescribesEveryKey(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(plans.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	for name, def := range root["$defs"].(map[string]any) {
		for key, prop := range def.(map[string]any)["properties"].(map[string]any) {
			p := prop.(map[string]any)
			if p["description"] == nil && p["not"] == nil && p["$ref"] == nil {
				t.Errorf("%s.%s has no description", name, key)
			}
		}
	}
	if root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("got %v", root["$schema"])
	}
}
