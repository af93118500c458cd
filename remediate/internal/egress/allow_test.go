package egress_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func resolved(s *resource.Snapshot) {
	s.Resolved = map[string]resource.Fact[[]string]{
		"mirror.example": resource.Known([]string{"203.0.113.7", "2001:db8::7"}),
		"gone.example":   resource.Unknown[[]string]("cannot resolve gone.example: no such host"),
		"empty.example":  resource.Known([]string{}),
		"odd.example":    resource.Known([]string{"not an address"}),
	}
}

func five(form string) []egress.Allow {
	var lines []egress.Allow
	for i := range 5 {
		lines = append(lines, egress.Allow{To: fmt.Sprintf(form, 2*i+1), Ports: []string{"443/tcp", "icmp"}})
	}
	return lines
}

// Each form of a line of allow, with the rules that it adds in each backend.
func TestAllow(t *testing.T) {
	for name, tt := range map[string]struct {
		allow          []egress.Allow
		ip4, ip6, inet string
	}{
		"address": {
			[]egress.Allow{{To: "203.0.113.9", Ports: []string{"443/tcp"}, Comment: `the "mirror"`}},
			`-d 203.0.113.9/32 -p tcp -m tcp --dport 443 -m comment --comment "the \'mirror\'" -j RETURN`, "",
			`ip daddr 203.0.113.9 tcp dport 443 return comment "the 'mirror'"`,
		},
		"IPv4 in IPv6 clothes": {
			[]egress.Allow{{To: "::ffff:203.0.113.9"}},
			"-d 203.0.113.9/32 -j RETURN", "", "ip daddr 203.0.113.9 return",
		},
		"network, ports and protocols": {
			[]egress.Allow{{To: "2001:db8::/32", Ports: []string{"8000-8100/udp", "9/sctp", "icmp", "8101/udp", "80/tcp"}}},
			"",
			"-d 2001:db8::/32 -p ipv6-icmp -j RETURN\n-d 2001:db8::/32 -p sctp -m sctp --dport 9 -j RETURN\n" +
				"-d 2001:db8::/32 -p tcp -m tcp --dport 80 -j RETURN\n-d 2001:db8::/32 -p udp -m udp --dport 8000:8101 -j RETURN",
			"ip6 daddr 2001:db8::/32 meta l4proto 58 return\nip6 daddr 2001:db8::/32 sctp dport 9 return\n" +
				"ip6 daddr 2001:db8::/32 tcp dport 80 return\nip6 daddr 2001:db8::/32 udp dport 8000-8101 return",
		},
		"ports within ports": {
			[]egress.Allow{{To: "203.0.113.9", Ports: []string{"85/tcp", "80-90/tcp", "91-92/tcp"}}},
			"-d 203.0.113.9/32 -p tcp -m tcp --dport 80:92 -j RETURN", "", "ip daddr 203.0.113.9 tcp dport 80-92 return",
		},
		"ports that end within ports": {
			[]egress.Allow{{To: "203.0.113.9", Ports: []string{"85/tcp", "80-90/tcp"}}},
			"-d 203.0.113.9/32 -p tcp -m tcp --dport 80:90 -j RETURN", "", "ip daddr 203.0.113.9 tcp dport 80-90 return",
		},
		"everything of one family": {
			[]egress.Allow{{To: "0.0.0.0/0", Ports: []string{"123/udp"}}, {To: "203.0.113.9", Ports: []string{"123/udp"}}},
			"-p udp -m udp --dport 123 -j RETURN", "", "meta nfproto 2 udp dport 123 return",
		},
		"name": {
			[]egress.Allow{{To: "mirror.example", Ports: []string{"80/tcp"}}},
			"-d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j RETURN", "-d 2001:db8::7/128 -p tcp -m tcp --dport 80 -j RETURN",
			"ip daddr 203.0.113.7 tcp dport 80 return\nip6 daddr 2001:db8::7 tcp dport 80 return",
		},
		"from a network": {
			[]egress.Allow{{To: "mirror.example", Network: "app"}},
			"-d 203.0.113.7/32 -i br-0123456789ab -j RETURN", "-d 2001:db8::7/128 -i br-0123456789ab -j RETURN",
			"iifname \"br-0123456789ab\" ip daddr 203.0.113.7 return\niifname \"br-0123456789ab\" ip6 daddr 2001:db8::7 return",
		},
		"from a label": {
			[]egress.Allow{{To: "mirror.example", Label: "role"}},
			"-s 172.18.0.2/32 -d 203.0.113.7/32 -i br-0123456789ab -j RETURN\n-s 172.17.0.3/32 -d 203.0.113.7/32 -i docker0 -j RETURN",
			"-s fd00:18::2/128 -d 2001:db8::7/128 -i br-0123456789ab -j RETURN",
			"iifname \"br-0123456789ab\" ip saddr 172.18.0.2 ip daddr 203.0.113.7 return\n" +
				"iifname \"docker0\" ip saddr 172.17.0.3 ip daddr 203.0.113.7 return\n" +
				"iifname \"br-0123456789ab\" ip6 saddr fd00:18::2 ip6 daddr 2001:db8::7 return",
		},
		"from a label and value": {
			[]egress.Allow{{To: "mirror.example", Label: "role=job"}},
			"-s 172.17.0.3/32 -d 203.0.113.7/32 -i docker0 -j RETURN", "",
			"iifname \"docker0\" ip saddr 172.17.0.3 ip daddr 203.0.113.7 return",
		},
		"from a subnet": {
			[]egress.Allow{{To: "mirror.example", Subnet: "172.17.0.0/24"}},
			"-s 172.17.0.0/24 -d 203.0.113.7/32 -j RETURN", "", "ip saddr 172.17.0.0/24 ip daddr 203.0.113.7 return",
		},
		"the same twice": {
			[]egress.Allow{{To: "203.0.113.9", Comment: "b"}, {To: "203.0.113.9", Comment: "a"}, {To: "203.0.113.9"}},
			"-d 203.0.113.9/32 -m comment --comment a -j RETURN", "", "ip daddr 203.0.113.9 return comment \"a\"",
		},
		"halves": {
			[]egress.Allow{{To: "203.0.113.8", Comment: "c"}, {To: "203.0.113.9", Comment: "c"}},
			"-d 203.0.113.8/31 -m comment --comment c -j RETURN", "", "ip daddr 203.0.113.8/31 return comment \"c\"",
		},
		"four destinations": {
			five("203.0.113.%d")[:4],
			lines("-d 203.0.113.%d/32 -p icmp -j RETURN\n-d 203.0.113.%[1]d/32 -p tcp -m tcp --dport 443 -j RETURN", 1, 3, 5, 7), "",
			lines("ip daddr 203.0.113.%d meta l4proto 1 return\nip daddr 203.0.113.%[1]d tcp dport 443 return", 1, 3, 5, 7),
		},
		"five": {
			five("203.0.113.%d"),
			"-p icmp -m set --match-set SET4 dst -j RETURN\n-p tcp -m tcp --dport 443 -m set --match-set SET4 dst -j RETURN", "",
			"ip daddr @SET4 meta l4proto 1 return\nip daddr @SET4 tcp dport 443 return",
		},
		"five of IPv6": {
			five("2001:db8::%d"), "",
			"-p ipv6-icmp -m set --match-set SET6 dst -j RETURN\n-p tcp -m tcp --dport 443 -m set --match-set SET6 dst -j RETURN",
			"ip6 daddr @SET6 meta l4proto 58 return\nip6 daddr @SET6 tcp dport 443 return",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := with(engine28(), resolved)
			w := deny()
			before := compiled(t, w, s)
			w.Allow = tt.allow
			after := compiled(t, w, s)
			for family, want := range map[string]string{"ip": tt.ip4, "ip6": tt.ip6} {
				check(t, family, table(before, family), table(after, family), want)
			}
			w.Backend = "nftables"
			check(t, "inet", bareInet, compiled(t, w, s), tt.inet)
		})
	}
}

