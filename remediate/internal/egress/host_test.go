package egress_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// deny is the policy that lists nothing.
func deny() *egress.Want {
	return &egress.Want{Backend: "auto", ICC: true, Host: true, EmbeddedDNS: true}
}

func dockerFilter(family, variant string, forward ...string) resource.Filter {
	return resource.Filter{
		Family: family, Variant: variant, Docker: true, DockerUser: true, ForwardPolicy: "DROP",
		Forward: append(forward, "-j DOCKER-USER", "-j DOCKER-FORWARD"),
	}
}

// engine28 is a host as Docker Engine 28 with iptables (nft) leaves it.
func engine28() *resource.Snapshot {
	return &resource.Snapshot{
		Root:       "/",
		Host:       resource.Known(resource.Host{BridgeNF: "absent"}),
		Engine:     resource.Known(resource.Engine{Version: "28.5.1", FirewallBackend: "iptables"}),
		Unit:       resource.Known(resource.Unit{LoadState: "loaded", ActiveState: "active", MainPID: 7}),
		Process:    resource.Known(resource.Process{PID: 7}),
		Binary:     resource.Known(resource.Binary{Version: "28.5.1"}),
		Flags:      resource.Known([]resource.Flag{}),
		DaemonJSON: resource.Known(resource.File{Print: resource.Fingerprint{Type: resource.Absent}}),
		Networks: resource.Known([]resource.Network{
			{ID: "1", Name: "bridge", Driver: "bridge", Bridge: "docker0", Subnets: []string{"172.17.0.0/16"}},
			{ID: "2", Name: "app", Driver: "bridge", Bridge: "br-0123456789ab", Subnets: []string{"172.18.0.0/16", "fd00:18::/64"}},
			{ID: "3", Name: "host", Driver: "host"},
			{ID: "4", Name: "lan", Driver: "macvlan", Subnets: []string{"192.168.1.0/24"}},
		}),
		Containers: resource.Known([]resource.Container{
			{ID: "aa", Name: "web", State: "running", Labels: map[string]string{"role": "web"}, NetworkMode: "app", Networks: []resource.Endpoint{{Network: "app", IPs: []string{"172.18.0.2", "fd00:18::2"}}}},
			{ID: "bb", Name: "job", State: "running", Labels: map[string]string{"role": "job"}, NetworkMode: "bridge", Networks: []resource.Endpoint{{Network: "bridge", IPs: []string{"172.17.0.3"}}}},
		}),
		Firewall: resource.Known(resource.Firewall{
			Filters: []resource.Filter{dockerFilter("ip", "nft"), dockerFilter("ip6", "nft")},
			Tools: map[string]string{
				"iptables-nft": "1.8.9", "ip6tables-nft": "1.8.9", "iptables-legacy": "1.8.9", "ip6tables-legacy": "1.8.9", "nft": "1.0.6",
			},
			Variant:     "nft",
			Bridges:     []string{"br-0123456789ab", "docker0"},
			Nameservers: []string{"192.0.2.53"},
		}),
		Flows:  resource.Known([]resource.Flow{}),
		Loader: resource.Known(resource.Unit{Name: egress.LoaderUnit, LoadState: "loaded", FileState: "enabled", ActiveState: "active"}),
		Rules:  resource.Known(resource.File{Path: egress.RulesPath, Print: resource.Fingerprint{Type: resource.Absent}}),
	}
}

// with changes the snapshot.
func with(s *resource.Snapshot, change func(*resource.Snapshot)) *resource.Snapshot {
	change(s)
	return s
}

// engine2010 filters no IPv6 and does not know its backend.
func engine2010() *resource.Snapshot {
	return with(engine28(), func(s *resource.Snapshot) {
		s.Engine.Value = resource.Engine{Version: "20.10.24+dfsg1"}
		s.Binary.Value.Version = "20.10.24+dfsg1"
		s.Firewall.Value.Filters = []resource.Filter{dockerFilter("ip", "nft")}
	})
}

