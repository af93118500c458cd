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

// What a plan says of a host without surprises.
func TestImpactsOfPlainHost(t *testing.T) {
	want := []string{
		"note: containers can resolve names, and so send data out inside names (DNS tunnel) through the name servers",
	}
	if d := cmp.Diff(want, impactTexts(diff(deny(), engine28()))); d != "" {
		t.Error(d)
	}
	w := deny()
	if got := impactTexts(diff(w, applied(t, w))); len(got) > 0 {
		t.Errorf("nothing changes, and it says %q", got)
	}
}

// Containers that the rules do not hold for are named, whether something
// changes or not.
func TestUnstoppable(t *testing.T) {
	w := deny()
	s := applied(t, w)
	s.Containers.Value = append(s.Containers.Value, []resource.Container{
		{ID: "c1", Name: "agent", State: "running", NetworkMode: "host"},
		{ID: "c2", Name: "old-agent", State: "exited", NetworkMode: "host"},
		{ID: "c3c3", Name: "cast", State: "running", NetworkMode: "bridge", Networks: []resource.Endpoint{{Network: "bridge"}, {Network: "lan"}}},
		{ID: "c4", Name: "old-cast", State: "exited", NetworkMode: "lan"},
		{ID: "c5", Name: "by-id", State: "running", NetworkMode: "container:c3c3"},
		{ID: "c6", Name: "by-name", State: "running", NetworkMode: "container:by-id"},
		{ID: "c7", Name: "of-web", State: "running", NetworkMode: "container:web"},
		{ID: "c8", Name: "of-none", State: "exited", NetworkMode: "container:gone"},
		{ID: "c9", Name: "circle", State: "exited", NetworkMode: "container:circle"},
		{ID: "d1", Name: "vlan", State: "running", NetworkMode: "v"},
		{ID: "d2", Name: "root", State: "running", NetworkMode: "bridge", Privileged: true},
	}...)
	s.Networks.Value = append(s.Networks.Value, resource.Network{Name: "v", Driver: "ipvlan"})
	want := []string{
		"warning: the rules do not hold for containers on the host's own network (network_mode: host): their connections are the host's agent,old-agent",
		"warning: the rules do not hold for containers on a macvlan network: their packets leave by the parent interface, past the host's firewall by-id,by-name,cast,old-cast",
		"warning: the rules do not hold for containers on an ipvlan network: their packets leave by the parent interface, past the host's firewall vlan",
		"note: privileged containers can change the host, these rules included root",
	}
	if d := cmp.Diff(want, impactTexts(diff(w, s))); d != "" {
		t.Error(d)
	}
	s.Containers = resource.Unknown[[]resource.Container]("timeout")
	want = []string{"note: cannot tell which containers no rule can stop (host network, macvlan, ipvlan): timeout"}
	if d := cmp.Diff(want, impactTexts(diff(w, s))); d != "" {
		t.Error(d)
	}
}

// What other managers of rules do to ours, per backend.
func TestManagers(t *testing.T) {
	legacy := filters(dockerFilter("ip", "legacy"), dockerFilter("ip6", "legacy"))
	for name, tt := range map[string]struct {
		backend, manager string
		host             func(*resource.Snapshot)
		want             string // "" is silence
	}{
		"ufw":                         {"iptables", "ufw", both(), "warning: ufw: ufw reload leaves the rules alone, unless /etc/ufw/after.rules declares DOCKER-USER"},
		"ufw, nftables":               {"nftables", "ufw", both(), "note: ufw: its commands leave the rules alone"},
		"firewalld":                   {"iptables", "firewalld", both(), "warning: firewalld: firewall-cmd --reload flushes iptables"},
		"firewalld, nftables":         {"auto", "firewalld", both(), "note: firewalld: firewall-cmd --reload leaves the rules alone"},
		"nftables.service":            {"iptables", "nftables", both(), "warning: nftables: /etc/nftables.conf usually begins with flush ruleset"},
		"nftables.service, nftables":  {"nftables", "nftables", both(), "warning: nftables: /etc/nftables.conf usually begins with flush ruleset"},
		"nftables.service, legacy":    {"iptables", "nftables", legacy, ""},
		"netfilter-persistent":        {"iptables", "netfilter-persistent", both(), "warning: netfilter-persistent: netfilter-persistent save would freeze"},
		"netfilter-persistent, nft":   {"nftables", "netfilter-persistent", both(), ""},
		"a manager that is not known": {"iptables", "ferm", both(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := deny()
			w.Backend = tt.backend
			got := impactTexts(diff(w, with(engine28(), both(managed(tt.manager), tt.host))))
			about := slices.DeleteFunc(got, func(s string) bool { return !strings.Contains(s, ": "+tt.manager+": ") })
			if (len(about) > 0) != (tt.want != "") || len(about) > 0 && !strings.HasPrefix(about[0], tt.want) {
				t.Errorf("got %q, want %q", about, tt.want)
			}
		})
	}
}

