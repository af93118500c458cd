package egress_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func filters(all ...resource.Filter) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) { s.Firewall.Value.Filters = all }
}

func both(changes ...func(*resource.Snapshot)) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) {
		for _, c := range changes {
			c(s)
		}
	}
}

func noTools(names ...string) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) {
		for _, n := range names {
			delete(s.Firewall.Value.Tools, n)
		}
	}
}

func managed(names ...string) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) { s.Firewall.Value.Managers = names }
}

func dockerBackend(name string) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) { s.Engine.Value.FirewallBackend = name }
}

// unjumped has dockerd's chains, but FORWARD does not jump to DOCKER-USER.
func unjumped(family, variant string) resource.Filter {
	f := dockerFilter(family, variant)
	f.Forward = f.Forward[1:]
	return f
}

// Which backend and variant are chosen, and what the plan says why.
func TestBackend(t *testing.T) {
	for name, tt := range map[string]struct {
		policy      string
		host        func(*resource.Snapshot)
		target, why string
		warning     string
	}{
		"dockerd's chains in nft":    {"auto", both(), "iptables (nft)", "dockerd's chains are there", ""},
		"dockerd's chains in legacy": {"", filters(dockerFilter("ip", "legacy")), "iptables (legacy)", "dockerd's chains are there", ""},
		"in both, one is in use": {
			"auto", filters(unjumped("ip", "nft"), dockerFilter("ip", "legacy")), "iptables (legacy)",
			"dockerd has chains in both variants, and only this one jumps to DOCKER-USER", "dockerd has chains in iptables (nft) and in iptables (legacy)",
		},
		"in both, both in use": {
			"auto", both(filters(dockerFilter("ip", "nft"), dockerFilter("ip", "legacy")), func(s *resource.Snapshot) { s.Firewall.Value.Variant = "legacy" }),
			"iptables (legacy)", "dockerd has chains in both variants, and this is the one that iptables is here", "dockerd has chains in iptables (nft) and in iptables (legacy)",
		},
		"no chains": {"auto", stopped, "iptables (nft)", "that is what the command iptables is here", ""},
		"no chains, legacy": {"auto", both(stopped, func(s *resource.Snapshot) {
			s.Firewall.Value.Variant = "legacy"
		}), "iptables (legacy)", "that is what the command iptables is here", ""},
		"no chains, only legacy": {"auto", both(stopped, noTools("iptables-nft"), func(s *resource.Snapshot) {
			s.Firewall.Value.Variant = ""
		}), "iptables (legacy)", "that is what the command iptables is here", ""},
		"dockerd uses nftables":                {"auto", dockerBackend("nftables"), "nftables", "dockerd uses nftables", ""},
		"dockerd uses nftables with firewalld": {"auto", dockerBackend("nftables+firewalld"), "nftables", "dockerd uses nftables", ""},
		"dockerd will use nftables":            {"auto", both(stopped, daemonJSON(`{"firewall-backend":"nftables"}`)), "nftables", "dockerd uses nftables", ""},
		"firewalld":                            {"auto", managed("firewalld"), "nftables", "firewalld runs, and its reload flushes iptables rules", ""},
		"firewalld without nft": {
			"auto", both(managed("firewalld"), noTools("nft")), "iptables (nft)", "dockerd's chains are there",
			"firewalld: firewall-cmd --reload flushes iptables, these rules included",
		},
		"no iptables": {"auto", both(stopped, noTools("iptables-nft", "iptables-legacy")), "nftables", "iptables is not installed", ""},
		"native rules do not matter": {
			"nftables", filters(resource.Filter{Family: "ip", Variant: "nft", Native: true}), "nftables", "the policy says so", "",
		},
		"nftables by policy":       {"nftables", both(), "nftables", "the policy says so", ""},
		"iptables by policy":       {"iptables", managed("firewalld"), "iptables (nft)", "the policy says so; dockerd's chains are there", "firewalld: "},
		"iptables beside nftables": {"iptables", both(dockerBackend("nftables"), filters()), "iptables (nft)", "the policy says so; that is what the command iptables is here", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := deny()
			w.Backend = tt.policy
			r := diff(w, with(engine28(), tt.host))
			o := r.Operations[0]
			if want := "rules go into " + tt.target + ": " + tt.why; o.Target != tt.target || !slices.Contains(o.Why, want) {
				t.Errorf("got %s, %q; want %q", o.Target, o.Why, want)
			}
			warned := slices.ContainsFunc(r.Impacts, func(i resource.Impact) bool {
				return i.Level == "warning" && (tt.warning != "" || strings.Contains(i.Text, "variant")) && strings.HasPrefix(i.Text, tt.warning)
			})
			if warned != (tt.warning != "") {
				t.Errorf("got %q, want %q", impactTexts(r), tt.warning)
			}
		})
	}
}