// stopped is the host before dockerd's first start.
func stopped(s *resource.Snapshot) {
	const why = "docker.service is inactive"
	s.Unit.Value.ActiveState, s.Unit.Value.MainPID = "inactive", 0
	s.Engine = resource.Unknown[resource.Engine](why)
	s.Process = resource.Unknown[resource.Process](why)
	s.Containers = resource.Unknown[[]resource.Container](why)
	s.Networks = resource.Unknown[[]resource.Network](why)
	s.Flows = resource.Unknown[[]resource.Flow](why)
	s.Firewall.Value.Filters = nil
}

func daemonJSON(content string) func(*resource.Snapshot) {
	return func(s *resource.Snapshot) {
		s.DaemonJSON = resource.Known(resource.File{Print: resource.Fingerprint{Type: resource.Regular}, Content: []byte(content)})
	}
}

func diff(want *egress.Want, s *resource.Snapshot) resource.Result {
	return egress.Kind{}.Diff(want, s)
}

// wanted are the rules that the only operation of a result loads.
func wanted(t testing.TB, r resource.Result) []resource.Ruleset {
	t.Helper()
	if len(r.Operations) != 1 {
		t.Fatalf("got %d operations, want 1: controls %+v", len(r.Operations), r.Controls)
	}
	var p ruleset.Payload
	if err := json.Unmarshal(r.Operations[0].Payload, &p); err != nil {
		t.Fatal(err)
	}
	return p.After
}

// listing writes rules for comparison, one line for each.
func listing(rules []resource.Ruleset) string {
	var b strings.Builder
	for _, r := range rules {
		for _, t := range r.Tables {
			fmt.Fprintln(&b, strings.TrimSpace(strings.Join([]string{r.Backend, r.Variant, t.Family}, " ")))
			for _, j := range t.Jumps {
				fmt.Fprintf(&b, "%s %d: %s\n", j.From, j.At, j.To)
			}
			for _, c := range t.Chains {
				fmt.Fprintln(&b, strings.TrimSpace(c.Name+": "+c.Hook))
				for _, rule := range c.Rules {
					fmt.Fprintln(&b, "\t"+rule)
				}
			}
			for _, s := range t.Sets {
				fmt.Fprintln(&b, s.Name, s.Family, strings.Join(s.Members, " "))
			}
		}
	}
	return b.String()
}

// table returns the listing of one family alone.
func table(all, family string) string {
	var out []string
	in := false
	for line := range strings.Lines(all) {
		if words := strings.Fields(line); !strings.HasPrefix(line, "\t") && slices.Contains([]string{"iptables", "nftables"}, words[0]) {
			in = words[len(words)-1] == family
		}
		if in {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func controlOf(r resource.Result, id string) resource.ControlResult {
	for _, c := range r.Controls {
		if c.ID == id {
			return c
		}
	}
	return resource.ControlResult{}
}

func impactTexts(r resource.Result) []string {
	var out []string
	for _, i := range r.Impacts {
		out = append(out, strings.TrimSpace(i.Level+": "+i.Text+" "+strings.Join(i.Subjects, ",")))
	}
	return out
}

// apply puts into the snapshot what an apply would leave there.
func apply(t testing.TB, s *resource.Snapshot, r resource.Result) {
	t.Helper()
	for range r.Operations {
		s.Firewall.Value.Own = wanted(t, r)
	}
	for _, c := range r.Changes {
		s.Rules.Value.Content = c.Content
		s.Rules.Value.Print = resource.Fingerprint{Type: resource.Regular, Mode: 0o600}
		if c.Action == resource.Delete {
			s.Rules.Value.Print = resource.Fingerprint{Type: resource.Absent}
		}
	}
	s.Loader = resource.Known(resource.Unit{LoadState: "loaded", FileState: "enabled", ActiveState: "active"})
	s.LoaderFault = ""
}
