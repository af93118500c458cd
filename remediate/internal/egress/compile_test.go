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

func compiled(t testing.TB, want *egress.Want, s *resource.Snapshot) string {
	t.Helper()
	c, why := egress.Compile(want, s)
	if why != "" {
		t.Fatal(why)
	}
	return listing(c.Rules())
}

const bare4 = `iptables nft ip
DOCKER-USER 1: BULWARK-EGRESS
BULWARK-EGRESS:
	-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
	-i br-+ -j BULWARK-OUT
	-i docker0 -j BULWARK-OUT
	-i docker_gwbridge -j BULWARK-OUT
BULWARK-OUT:
	-i br-+ -o br-+ -j RETURN
	-i docker0 -o docker0 -j RETURN
	-i docker_gwbridge -o docker_gwbridge -j RETURN
	-d 192.0.2.53/32 -p tcp -m tcp --dport 53 -j RETURN
	-d 192.0.2.53/32 -p udp -m udp --dport 53 -j RETURN
	-j DROP
`

const bare6 = `iptables nft ip6
DOCKER-USER 1: BULWARK-EGRESS
BULWARK-EGRESS:
	-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
	-i br-+ -j BULWARK-OUT
	-i docker0 -j BULWARK-OUT
	-i docker_gwbridge -j BULWARK-OUT
BULWARK-OUT:
	-i br-+ -o br-+ -j RETURN
	-i docker0 -o docker0 -j RETURN
	-i docker_gwbridge -o docker_gwbridge -j RETURN
	-j DROP
`

const bareInet = `nftables  inet
forward: type filter hook forward priority -10; policy accept;
	jump egress
egress:
	ct state 0x2,0x4 return
	iifname "br-*" jump out
	iifname "docker0" jump out
	iifname "docker_gwbridge" jump out
` + sources + `out:
	iifname "br-*" oifname "br-*" return
	iifname "docker0" oifname "docker0" return
	iifname "docker_gwbridge" oifname "docker_gwbridge" return
	ip daddr 192.0.2.53 tcp dport 53 return
	ip daddr 192.0.2.53 udp dport 53 return
	counter drop
`

// sources are the rules against forged source addresses.
const sources = `forged:
	counter drop
source: type filter hook prerouting priority -300; policy accept;
	iifname "br-*" fib saddr type 2 jump forged
	iifname "br-*" fib saddr . iif oif 0 jump forged
	iifname "docker0" fib saddr type 2 jump forged
	iifname "docker0" fib saddr . iif oif 0 jump forged
	iifname "docker_gwbridge" fib saddr type 2 jump forged
	iifname "docker_gwbridge" fib saddr . iif oif 0 jump forged
`

// A policy without any line, in full.
func TestBareRules(t *testing.T) {
	for name, tt := range map[string]struct {
		s       *resource.Snapshot
		backend string
		want    string
	}{
		"Engine 28": {engine28(), "auto", bare4 + bare6 + bareInet},
		"Engine 20.10 filters no IPv6": {engine2010(), "auto", bare4 +
			strings.Replace(bare6, "DOCKER-USER 1", "FORWARD 1", 1) + bareInet},
		"nftables": {engine28(), "nftables", bareInet},
		"no ip6tables": {with(engine28(), func(s *resource.Snapshot) {
			delete(s.Firewall.Value.Tools, "ip6tables-nft")
		}), "auto", bareInet},
		"no ip6tables, by policy": {with(engine28(), func(s *resource.Snapshot) {
			delete(s.Firewall.Value.Tools, "ip6tables-nft")
		}), "iptables", bare4 + bareInet},
		"no nft": {with(engine28(), func(s *resource.Snapshot) {
			delete(s.Firewall.Value.Tools, "nft")
		}), "auto", bare4 + bare6},
	} {
		t.Run(name, func(t *testing.T) {
			w := deny()
			w.Backend = tt.backend
			if d := cmp.Diff(tt.want, compiled(t, w, tt.s)); d != "" {
				t.Error(d)
			}
		})
	}
}

// changed returns the lines that one listing lacks and the other has.
func changed(from, to string) (gone, come []string) {
	a, b := strings.Split(from, "\n"), strings.Split(to, "\n")
	lacks := func(list []string) func(string) bool {
		return func(l string) bool { return slices.Contains(list, l) }
	}
	return slices.DeleteFunc(slices.Clone(a), lacks(b)), slices.DeleteFunc(slices.Clone(b), lacks(a))
}