func TestBackendBlocked(t *testing.T) {
	for name, tt := range map[string]struct {
		policy         string
		host           func(*resource.Snapshot)
		reason, remedy string
	}{
		"policy asks for nft":  {"nftables", noTools("nft"), "the policy asks for nftables, but nft is not installed", "install nftables, or set backend: auto"},
		"dockerd asks for nft": {"auto", both(dockerBackend("nftables"), noTools("nft")), "dockerd uses nftables, but nft is not installed", "install nftables"},
		"variant not there": {
			"auto", both(filters(dockerFilter("ip", "legacy")), noTools("iptables-legacy")),
			"the rules belong into iptables (legacy) (dockerd's chains are there), but its program is not installed", "install iptables",
		},
		"native rules": {
			"auto", filters(dockerFilter("ip6", "nft"), resource.Filter{Family: "ip", Variant: "nft", Native: true}),
			"nft put rules into the table ip filter that iptables can neither show nor change",
			"move them to a table of their own (nft list table ip filter shows them)",
		},
		"nothing there": {
			"auto", both(stopped, noTools("nft", "iptables-nft", "iptables-legacy")),
			"the rules belong into iptables (nft) (that is what the command iptables is here), but its program is not installed", "install iptables",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := deny()
			w.Backend = tt.policy
			c := controlOf(diff(w, with(engine28(), tt.host)), "egress")
			if c.Status != resource.Blocked || c.Reason != tt.reason || c.Remedy != tt.remedy {
				t.Errorf("got %+v", c)
			}
		})
	}
}

var jumpLine = regexp.MustCompile(`(?m)^(\S+) 1: BULWARK-EGRESS$`)

