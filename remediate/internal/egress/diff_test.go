package egress_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// applied is a host on which the policy was applied once.
func applied(t testing.TB, want *egress.Want) *resource.Snapshot {
	t.Helper()
	s := with(engine28(), resolved)
	apply(t, s, diff(want, s))
	return s
}

func TestNotManaged(t *testing.T) {
	if d := cmp.Diff(resource.Result{}, diff(nil, engine28())); d != "" {
		t.Error(d)
	}
}

// What each state of kernel, record and loader asks for.
func TestWhatDiffers(t *testing.T) {
	drop := func(s *resource.Snapshot) {
		c := s.Firewall.Value.Own[0].Tables[0].Chains
		c[1].Rules = c[1].Rules[:len(c[1].Rules)-1]
	}
	const (
		noRules   = "containers may connect to anywhere: the kernel has no rules of bulwark"
		otherOnes = "the kernel's rules are not those of the policy"
		notLoaded = "bulwark-egress.service is not enabled: the rules would not come back after a reboot"
	)
	for name, tt := range map[string]struct {
		host         func(*resource.Snapshot)
		file, kernel resource.Action
		reason       string
	}{
		"applied": {func(*resource.Snapshot) {}, "", "", ""},
		"fresh host": {
			func(s *resource.Snapshot) { *s = *engine28() }, resource.Create, resource.Create,
			noRules + "; there are no rules to load at boot",
		},
		"flushed":         {func(s *resource.Snapshot) { s.Firewall.Value.Own = nil }, "", resource.Create, noRules},
		"a rule is gone":  {drop, "", resource.Update, otherOnes},
		"jump not on top": {func(s *resource.Snapshot) { s.Firewall.Value.Own[0].Tables[0].Jumps[0].At = 2 }, "", resource.Update, otherOnes},
		"record gone": {
			func(s *resource.Snapshot) {
				s.Rules.Value = resource.File{Path: egress.RulesPath, Print: resource.Fingerprint{Type: resource.Absent}}
			}, resource.Create, "", "there are no rules to load at boot",
		},
		"record edited": {
			func(s *resource.Snapshot) { s.Rules.Value.Content = []byte("{}") }, resource.Update, "",
			"the rules that are loaded at boot are not those of the policy",
		},
		"loader not enabled": {
			func(s *resource.Snapshot) { s.Loader = resource.Known(resource.Unit{LoadState: "not-found"}) }, "", resource.Update, notLoaded,
		},
		"loader not active": {
			func(s *resource.Snapshot) { s.Loader.Value.ActiveState = "inactive" }, "", resource.Update,
			"bulwark-egress.service is inactive: it would not load the rules again after a restart or reload of nftables.service",
		},
		"loader edited": {
			func(s *resource.Snapshot) { s.LoaderFault = "is not the unit of this bulwark" }, "", resource.Update,
			"bulwark-egress.service is not the unit of this bulwark: the rules may not come back after a reboot",
		},
		"loader stopped with docker": {both(stopped, func(s *resource.Snapshot) { s.Loader.Value.ActiveState = "inactive" }), "", "", ""},
		"no systemd":                 {func(s *resource.Snapshot) { s.Loader = resource.Unknown[resource.Unit]("no systemd") }, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := deny()
			s := with(applied(t, w), tt.host)
			r := diff(w, s)
			var file, kernel resource.Action
			for _, c := range r.Changes {
				file = c.Action
			}
			for _, o := range r.Operations {
				kernel = o.Action
			}
			if file != tt.file || kernel != tt.kernel {
				t.Errorf("record %q, kernel %q; want %q and %q", file, kernel, tt.file, tt.kernel)
			}
			c := controlOf(r, "egress")
			if c.Reason != tt.reason || (c.Status == resource.OK) != (tt.reason == "") {
				t.Errorf("got %+v, want %q", c, tt.reason)
			}
			apply(t, s, r)
			if name != "no systemd" {
				again(t, w, s)
			}
		})
	}
}

// again expects a second Diff to be empty.
func again(t *testing.T, w *egress.Want, s *resource.Snapshot) {
	t.Helper()
	r := diff(w, s)
	if len(r.Changes)+len(r.Operations) > 0 {
		t.Errorf("the second plan is not empty: %+v", r.Controls)
	}
	for _, c := range r.Controls {
		if c.Status == resource.Changing {
			t.Errorf("the second plan has %+v", c)
		}
	}
}