// What each key of the policy and each trait of the host changes in the bare
// rules for IPv4 and IPv6.
func TestRulesByKey(t *testing.T) {
	group := 7
	for name, tt := range map[string]struct {
		want       func(*egress.Want)
		host       func(*resource.Snapshot)
		gone, come []string
		come6      []string // nil: like come
	}{
		"cut": {
			want: func(w *egress.Want) { w.Cut = true },
			gone: []string{"\t-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"},
			come: []string{"\t-m conntrack --ctdir REPLY -j RETURN"},
		},
		"icc deny, whether bridges are filtered or not": {
			want: func(w *egress.Want) { w.ICC = false },
			gone: []string{"\t-i br-+ -o br-+ -j RETURN", "\t-i docker0 -o docker0 -j RETURN", "\t-i docker_gwbridge -o docker_gwbridge -j RETURN"},
		},
		"interfaces of the policy": {
			want: func(w *egress.Want) { w.Interfaces = []string{"docker0", "ext+"} },
			host: func(s *resource.Snapshot) { s.Firewall.Value.Bridges = []string{"br-lan"} },
			gone: []string{
				"\t-i br-+ -j BULWARK-OUT", "\t-i docker_gwbridge -j BULWARK-OUT",
				"\t-i br-+ -o br-+ -j RETURN", "\t-i docker_gwbridge -o docker_gwbridge -j RETURN",
			},
			come: []string{"\t-i ext+ -j BULWARK-OUT", "\t-i ext+ -o ext+ -j RETURN"},
		},
		"bridge with a name of its own": {
			host: func(s *resource.Snapshot) {
				s.Networks.Value[1].Bridge, s.Firewall.Value.Bridges = "apps", []string{"apps", "docker0"}
			},
			come: []string{"\t-i apps -j BULWARK-OUT", "\t-i apps -o apps -j RETURN"},
		},
		"network made later": {
			host: func(s *resource.Snapshot) {
				s.Networks.Value = append(s.Networks.Value, resource.Network{Name: "new", Driver: "bridge", Bridge: "br-ba9876543210"})
				s.Firewall.Value.Bridges = append(s.Firewall.Value.Bridges, "br-ba9876543210")
			},
		},
		"bridges of others": {
			host: func(s *resource.Snapshot) {
				s.Firewall.Value.Bridges = []string{"virbr0", "br-lan", "br-0123456789ab", "br0", "docker0", "br-fedcba987654"}
			},
			// An uplink br-ex must not pass for a container's network.
			come: []string{
				"\t-i br-lan -j RETURN", "BULWARK-ALLOWED:", "\t-o br-lan -j BULWARK-ALLOWED", "\t-j BULWARK-ALLOWED",
			},
		},
		"log": {
			want: func(w *egress.Want) { w.Log = &egress.Log{Rate: "10/minute", Prefix: "bulwark-deny "} },
			come: []string{"\t-m limit --limit 10/min -j LOG --log-prefix \"bulwark-deny \""},
		},
		"log to a group": {
			want: func(w *egress.Want) { w.Log = &egress.Log{Rate: "5/second", Prefix: "x", NFLog: &group} },
			come: []string{"\t-m limit --limit 5/sec -j NFLOG --nflog-prefix x --nflog-group 7"},
		},
		"host services": {
			want: func(w *egress.Want) { w.Host = false },
			come: []string{"INPUT 1: BULWARK-INPUT", "BULWARK-INPUT:"},
			come6: []string{
				"INPUT 1: BULWARK-INPUT", "BULWARK-INPUT:",
				"\t-p ipv6-icmp -m icmp6 --icmpv6-type 130 -j RETURN", "\t-p ipv6-icmp -m icmp6 --icmpv6-type 131 -j RETURN",
				"\t-p ipv6-icmp -m icmp6 --icmpv6-type 132 -j RETURN", "\t-p ipv6-icmp -m icmp6 --icmpv6-type 133 -j RETURN",
				"\t-p ipv6-icmp -m icmp6 --icmpv6-type 134 -j RETURN", "\t-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j RETURN",
				"\t-p ipv6-icmp -m icmp6 --icmpv6-type 136 -j RETURN", "\t-p ipv6-icmp -m icmp6 --icmpv6-type 137 -j RETURN",
				"\t-p ipv6-icmp -m icmp6 --icmpv6-type 143 -j RETURN",
			},
		},
		"embedded DNS denied": {
			want: func(w *egress.Want) { w.EmbeddedDNS = false },
			gone: []string{"\t-d 192.0.2.53/32 -p tcp -m tcp --dport 53 -j RETURN", "\t-d 192.0.2.53/32 -p udp -m udp --dport 53 -j RETURN"},
		},
		"servers of the policy": {
			want:  func(w *egress.Want) { w.DNSServers = []string{"192.0.2.53", "192.0.2.99"} },
			come:  []string{"\t-d 192.0.2.99/32 -p tcp -m tcp --dport 53 -j RETURN", "\t-d 192.0.2.99/32 -p udp -m udp --dport 53 -j RETURN"},
			come6: []string{},
		},
		"servers of daemon.json": {
			host: daemonJSON(`{"dns": ["2001:db8::53", "127.0.0.1", "fe80::1"]}`),
			come: []string{},
			come6: []string{
				"\t-d 2001:db8::53/128 -p tcp -m tcp --dport 53 -j RETURN", "\t-d 2001:db8::53/128 -p udp -m udp --dport 53 -j RETURN",
			},
		},
		"servers of daemon.json to be": {
			want:  func(w *egress.Want) { w.DaemonDNS = []string{"192.0.2.54"} },
			host:  daemonJSON(`{"dns": ["192.0.2.55"]}`),
			come:  []string{"\t-d 192.0.2.54/32 -p tcp -m tcp --dport 53 -j RETURN", "\t-d 192.0.2.54/32 -p udp -m udp --dport 53 -j RETURN"},
			come6: []string{},
		},
		"servers of a flag": {
			host: func(s *resource.Snapshot) {
				s.Flags.Value = []resource.Flag{{Name: "dns", Value: "192.0.2.56"}}
			},
			come:  []string{"\t-d 192.0.2.56/32 -p tcp -m tcp --dport 53 -j RETURN", "\t-d 192.0.2.56/32 -p udp -m udp --dport 53 -j RETURN"},
			come6: []string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deny(), engine28()
			if tt.want != nil {
				tt.want(w)
			}
			if tt.host != nil {
				tt.host(s)
			}
			all := compiled(t, w, s)
			gone, come := changed(bare4, table(all, "ip"))
			gone6, come6 := changed(bare6, table(all, "ip6"))
			if tt.come6 == nil {
				tt.come6 = tt.come
			}
			for what, d := range map[string]string{
				"gone": cmp.Diff(tt.gone, nilIfEmpty(gone)), "come": cmp.Diff(nilIfEmpty(tt.come), nilIfEmpty(come)),
				"come in IPv6": cmp.Diff(nilIfEmpty(tt.come6), nilIfEmpty(come6)),
			} {
				if d != "" {
					t.Errorf("%s: %s", what, d)
				}
			}
			if len(gone6) > len(gone) {
				t.Errorf("gone in IPv6: %q", gone6)
			}
		})
	}
}