func lines(form string, numbers ...int) string {
	var out []string
	for _, n := range numbers {
		out = append(out, fmt.Sprintf(form, n))
	}
	return strings.Join(out, "\n")
}

// check compares the rules that came; digests of sets are replaced, once it is
// seen that a set of the name is there.
func check(t *testing.T, family, before, after, want string) {
	t.Helper()
	gone, come := changed(before, after)
	var rules []string
	for _, l := range come {
		if rule, ok := strings.CutPrefix(l, "\t"); ok {
			rules = append(rules, rule)
		}
	}
	got := strings.Join(rules, "\n")
	for _, l := range come {
		if name, _, _ := strings.Cut(l, " "); strings.HasPrefix(name, "bulwark-") {
			got = strings.ReplaceAll(got, name, "SET"+name[len("bulwark-"):len("bulwark-")+1])
		}
	}
	if d := cmp.Diff(want, got); d != "" || len(gone) > 0 {
		t.Errorf("%s: gone %q, came %s", family, gone, d)
	}
}

// A line that cannot be served stops the section, and says where it stands.
func TestRefusedLines(t *testing.T) {
	for name, tt := range map[string]struct {
		allow  egress.Allow
		host   func(*resource.Snapshot)
		status resource.Status
		reason string
		remedy string
	}{
		"name that does not resolve": {egress.Allow{To: "gone.example", Source: "site.yaml:9"}, nil, resource.Unread, "site.yaml:9: cannot resolve gone.example: no such host", "correct the name"},
		"name without address":       {egress.Allow{To: "empty.example"}, nil, resource.Unread, "cannot resolve empty.example: it has no address", "correct the name"},
		"name that nobody asked for": {egress.Allow{To: "new.example"}, nil, resource.Unread, "cannot resolve new.example: it was not looked up", ""},
		"answer that is no address":  {egress.Allow{To: "odd.example"}, nil, resource.Unread, `cannot resolve odd.example: "not an address" is no address`, ""},
		"no such network":            {egress.Allow{To: "::1", Network: "nope", Source: "p:1"}, nil, resource.Blocked, "p:1: there is no network nope", "docker network create nope"},
		"network without a bridge":   {egress.Allow{To: "::1", Network: "lan"}, nil, resource.Blocked, "network lan (driver macvlan) has no bridge", "label or a subnet"},
		"network, docker stopped":    {egress.Allow{To: "::1", Network: "app"}, stopped, resource.Unread, "cannot tell the bridge of network app: docker.service is inactive", "start docker"},
		"label, docker silent": {egress.Allow{To: "::1", Label: "a"}, func(s *resource.Snapshot) {
			s.Containers = resource.Unknown[[]resource.Container]("timeout")
		}, resource.Unread, "cannot tell which containers have label a: timeout", ""},
		"port":   {egress.Allow{To: "::1", Ports: []string{"0/tcp"}}, nil, resource.Blocked, `cannot read "0/tcp"`, "correct the line"},
		"subnet": {egress.Allow{To: "::1", Subnet: "x"}, nil, resource.Blocked, `"x" is not a network`, "correct the line"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deny(), with(engine28(), resolved)
			w.Allow = []egress.Allow{{To: "192.0.2.1"}, tt.allow}
			if tt.host != nil {
				tt.host(s)
			}
			r := diff(w, s)
			c := controlOf(r, "egress")
			if c.Status != tt.status || !strings.Contains(c.Reason, tt.reason) || !strings.Contains(c.Remedy, tt.remedy) {
				t.Errorf("got %+v", c)
			}
			if len(r.Changes)+len(r.Operations) > 0 {
				t.Error("half of the policy would be applied")
			}
		})
	}
}