// What a change and an operation look like to the transaction.
func TestChangeAndOperation(t *testing.T) {
	w := deny()
	s := engine28()
	r := diff(w, s)
	c, o := r.Changes[0], r.Operations[0]
	if c.Kind != "egress" || c.Path != egress.RulesPath || c.Mode != 0o600 || c.UID != 0 || c.Before.Type != resource.Absent ||
		!slices.Equal(c.Controls, []string{"egress"}) || len(c.Why) == 0 {
		t.Errorf("got %+v", c)
	}
	var rec ruleset.Record
	if err := json.Unmarshal(c.Content, &rec); err != nil || rec.Format != 1 || listing(rec.Rules) != bare4+bare6+bareInet {
		t.Errorf("record: %v\n%s", err, c.Content)
	}
	if o.Kind != "egress" || o.Target != "iptables (nft)" || o.Old != "" || o.New != ruleset.Text(rec.Rules) || !slices.Equal(o.Controls, []string{"egress"}) {
		t.Errorf("got %+v", o)
	}
	why := []string{
		"containers may connect to anywhere: the kernel has no rules of bulwark",
		"rules go into iptables (nft): dockerd's chains are there",
		"and into the table inet bulwark, which holds while dockerd starts or makes a network and DOCKER-USER is not asked",
		"IPv4 from DOCKER-USER: FORWARD jumps to it",
		"IPv6 from DOCKER-USER: FORWARD jumps to it",
	}
	if d := cmp.Diff(why, o.Why); d != "" {
		t.Error(d)
	}
}

// Rules that have moved to another backend leave nothing where they were.
func TestBackendSwitch(t *testing.T) {
	w := deny()
	s := applied(t, w)
	before := s.Firewall.Value.Own
	w.Backend = "nftables"
	r := diff(w, s)
	var p ruleset.Payload
	if err := json.Unmarshal(r.Operations[0].Payload, &p); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, p.Before); d != "" {
		t.Error(d)
	}
	if got := listing(p.After); got != bareInet {
		t.Error(got)
	}
	apply(t, s, r)
	again(t, w, s)
}

// A policy that allows everything takes back what is there, and nothing else.
func TestOff(t *testing.T) {
	w := deny()
	s := applied(t, w)
	w.Off, w.EmbeddedDNS, w.ICC, w.Backend = true, false, false, "nonsense"
	r := diff(w, s)
	if r.Changes[0].Action != resource.Delete || r.Operations[0].Action != resource.Delete || len(wanted(t, r)) != 0 || r.Operations[0].Target != "iptables (nft), nftables" {
		t.Errorf("got %+v", r)
	}
	if len(r.Controls) != 1 || controlOf(r, "egress").Status != resource.Changing {
		t.Errorf("got %+v", r.Controls)
	}
	apply(t, s, r)
	s.Loader = resource.Known(resource.Unit{})
	again(t, w, s)
	if r := diff(w, s); len(r.Impacts) > 0 || controlOf(r, "egress").Status != resource.OK {
		t.Errorf("got %+v", r)
	}
}

// What cannot be read or replaced stops the section with a reason.
func TestUnreadAndBlocked(t *testing.T) {
	for name, tt := range map[string]struct {
		host           func(*resource.Snapshot)
		status         resource.Status
		reason, remedy string
	}{
		"no root": {func(s *resource.Snapshot) {
			s.Host.Value.EUID = 1000
			s.Firewall = resource.Unknown[resource.Firewall]("needs root")
		}, resource.Unread, "cannot read the firewall: needs root", "run bulwark as root"},
		"image": {func(s *resource.Snapshot) {
			s.Root, s.Firewall = "/img", resource.Unknown[resource.Firewall]("this is an image: it has no running kernel")
		}, resource.Unread, "cannot read the firewall: this is an image: it has no running kernel", ""},
		"record unread": {func(s *resource.Snapshot) {
			s.Rules = resource.Unknown[resource.File]("permission denied")
		}, resource.Unread, "cannot read /var/lib/bulwark/egress.json: permission denied", ""},
		"record is a link": {func(s *resource.Snapshot) {
			s.Rules.Value.Print.Type = resource.Symlink
		}, resource.Blocked, "cannot write /var/lib/bulwark/egress.json: it is a symlink", "remove it"},
		"record immutable": {func(s *resource.Snapshot) {
			s.Rules.Value.Print = resource.Fingerprint{Type: resource.Regular, Flags: resource.FlagImmutable}
		}, resource.Blocked, "locked by chattr", "chattr -i -a /var/lib/bulwark/egress.json"},
		"read-only": {func(s *resource.Snapshot) {
			s.Rules.Value.Locked = "read-only file system"
		}, resource.Blocked, "cannot write /var/lib/bulwark/egress.json: read-only file system", ""},
		"loader masked": {func(s *resource.Snapshot) {
			s.Loader.Value.LoadState = "masked"
		}, resource.Blocked, "bulwark-egress.service is masked", "systemctl unmask bulwark-egress.service"},
	} {
		t.Run(name, func(t *testing.T) {
			w := deny()
			w.ICC, w.EmbeddedDNS = false, false
			r := diff(w, with(engine28(), tt.host))
			if len(r.Changes)+len(r.Operations)+len(r.Impacts) > 0 {
				t.Errorf("got %+v", r)
			}
			for _, id := range []string{"egress", "egress-dns", "egress-icc"} {
				c := controlOf(r, id)
				if c.Status != tt.status || !strings.Contains(c.Reason, tt.reason) || c.Remedy != tt.remedy {
					t.Errorf("%s: got %+v", id, c)
				}
			}
		})
	}
}