// What holds only for now is said.
func TestMoments(t *testing.T) {
	w := deny()
	w.Allow = []egress.Allow{{To: "mirror.example"}, {To: "192.0.2.1", Label: "role=web"}, {To: "192.0.2.2", Label: "role=web"}}
	got := impactTexts(diff(w, with(engine28(), resolved)))
	for _, want := range []string{
		"note: mirror.example is looked up only when bulwark runs; until it runs again containers reach it at 203.0.113.7,2001:db8::7",
		"note: what is allowed by label holds for the addresses of containers that run now; run bulwark again when one was started role=web",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDNSImpacts(t *testing.T) {
	const tunnel, mute = "note: containers can resolve names", "warning: the host has no name server that containers can reach"
	noServers := func(s *resource.Snapshot) { s.Firewall.Value.Nameservers = nil }
	for name, tt := range map[string]struct {
		embedded bool
		host     func(*resource.Snapshot)
		want     []string
	}{
		"allowed":               {true, both(), []string{tunnel}},
		"allowed, none to ask":  {true, noServers, []string{tunnel, mute}},
		"denied in vain":        {false, both(), []string{tunnel}},
		"denied":                {false, daemonJSON(`{"dns":["192.0.2.1"]}`), nil},
		"allowed, daemon's own": {true, both(noServers, daemonJSON(`{"dns":["192.0.2.1"]}`)), []string{tunnel}},
	} {
		w := deny()
		w.EmbeddedDNS = tt.embedded
		got := impactTexts(diff(w, with(engine28(), tt.host)))
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %q", name, got)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], tt.want[i]) {
				t.Errorf("%s: got %q, want %q", name, got[i], tt.want[i])
			}
		}
	}
}

func TestNoSystemdIsSaid(t *testing.T) {
	s := engine28()
	s.Loader = resource.Unknown[resource.Unit]("not booted with systemd")
	want := "warning: the rules do not come back after a reboot: cannot ask systemd for bulwark-egress.service: not booted with systemd"
	if got := impactTexts(diff(deny(), s)); !slices.Contains(got, want) {
		t.Errorf("got %q", got)
	}
}

// Open connections that the rules forbid, with the line that keeps each.
func TestFlows(t *testing.T) {
	w := deny()
	w.Allow = []egress.Allow{{To: "203.0.113.0/24", Ports: []string{"443/tcp"}}}
	s := with(engine28(), func(s *resource.Snapshot) {
		s.Flows.Value = []resource.Flow{
			{Proto: "tcp", Src: "172.18.0.2", Dst: "203.0.113.9", Port: 443, Count: 9}, // allowed
			{Proto: "udp", Src: "172.17.0.3", Dst: "192.0.2.53", Port: 53, Count: 9},   // a name server
			{Proto: "tcp", Src: "172.18.0.2", Dst: "203.0.113.9", Port: 80, Count: 3},
			{Proto: "tcp", Src: "172.17.0.3", Dst: "198.51.100.1", Port: 22, Count: 1},
			{Proto: "icmpv6", Src: "fd00:18::2", Dst: "2001:db8::9", Count: 1},
			{Proto: "47", Src: "172.17.0.99", Dst: "198.51.100.1", Count: 2},
			{Proto: "udp", Src: "10.9.9.9", Dst: "198.51.100.1", Port: 1, Count: 5}, // of no bridge
		}
	})
	want := []string{
		"warning: web: 3 connections to 203.0.113.9 (80/tcp) stay open, but are not allowed anew; to allow: - {to: 203.0.113.9, ports: [80/tcp], from: {network: app}}",
		"warning: 172.17.0.99: 2 connections to 198.51.100.1 (protocol 47) stay open, but are not allowed anew; to allow: - {to: 198.51.100.1, from: {network: bridge}}",
		"warning: job: 1 connection to 198.51.100.1 (22/tcp) stays open, but is not allowed anew; to allow: - {to: 198.51.100.1, ports: [22/tcp], from: {network: bridge}}",
		"warning: web: 1 connection to 2001:db8::9 (icmp) stays open, but is not allowed anew; to allow: - {to: '2001:db8::9', ports: [icmp], from: {network: app}}",
	}
	if d := cmp.Diff(want, impactTexts(diff(w, s))[1:]); d != "" {
		t.Error(d)
	}
	w.Cut = true
	if got := impactTexts(diff(w, s))[1]; !strings.Contains(got, "(80/tcp) are cut; to allow") {
		t.Errorf("got %q", got)
	}
	w.Interfaces = []string{"docker_gwbridge"}
	if got := impactTexts(diff(w, s)); len(got) != 1 {
		t.Errorf("no rule sees these connections, and it says %q", got)
	}
	s.Flows = resource.Unknown[[]resource.Flow]("connection tracking is not loaded")
	if got := impactTexts(diff(w, s)); !slices.Contains(got, "note: cannot tell which open connections the rules forbid: connection tracking is not loaded") {
		t.Errorf("got %q", got)
	}
}

