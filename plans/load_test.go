package plans_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/plans"
)

// files reads from a map as if it were a disk.
func files(m map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		s, ok := m[path]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return []byte(s), nil
	}
}

func load(doc string) (*plans.Policy, error) {
	return plans.Load("p.yaml", files(map[string]string{"p.yaml": doc}))
}

func mustLoad(t *testing.T, doc string) *plans.Policy {
	t.Helper()
	p, err := load(doc)
	if err != nil {
		t.Fatalf("%s\n%v", doc, err)
	}
	return p
}

// Each document has the faults listed, all of them, in this order. A line of
// want is a message without "p.yaml:".
func TestFaultsAreNamedWithPlaceAndRemedy(t *testing.T) {
	for name, tt := range map[string]struct{ doc, want string }{
		"unknown key": {"version: 1\negres: {}\n", `2: egres: expected a known key, got "egres"
  hint: did you mean egress?`},
		"unknown key without a neighbour": {"version: 1\nuserns: {zebra: 1}\n", `2: userns.zebra: expected a known key, got "zebra"
  hint: the keys here are remap, size, start`},
		"misspelt daemon key": {"version: 1\ndaemon:\n  no-new-priviledges: true\n", `3: daemon.no-new-priviledges: expected a known key, got "no-new-priviledges"
  hint: did you mean no-new-privileges?`},
		"daemon key in capitals": {"version: 1\ndaemon: {ICC: false}", `2: daemon.ICC: expected a known key, got "ICC"
  hint: did you mean icc?`},
		"flag of dockerd as key": {"version: 1\ndaemon: {insecure-registry: []}", `2: daemon.insecure-registry: expected no such key, got the key
  hint: insecure-registry is a flag of dockerd, which ignores it in daemon.json; the key is insecure-registries`},
		"userns-remap as daemon key": {"version: 1\ndaemon: {userns-remap: default}", `2: daemon.userns-remap: expected no such key, got the key
  hint: use the section userns: it makes the account and its id ranges too`},
		"duplicate key": {"version: 1\ndaemon:\n  icc: false\n  icc: true\n", `4: daemon.icc: expected each key once, got a duplicate of line 3`},
		"wrong type": {"version: 1\ndaemon: {icc: yes, ip: 1}\nuserns: []", `2: daemon.icc: expected true or false or null, got the text "yes"
  hint: write true or false without quotes
2: daemon.ip: expected an IP address such as 127.0.0.1, got the number 1
  hint: quote it
3: userns: expected a map, got a list`},
		"log-opts unquoted": {"version: 1\ndaemon: {log-driver: json-file, log-opts: {max-file: 3}}", `2: daemon.log-opts.max-file: expected a text or null, got the number (not shown)
  hint: quote numbers and booleans here: dockerd takes only strings`},
		"empty section": {"version: 1\nextends: strict\ndaemon:\n", `3: daemon: expected a map, got nothing (null)
  hint: leave the key out to say nothing; unmanaged drops what an extended policy says`},
		"userns": {"version: 1\nuserns: {remap: root, size: 65535, start: 4294967294}", `2: userns.remap: expected off or the name of an account other than root, got the text "root"
  hint: root maps to itself, so that user namespaces would stay off; for dockerd's "default" write dockremap
2: userns.size: expected a whole number from 65536 to 4294836224, got the number 65535
2: userns.start: expected auto or an id from 65536, got the number 4294967294`},
		"range beyond 32 bits": {"version: 1\nuserns: {start: 4294901759, size: 65537}", `2: userns.start: expected a range that ends at 4294967294 or before, got 4294901759 + 65537 ids`},
		"ulimits": {"version: 1\ndaemon:\n  default-ulimits:\n    nofile: {soft: 2, hard: 1}\n    core: {soft: 0}\n    nproc: {soft: -1, hard: 5}\n", `4: daemon.default-ulimits.nofile.soft: expected at most hard (1), got 2
5: daemon.default-ulimits.core: expected both soft and hard, got only one of them
6: daemon.default-ulimits.nproc.soft: expected at most hard (5), got -1`},
		"ulimit of no kernel": {"version: 1\ndaemon: {default-ulimits: {nofiles: {soft: 1, hard: 1}}}", `2: daemon.default-ulimits.nofiles: expected a known key, got "nofiles"
  hint: did you mean nofile?`},
		"ulimit in dockerd's form": {"version: 1\ndaemon: {default-ulimits: {core: {Name: core, Hard: 1, Soft: 1}}}", `2: daemon.default-ulimits.core.Name: expected a known key, got "Name"
  hint: the keys here are hard, soft
2: daemon.default-ulimits.core.Hard: expected a known key, got "Hard"
  hint: did you mean hard?
2: daemon.default-ulimits.core.Soft: expected a known key, got "Soft"
  hint: did you mean soft?`},
		"log-opts without driver": {"version: 1\ndaemon: {log-opts: {tag: x, gelf-address: y}}", `2: daemon.log-opts.gelf-address: expected an option of json-file, got "gelf-address"
  hint: its options are compress, max-file, max-size, env, env-regex, labels, labels-regex, tag, mode, max-buffer-size`},
		"log-opts that the driver lacks": {"version: 1\ndaemon: {log-driver: json-file, log-opts: {maxsize: 1m, max-size: abc, max-file: '0', mode: fast}}", `2: daemon.log-opts.maxsize: expected an option of json-file, got "maxsize"
  hint: did you mean max-size?
2: daemon.log-opts.max-size: expected a size such as 10m, got the text "abc"
2: daemon.log-opts.max-file: expected a count of files from 1, got the text "0"
2: daemon.log-opts.mode: expected blocking or non-blocking, got the text "fast"`},
		"log-opts of the driver before": {"version: 1\ndaemon:\n  log-driver: journald\n  log-opts: {tag: a, new-option: b, cache-disabled: 'true', max-size: 1m}", `4: daemon.log-opts.max-size: expected an option of journald, got "max-size"
  hint: dockerd does not start with an option that its log driver does not know`},
		"userland-proxy true": {"version: 1\ndaemon: {userland-proxy: true}", `2: daemon.userland-proxy: expected userland-proxy-path beside true, got none
  hint: true is dockerd's default, but every reload fails when it is stated alone
  hint: write null to have the key absent`},
		"pairs that stop dockerd": {"version: 1\nuserns: {}\ndaemon: {icc: false, iptables: false, features: {containerd-snapshotter: true}, host-gateway-ip: 10.0.0.1, host-gateway-ips: [10.0.0.1]}", `3: daemon.icc: expected iptables other than false, got both false
  hint: icc works through iptables; dockerd does not start with both
3: daemon.host-gateway-ip: expected one of host-gateway-ip and host-gateway-ips, got both
3: daemon.features.containerd-snapshotter: expected no containerd image store beside userns, got true
  hint: Engine 29 and newer does not start with both; user namespaces use the older store`},
		"seccomp by two": {"version: 1\ndaemon: {seccomp-profile: /a.json}\nseccomp: {file: /b.json, deny: [mount]}", `2: daemon.seccomp-profile: expected either this key or the section seccomp, got both
  hint: the section sets the key
3: seccomp.deny: expected either file or deny, got both`},
		"seccomp group": {"version: 1\nseccomp: {deny: [bpf-pref, ptrace, ptrace]}", `2: seccomp.deny[0]: expected a system call or one of the groups io_uring, bpf-perf, userfaultfd, keyring, new-namespaces, af-alg-vsock, ptrace, mount, obsolete, got the text "bpf-pref"
  hint: did you mean bpf-perf?
2: seccomp.deny[2]: expected each item once (it is on line 2 too), got the text "ptrace"`},
		"egress": {"version: 1\negress:\n  allow:\n    - to: 10.1.2.3/24\n      ports: [443, 0/tcp, 90-80/tcp, 65536/udp, 443/icmp]\n    - to: 10.0.0.300\n    - {ports: [icmp]}\n    - {to: a.example, from: {network: a, label: b}}\n    - {to: '*.example.com', from: {}}\n  log: {prefix: \"a\\\"b\", rate: 10}\n", `4: egress.allow[0].to: expected an address, a network such as 10.0.0.0/8 or a DNS name, got the text "10.1.2.3/24"
5: egress.allow[0].ports[0]: expected a port such as 443/tcp, a range such as 8000-8100/udp, or icmp, got the number 443
  hint: write the protocol too: 443/tcp
5: egress.allow[0].ports[1]: expected a port such as 443/tcp, a range such as 8000-8100/udp, or icmp, got the text "0/tcp"
  hint: write the protocol too: 443/tcp
5: egress.allow[0].ports[2]: expected a port such as 443/tcp, a range such as 8000-8100/udp, or icmp, got the text "90-80/tcp"
  hint: write the protocol too: 443/tcp
5: egress.allow[0].ports[3]: expected a port such as 443/tcp, a range such as 8000-8100/udp, or icmp, got the text "65536/udp"
  hint: write the protocol too: 443/tcp
5: egress.allow[0].ports[4]: expected a port such as 443/tcp, a range such as 8000-8100/udp, or icmp, got the text "443/icmp"
  hint: write the protocol too: 443/tcp
6: egress.allow[1].to: expected an address, a network such as 10.0.0.0/8 or a DNS name, got the text "10.0.0.300"
7: egress.allow[2].to: expected an address, a network such as 10.0.0.0/8 or a DNS name, got no such key
8: egress.allow[3].from: expected only one of label, network, subnet, got a map
9: egress.allow[4].to: expected an address, a network such as 10.0.0.0/8 or a DNS name, got the text "*.example.com"
9: egress.allow[4].from: expected one of label, network, subnet, got a map
10: egress.log.prefix: expected up to 29 printable characters without quotes, got the text "a\"b"
10: egress.log.rate: expected a rate from 5/day to 10000/second, such as 10/minute, got the number 10
  hint: quote it`},
		"egress that allows nothing": {"version: 1\negress:\n  interfaces: ['!eth0', br-+]\n  log: {rate: 10001/second}\n", `3: egress.interfaces[0]: expected a name of an interface, got the text "!eth0"
4: egress.log.rate: expected a rate from 5/day to 10000/second, such as 10/minute, got the text "10001/second"`},
		"egress of two families": {"version: 1\negress:\n  allow:\n    - {to: 10.0.0.0/8, from: {subnet: 'fd00::/8'}}\n    - {to: '2001:db8::1', from: {subnet: 172.17.0.0/16}}\n    - {to: a.example, from: {subnet: 'fd00::/8'}}\n    - {to: '::ffff:10.0.0.1', from: {subnet: 172.17.0.0/16}}\n", `4: egress.allow[0].from.subnet: expected a subnet of IPv4, as to (10.0.0.0/8), got fd00::/8
5: egress.allow[1].from.subnet: expected a subnet of IPv6, as to (2001:db8::1), got 172.17.0.0/16`},
		"egress without a way to names": {"version: 1\negress:\n  dns:\n    servers: [10.0.0.53, 127.0.0.53, '::1', 'fe80::1', 0.0.0.0]\n", `4: egress.dns.servers[1]: expected a server that containers can reach, got 127.0.0.53
  hint: on loopback and link-local addresses a container meets itself; name the server behind them
4: egress.dns.servers[2]: expected a server that containers can reach, got ::1
  hint: on loopback and link-local addresses a container meets itself; name the server behind them
4: egress.dns.servers[3]: expected a server that containers can reach, got fe80::1
  hint: on loopback and link-local addresses a container meets itself; name the server behind them
4: egress.dns.servers[4]: expected a server that containers can reach, got 0.0.0.0
  hint: on loopback and link-local addresses a container meets itself; name the server behind them`},
		"waiver": {"version: 1\nwaivers: [{control: icc, expires: 2027-02-29}]", `2: waivers[0].expires: expected a date such as 2027-01-31, got the text "2027-02-29"
2: waivers[0].reason: expected a reason, got no such key`},
		"memory beyond numbers": {"version: 1\nlimits: {rules: [{memory: 999999999999999g}, {memory: 1g, memory-swap: 2000000000g}]}", `2: limits.rules[0].memory: expected at most 1 EiB, got 999999999999999g
2: limits.rules[1].memory-swap: expected at most 1 EiB, got 2000000000g
  hint: "-1" is unlimited`},
		"swap below memory": {"version: 1\nlimits: {rules: [{memory: 1g, memory-swap: 512m}, {memory-swap: '-1'}]}", `2: limits.rules[0].memory-swap: expected at least memory (1g), got 512m
  hint: memory-swap counts memory too
2: limits.rules[1].memory-swap: expected memory beside it, got none
  hint: memory-swap counts memory too`},
		"version missing": {"name: x\n", `1: version: expected 1, got no such key`},
		"version newer":   {"version: 2\n", `1: version: expected 1, got the number 2`},
		"unmanaged": {"version: 1\nextends: strict\ndaemon: {icc: true}\nunmanaged: [daemon.icc, daemon.log-drivr, egress]", `4: unmanaged[0]: expected a key that this file does not state, got daemon.icc
4: unmanaged[1]: expected a key that the extended policy states, got daemon.log-drivr
  hint: did you mean daemon.log-driver?`},
		"unmanaged of nothing": {"version: 1\nunmanaged: [egress]", `2: unmanaged[0]: expected extends beside it, got none`},
		"extends of nothing": {"version: 1\nextends: strickt\n", `2: extends: expected one of baseline, strict or a file, got "strickt"
  hint: did you mean strict?`},
		"a secret is not repeated": {"version: 1\ndaemon: {http-proxy: [http://user:hunter2@proxy], https-proxy: 7357}", `2: daemon.http-proxy: expected a text that is not empty or null, got a list
2: daemon.https-proxy: expected a text that is not empty or null, got the number (not shown)
  hint: quote it`},
		"terminal escapes": {"version: 1\n\"\\e[2J\": 1\nname: \"\\e[2J\"", `2: "\x1b[2J": expected a known key, got "\x1b[2J"
  hint: the keys here are audit, contexts, daemon, description, egress, extends, images, immutable, limits, logging, management, name, patch, seccomp, secrets, units, unmanaged, userns, version, waivers
3: name: expected a name of lower-case letters, digits, dots and dashes, got the text "\x1b[2J"`},
		"what YAML can do and a policy cannot": {"version: 1\nuserns: &a {remap: off}\nname: *a\n<<: {name: a}\n1: 2\n? [a]\n: b\ndescription: !!binary aGk=\nlimits: {rules: [{pids: 0x10}]}", `2: userns: expected a value, got an anchor (&a)
  hint: anchors are not supported: write the value where it is needed
2: userns: expected a map, got nothing (null)
  hint: leave the key out to say nothing; unmanaged drops what an extended policy says
3: name: expected a value, got an alias (*a)
  hint: aliases are not supported: write the value out
3: name: expected a name of lower-case letters, digits, dots and dashes, got nothing (null)
  hint: leave the key out to say nothing; unmanaged drops what an extended policy says
4: expected a key, got a merge key (<<)
  hint: merge keys are not supported: use extends
5: expected a text as key, got "1"
  hint: quote the key
6: expected a text as key, got a list, map or alias
8: description: expected a value without a tag, got the tag "!!binary"
8: description: expected a text of at most 1000 characters, got nothing (null)
  hint: leave the key out to say nothing; unmanaged drops what an extended policy says
9: limits.rules[0].pids: expected a decimal number, got 0x10
  hint: quote it if a text is meant
9: limits.rules[0].pids: expected a whole number from 1 to 4194304, got the number 0`},
		"empty file":       {"", "1: expected a policy, got an empty file\n  hint: the shortest policy is \"version: 1\""},
		"comments alone":   {"# nothing\n", "1: expected a policy, got an empty file\n  hint: the shortest policy is \"version: 1\""},
		"a list":           {"- version: 1\n", "1: expected a map of keys, got a list"},
		"second document":  {"version: 1\n---\nversion: 1\n", "2: expected one document, got a second one\n  hint: write one policy to a file and use extends"},
		"tab":              {"version: 1\ndaemon:\n\ticc: false\n", "3: expected YAML, got a syntax error: found character that cannot start any token\n  hint: YAML is indented with spaces, never with tabs"},
		"broken YAML":      {"version: 1\ndaemon: {icc: false\n", "3: expected YAML, got a syntax error: did not find expected ',' or '}'"},
		"more than a MiB":  {"#" + strings.Repeat("x", 1<<20), "at most"},
		"a billion laughs": {"a: &a [1]\nb: &b [*a,*a]\nversion: 1", "laughs"},
		"too many keys":    {"version: 1\ndaemon:\n  runtimes:\n" + runtimes(257), "4: daemon.runtimes: expected at most 256 keys, got 257"},
		"too deep":         {"version: 1\ndaemon: {x: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", "deep"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(tt.doc)
			var errs plans.Errors
			if !errors.As(err, &errs) {
				t.Fatalf("want Errors, got %v", err)
			}
			got := strings.ReplaceAll(err.Error(), "p.yaml:", "")
			switch tt.want {
			case "at most":
				tt.want = fmt.Sprintf(" expected at most 1 MiB, got %d bytes", len(tt.doc))
			case "laughs":
				if !strings.Contains(got, "an anchor (&a)") {
					t.Errorf("anchors pass: %s", got)
				}
				return
			case "deep":
				if !strings.Contains(got, "expected at most 32 levels, got more") {
					t.Errorf("depth passes: %s", got)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func runtimes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "    r%d: {path: /bin/r}\n", i)
	}
	return b.String()
}

func TestErrorsCarryPlaceForMachines(t *testing.T) {
	_, err := load("version: 1\ndaemon:\n  icc: maybe\n")
	one, ok := errors.AsType[*plans.Error](err)
	if !ok || one.File != "p.yaml" || one.Line != 3 || one.Column != 8 || one.Key != "daemon.icc" {
		t.Errorf("got %+v", one)
	}
}

func TestHostileFileEndsInBoundedErrors(t *testing.T) {
	var b strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&b, "aaaaaaaa%d: 1\n", i)
	}
	for _, doc := range []string{b.String(), strings.Repeat("a: 1\n", 10_000)} {
		_, err := load(doc)
		errs, _ := errors.AsType[plans.Errors](err)
		if len(errs) == 0 || len(errs) > 100 {
			t.Errorf("got %d errors, want 1 to 100", len(errs))
		}
	}
}

func TestRef(t *testing.T) {
	disk := files(map[string]string{"strict.yaml": "version: 1\nname: mine\n", "d/baseline": "version: 1\n"})
	for ref, want := range map[string]string{
		"strict": "strict", "strict.yaml": "mine", "d/baseline": "baseline",
	} {
		p, err := plans.Load(ref, disk)
		if err != nil || p.Name != want {
			t.Errorf("%s: got %v, %v; want %s", ref, p, err, want)
		}
	}
	if _, err := plans.Load("no.yaml", disk); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	for ref, want := range map[string]string{
		"basline": "policy: expected one of baseline, strict or a file, got \"basline\"\n  hint: did you mean baseline?",
		"":        "policy: expected one of baseline, strict or a file, got \"\"\n  hint: a file contains a slash or ends in .yaml",
	} {
		if _, err := plans.Load(ref, nil); err == nil || err.Error() != want {
			t.Errorf("%q: got %v", ref, err)
		}
	}
	if _, err := plans.Load("a.yaml", nil); err == nil {
		t.Error("a file without a reader passes")
	}
}