// A line that allows nothing now says so, and does not stop the others.
func TestEmptyLines(t *testing.T) {
	for want, a := range map[string]egress.Allow{
		"note: p:3: no container with label role=db has an address now, so the line allows nothing; run bulwark again when one runs": {To: "192.0.2.1", Label: "role=db", Source: "p:3"},
		"note: the line for 192.0.2.1 allows nothing: its containers and its destination have no address family in common":           {To: "192.0.2.1", Subnet: "fd00::/8"},
	} {
		w := deny()
		w.Allow = []egress.Allow{a}
		r := diff(w, engine28())
		if !slices.Contains(impactTexts(r), want) {
			t.Errorf("got %q, want %q", impactTexts(r), want)
		}
		if d := cmp.Diff(bare4+bare6+bareInet, listing(wanted(t, r))); d != "" {
			t.Error(d)
		}
	}
	w := deny()
	w.Allow = []egress.Allow{{To: "192.0.2.1", Label: "role"}}
	if d := cmp.Diff(bare4, table(compiled(t, w, with(engine28(), stopped)), "ip")); d != "" {
		t.Errorf("docker does not run, so no container does: %s", d)
	}
}

// Names are what the facade must resolve.
func TestNames(t *testing.T) {
	w := &egress.Want{Allow: []egress.Allow{{To: "b.example"}, {To: "10.0.0.0/8"}, {To: "::1"}, {To: "a.example"}, {To: "b.example"}, {To: "fe80::1%eth0"}}}
	if got := w.Names(); !slices.Equal(got, []string{"a.example", "b.example", "fe80::1%eth0"}) {
		t.Errorf("got %q", got)
	}
	w.Off = true
	if w.Names() != nil || (*egress.Want)(nil).Names() != nil {
		t.Error("a policy that denies nothing needs no names")
	}
}