// Two snapshots of one flow are one line, and a long list ends.
func TestManyFlows(t *testing.T) {
	s := engine28()
	for i := range 50 {
		f := resource.Flow{Proto: "tcp", Src: "172.18.0.2", Dst: fmt.Sprintf("198.51.100.%d", i/2), Port: 80, Count: 1}
		s.Flows.Value = append(s.Flows.Value, f)
	}
	got := impactTexts(diff(deny(), s))[1:]
	if len(got) != 21 || !strings.HasPrefix(got[0], "warning: web: 2 connections to 198.51.100.0 ") ||
		got[20] != "warning: and 5 more destinations that containers have connections to and that the rules forbid" {
		t.Errorf("got %q", got)
	}
}

// Before the first IPv6 rule that asks connection tracking, nothing is known of
// IPv6 connections.
func TestUntracked(t *testing.T) {
	const text = "warning: Docker does not make the kernel track IPv6 connections here: unless something else does, open ones are not listed and are cut"
	noIPv6 := func(s *resource.Snapshot) { s.Networks.Value[1].Subnets = []string{"172.18.0.0/16"} }
	for name, tt := range map[string]struct {
		host func(*resource.Snapshot)
		want bool
	}{
		"Engine 28":               {both(), false},
		"20.10":                   {filters(dockerFilter("ip", "nft")), true},
		"20.10, networks without": {both(filters(dockerFilter("ip", "nft")), noIPv6), false},
		"dockerd uses nftables":   {both(filters(), dockerBackend("nftables")), false},
		"rules of bulwark's are there": {both(filters(dockerFilter("ip", "nft")), func(s *resource.Snapshot) {
			s.Firewall.Value.Own = []resource.Ruleset{{Backend: "iptables", Variant: "nft"}}
		}), false},
	} {
		if got := slices.Contains(impactTexts(diff(deny(), with(engine28(), tt.host))), text); got != tt.want {
			t.Errorf("%s: warned %t", name, got)
		}
	}
}

// TestTogether: where Docker does not keep networks apart, nobody does.
func TestTogether(t *testing.T) {
	v6 := func(name, bridge, subnet string) resource.Network {
		return resource.Network{Name: name, Driver: "bridge", Bridge: bridge, Subnets: []string{subnet}}
	}
	s := with(engine28(), func(s *resource.Snapshot) {
		s.Networks.Value = append(s.Networks.Value, v6("b", "br-bbbbbbbbbbbb", "fd00:b::/64"), v6("a", "br-aaaaaaaaaaaa", "fd00:a::/64"))
	})
	const text = "Docker does not filter IPv6 here, and so does not keep these networks apart"
	find := func(w *egress.Want) *resource.Impact {
		for _, i := range diff(w, s).Impacts {
			if strings.HasPrefix(i.Text, text) {
				return &i
			}
		}
		return nil
	}
	if got := find(deny()); got != nil {
		t.Errorf("Engine 28 filters IPv6: %v", got)
	}
	s.DaemonJSON.Value.Content = []byte(`{"ip6tables": false}`)
	s.DaemonJSON.Value.Print.Type = resource.Regular
	if got := find(deny()); got == nil || !slices.Contains(got.Subjects, "a") || !slices.Contains(got.Subjects, "b") {
		t.Errorf("got %v", got)
	}
	w := deny()
	w.ICC = false
	if got := find(w); got != nil {
		t.Errorf("icc: deny forbids it: %v", got)
	}
}