// From where packets come to the rules, in each family.
func TestHooks(t *testing.T) {
	user, forward, twice := []string{"DOCKER-USER"}, []string{"FORWARD"}, []string{"DOCKER-USER", "FORWARD"}
	yes := true
	release := func(v string) func(*resource.Snapshot) {
		return func(s *resource.Snapshot) { s.Engine.Value.Version, s.Binary.Value.Version = v, v }
	}
	for name, tt := range map[string]struct {
		want     func(*egress.Want)
		host     func(*resource.Snapshot)
		ip4, ip6 []string
		warning  string
	}{
		"Engine 28":                    {nil, both(), user, user, ""},
		"20.10":                        {nil, both(release("20.10.24"), filters(dockerFilter("ip", "nft"))), user, forward, ""},
		"26.1 with ip6tables":          {nil, both(release("26.1.5"), daemonJSON(`{"ip6tables":true,"experimental":true}`)), user, user, ""},
		"26.1 with ip6tables alone":    {nil, both(release("26.1.5"), daemonJSON(`{"ip6tables":true}`), filters(dockerFilter("ip", "nft"))), user, forward, ""},
		"iptables false":               {nil, both(daemonJSON(`{"iptables":false}`), filters()), forward, twice, "dockerd filters IPv6, but its jump"},
		"iptables false, a chain left": {nil, daemonJSON(`{"iptables":false}`), forward, user, ""},
		"ip6tables false by flag": {nil, both(func(s *resource.Snapshot) {
			s.Flags.Value = []resource.Flag{{Name: "ip6tables", Value: "false"}}
		}, filters(dockerFilter("ip", "nft"))), user, forward, ""},
		"stopped":                        {nil, stopped, user, user, ""},
		"stopped, 20.10":                 {nil, both(stopped, release("20.10.24")), user, forward, ""},
		"stopped, release unknown":       {nil, both(stopped, release("")), user, twice, ""},
		"stopped, rules of its last run": {nil, both(stopped, filters(dockerFilter("ip", "nft"), dockerFilter("ip6", "nft"))), user, user, ""},
		"stopped, iptables false":        {nil, both(stopped, daemonJSON(`{"iptables":false,"ip6tables":false}`)), forward, forward, ""},
		"the jump is gone":               {nil, filters(unjumped("ip", "nft"), dockerFilter("ip6", "nft")), twice, user, "dockerd filters IPv4, but its jump from FORWARD to DOCKER-USER is missing"},
		"the jump has a condition": {nil, filters(func() resource.Filter {
			f := dockerFilter("ip", "nft")
			f.Forward[0] = "-i eth0 -j DOCKER-USER"
			return f
		}(), dockerFilter("ip6", "nft")), twice, user, "dockerd filters IPv4, but its jump"},
		"the policy turns ip6tables on": {
			func(w *egress.Want) { w.DaemonIP6Tables = &yes }, both(release("26.1.5"), filters(dockerFilter("ip", "nft"))), user, user, "",
		},
		"dockerd on nftables, rules forced into iptables": {
			func(w *egress.Want) { w.Backend = "iptables" }, both(dockerBackend("nftables"), filters()), forward, forward, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deny(), with(engine28(), tt.host)
			if tt.want != nil {
				tt.want(w)
			}
			r := diff(w, s)
			all := listing(wanted(t, r))
			for family, want := range map[string][]string{"ip": tt.ip4, "ip6": tt.ip6} {
				var got []string
				for _, m := range jumpLine.FindAllStringSubmatch(table(all, family), -1) {
					got = append(got, m[1])
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: %s", family, d)
				}
			}
			warned := slices.ContainsFunc(r.Impacts, func(i resource.Impact) bool {
				return strings.Contains(i.Text, "DOCKER-USER") && (tt.warning == "" || strings.HasPrefix(i.Text, tt.warning))
			})
			if warned != (tt.warning != "") {
				t.Errorf("got %q, want %q", impactTexts(r), tt.warning)
			}
		})
	}
}

// Rules of others ahead of DOCKER-USER: those that could let a container out
// are named, the others are not.
func TestAcceptedBefore(t *testing.T) {
	for rule, want := range map[string]string{
		"-j ACCEPT":                         "always",
		"-i docker0 -j ACCEPT":              "always",
		"-i br+ -o eth0 -j ACCEPT":          "always",
		"! -i eth0 -j ACCEPT":               "always",
		"-d 10.0.0.0/8 -j ufw-user-forward": "always",
		"-g site":                           "always",
		"-i br-0123456789ab -j ACCEPT":      "always",
		"-i eth0 -j ACCEPT":                 "never",
		"-i br0 -j ACCEPT":                  "never",
		"-j DROP":                           "never",
		"-j LOG --log-prefix x":             "never",
		"-j BULWARK-EGRESS":                 "never",
		"-s 10.0.0.0/8":                     "never",
		"-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT":     "cut",
		"-m state --state ESTABLISHED -j ACCEPT":                   "cut",
		"-m conntrack ! --ctstate RELATED,ESTABLISHED -j ACCEPT":   "always",
		"-m conntrack --ctstate NEW,RELATED,ESTABLISHED -j ACCEPT": "always",
	} {
		for _, cut := range []bool{false, true} {
			w := deny()
			w.Cut = cut
			s := with(engine28(), filters(dockerFilter("ip", "nft", rule), dockerFilter("ip6", "nft")))
			guarded := diff(w, s)
			delete(s.Firewall.Value.Tools, "nft")
			r := diff(w, s)
			text := "warning: IPv4: a rule comes before DOCKER-USER and may let containers out: -A FORWARD " + rule
			if got := slices.Contains(impactTexts(r), text); got != (want == "always" || want == "cut" && cut) {
				t.Errorf("%s, cut %t: got %q", rule, cut, impactTexts(r))
			}
			if slices.Contains(impactTexts(guarded), text) {
				t.Errorf("%s, cut %t: with nftables nothing gets out there", rule, cut)
			}
		}
	}
}