// A key that this host cannot serve is Blocked; the rest is served.
func TestKeysThatAreNotServed(t *testing.T) {
	for name, tt := range map[string]struct {
		want           func(*egress.Want)
		host           func(*resource.Snapshot)
		id             string
		status         resource.Status
		reason, remedy string
	}{
		"icc, bridges not filtered": {
			func(w *egress.Want) { w.ICC = false }, nil, "egress-icc", resource.Blocked,
			"packets between containers of one network do not pass the firewall here", "userland-proxy: false",
		},
		"icc, bridges filtered": {
			func(w *egress.Want) { w.ICC = false }, func(s *resource.Snapshot) { s.Host.Value.BridgeNF = "1" },
			"egress-icc", resource.Changing, "containers may connect", "",
		},
		"dns on 28": {
			func(w *egress.Want) { w.EmbeddedDNS = false }, nil, "egress-dns", resource.Blocked,
			"from Docker Engine 28 on dockerd asks the host's name servers from the host's own network", "daemon.dns",
		},
		"dns on 28, servers in the policy": {
			func(w *egress.Want) { w.EmbeddedDNS, w.DaemonDNS = false, []string{"192.0.2.1"} }, nil, "egress-dns", resource.Changing, "", "",
		},
		"dns on 28, servers in daemon.json": {
			func(w *egress.Want) { w.EmbeddedDNS = false }, daemonJSON(`{"dns": ["192.0.2.1"]}`), "egress-dns", resource.Changing, "", "",
		},
		"dns on 20.10": {
			func(w *egress.Want) { w.EmbeddedDNS = false }, func(s *resource.Snapshot) { s.Engine.Value.Version = "20.10.24" },
			"egress-dns", resource.Changing, "", "",
		},
		"dns on 20.10 with loopback servers": {
			func(w *egress.Want) { w.EmbeddedDNS = false }, func(s *resource.Snapshot) {
				s.Engine.Value.Version, s.Firewall.Value.Nameservers = "20.10.24", nil
			}, "egress-dns", resource.Blocked, "name servers are on its loopback", "",
		},
		"dns on an unknown release": {
			func(w *egress.Want) { w.EmbeddedDNS = false }, func(s *resource.Snapshot) { s.Engine.Value.Version = "dev" },
			"egress-dns", resource.Blocked, "the release of Docker Engine is not known", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := deny(), engine28()
			tt.want(w)
			if tt.host != nil {
				tt.host(s)
			}
			r := diff(w, s)
			c := controlOf(r, tt.id)
			if c.Status != tt.status || !strings.Contains(c.Reason, tt.reason) || !strings.Contains(c.Remedy, tt.remedy) {
				t.Errorf("got %+v", c)
			}
			if whole := controlOf(r, "egress"); whole.Status != resource.Changing {
				t.Errorf("egress: %+v", whole)
			}
			served := slices.Contains(r.Operations[0].Controls, tt.id)
			if served != (tt.status == resource.Changing) {
				t.Errorf("the operation serves %v", r.Operations[0].Controls)
			}
			apply(t, s, r)
			again(t, w, s)
		})
	}
}

// The order of what a policy and a host list changes no rule.
func TestOrderDoesNotMatter(t *testing.T) {
	w := deny()
	w.Allow = slices.Concat(five("203.0.113.%d"), five("2001:db8::%d"), []egress.Allow{
		{To: "198.51.100.1", Ports: []string{"1/udp", "2/tcp", "icmp"}, Comment: "x"},
		{To: "198.51.100.1", Ports: []string{"icmp", "2/tcp", "1/udp"}},
		{To: "mirror.example", Network: "app"},
		{To: "mirror.example", Label: "role"},
		{To: "198.51.100.0/24", Subnet: "172.17.0.0/24"},
		{To: "198.51.100.7", Label: "role=web"},
		{To: "198.51.100.6", Label: "role=web"},
	})
	w.Interfaces = []string{"docker0", "br-+", "x"}
	s := with(engine28(), resolved)
	s.Firewall.Value.Bridges = []string{"br-lan", "br-wan", "docker0"}
	s.Firewall.Value.Nameservers = []string{"192.0.2.53", "192.0.2.54", "2001:db8::53"}
	for _, backend := range []string{"iptables", "nftables"} {
		w.Backend = backend
		before := compiled(t, w, s)
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 1))
			shuffle(r, w.Allow)
			shuffle(r, w.Interfaces)
			shuffle(r, s.Networks.Value)
			shuffle(r, s.Containers.Value)
			shuffle(r, s.Firewall.Value.Bridges)
			shuffle(r, s.Firewall.Value.Nameservers)
			shuffle(r, s.Firewall.Value.Filters)
			if d := cmp.Diff(before, compiled(t, w, s)); d != "" {
				t.Fatalf("%s, seed %d: %s", backend, seed, d)
			}
		}
	}
}

func shuffle[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}