func nilIfEmpty(l []string) []string {
	if len(l) == 0 {
		return nil
	}
	return l
}

// The order of the rules that decide: what returns stands before what drops,
// replies and bridges of others before what is from containers.
func TestOrderOfRules(t *testing.T) {
	w, s := deny(), engine28()
	w.Host, w.Log = false, &egress.Log{Rate: "1/second", Prefix: "p"}
	w.Allow = []egress.Allow{{To: "203.0.113.9"}}
	s.Firewall.Value.Bridges = []string{"br-lan"}
	want := `iptables nft ip
DOCKER-USER 1: BULWARK-EGRESS
INPUT 1: BULWARK-INPUT
BULWARK-EGRESS:
	-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
	-i br-lan -j RETURN
	-i br-+ -j BULWARK-OUT
	-i docker0 -j BULWARK-OUT
	-i docker_gwbridge -j BULWARK-OUT
BULWARK-ALLOWED:
	-d 192.0.2.53/32 -p tcp -m tcp --dport 53 -j RETURN
	-d 192.0.2.53/32 -p udp -m udp --dport 53 -j RETURN
	-d 203.0.113.9/32 -j RETURN
	-m limit --limit 1/sec -j LOG --log-prefix p
	-j DROP
BULWARK-OUT:
	-o br-lan -j BULWARK-ALLOWED
	-i br-+ -o br-+ -j RETURN
	-i docker0 -o docker0 -j RETURN
	-i docker_gwbridge -o docker_gwbridge -j RETURN
	-j BULWARK-ALLOWED
BULWARK-INPUT:
	-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
	-i br-lan -j RETURN
	-i br-+ -j BULWARK-OUT
	-i docker0 -j BULWARK-OUT
	-i docker_gwbridge -j BULWARK-OUT
`
	if d := cmp.Diff(want, table(compiled(t, w, s), "ip")); d != "" {
		t.Error(d)
	}
}

// Without neighbour discovery no packet reaches the host: those rules stand
// before any that denies.
func TestOrderOfInput(t *testing.T) {
	w := deny()
	w.Host = false
	var types []string
	for _, n := range []int{130, 131, 132, 133, 134, 135, 136, 137, 143} {
		types = append(types, fmt.Sprintf("\t-p ipv6-icmp -m icmp6 --icmpv6-type %d -j RETURN\n", n))
	}
	want := "BULWARK-INPUT:\n\t-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n" + strings.Join(types, "") +
		"\t-i br-+ -j BULWARK-OUT\n\t-i docker0 -j BULWARK-OUT\n\t-i docker_gwbridge -j BULWARK-OUT\n"
	if got := table(compiled(t, w, engine28()), "ip6"); !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
	w.Backend = "nftables"
	all := compiled(t, w, engine28())
	_, got, _ := strings.Cut(all, "input: type filter hook input priority -10; policy accept;\n")
	first, last := strings.Index(got, "icmpv6 type 130 return"), strings.LastIndex(got, "icmpv6 type 143 return")
	if first < 0 || last > strings.Index(got, "jump out") {
		t.Errorf("got %s", got)
	}
}