// While the daemon cannot be asked, nothing of what the rules already know of
// its bridges, and of those of others, is forgotten.
func TestBridgesWhileStopped(t *testing.T) {
	for _, backend := range []string{"iptables", "nftables"} {
		w, s := deny(), engine28()
		w.Backend = backend
		s.Networks.Value[1].Bridge = "apps"
		s.Networks.Value = append(s.Networks.Value, resource.Network{Name: "odd", Driver: "bridge", Bridge: "br-odd"})
		s.Firewall.Value.Bridges = []string{"br-lan", "br-odd"}
		apply(t, s, diff(w, s))
		filters := s.Firewall.Value.Filters
		stopped(s)
		s.Firewall.Value.Filters = filters
		again(t, w, s)
		s.Firewall.Value.Own = nil
		s.Firewall.Value.Bridges = []string{"br-lan", "br-0123456789ab"}
		if _, got := changed(bare4+bareInet, compiled(t, w, s)); len(got) > 0 && !strings.Contains(got[0], "br-lan") || len(got) == 0 {
			t.Errorf("before the first rules only a name that dockerd would not make up is another's: %q", got)
		}
	}
}

// The same where the policy lists the interfaces itself.
func TestListedWhileStopped(t *testing.T) {
	for _, backend := range []string{"iptables", "nftables"} {
		w, s := deny(), engine28()
		w.Backend, w.Interfaces = backend, []string{"br-+", "d+"}
		s.Networks.Value = append(s.Networks.Value, resource.Network{Name: "odd", Driver: "bridge", Bridge: "br-odd"})
		s.Firewall.Value.Bridges = []string{"br-lan", "br-odd", "docker0", "dmz"}
		apply(t, s, diff(w, s))
		if got := listing(s.Firewall.Value.Own); strings.Contains(got, "br-odd") || !strings.Contains(got, "dmz") || strings.Contains(got, "o docker0") {
			t.Errorf("got %s", got)
		}
		filters := s.Firewall.Value.Filters
		stopped(s)
		s.Firewall.Value.Filters = filters
		again(t, w, s)
	}
}

func TestBadInterface(t *testing.T) {
	for _, name := range []string{"", "+", "-j", "a b", "a'b", "!", "0123456789abcdef", "ä", "a+b"} {
		w := deny()
		w.Interfaces = []string{"docker0", name}
		if c := controlOf(diff(w, engine28()), "egress"); c.Status != resource.Blocked || !strings.Contains(c.Reason, "is not a name of an interface") {
			t.Errorf("%q: got %+v", name, c)
		}
	}
}

func TestBadLog(t *testing.T) {
	group := 65536
	for _, l := range []egress.Log{{Rate: "x"}, {Rate: "20000/second"}, {Rate: "1/day", NFLog: &group}} {
		w := deny()
		w.Log = &l
		if c := controlOf(diff(w, engine28()), "egress"); c.Status != resource.Blocked || c.Remedy == "" {
			t.Errorf("%+v: got %+v", l, c)
		}
	}
}

// TestBridgeNoRuleCanName: to leave its network open and say ok would be a lie.
// Docker and the kernel take such names.
func TestBridgeNoRuleCanName(t *testing.T) {
	network := func(bridge string) func(*resource.Snapshot) {
		return func(s *resource.Snapshot) {
			s.Networks.Value = append(s.Networks.Value, resource.Network{Name: "odd", Driver: "bridge", Bridge: bridge})
		}
	}
	for name, tt := range map[string]struct {
		host   func(*resource.Snapshot)
		reason string
	}{
		"odd characters":  {network("x~1"), `the bridge of network odd is called "x~1", which no rule can name`},
		"a wildcard":      {network("e+"), `the bridge of network odd is called "e+", which no rule can name`},
		"by the wildcard": {network("br-x~1"), ""},
		"of others": {
			func(s *resource.Snapshot) { s.Firewall.Value.Bridges = []string{"br-e+"} },
			`the interface "br-e+", which is not Docker's, would pass for one of Docker's, and no rule can name it`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := diff(deny(), with(engine28(), tt.host))
			if got := r.Controls[0]; got.Reason != tt.reason && tt.reason != "" || (got.Status == resource.Blocked) != (tt.reason != "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}
