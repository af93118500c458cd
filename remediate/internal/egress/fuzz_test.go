package egress_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// FuzzCompile makes policies and hosts of JSON: whatever they hold, there is a
// reason or there are rules, each chain that denies ends in a drop, and no
// rule accepts what others may still want to drop.
func FuzzCompile(f *testing.F) {
	want, err := json.Marshal(&egress.Want{
		Backend: "auto", Log: &egress.Log{Rate: "1/day", Prefix: "p"}, DNSServers: []string{"::1", "192.0.2.1"}, Interfaces: []string{"docker0", "br-+"},
		Allow: []egress.Allow{
			{To: "a.example", Ports: []string{"1-2/tcp", "icmp"}, Comment: `"c\`}, {To: "10.0.0.0/8", Label: "role"}, {To: "::/0", Network: "app"}, {To: "0.0.0.0/0", Subnet: "10.0.0.0/8"},
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(want, "203.0.113.1 2001:db8::1 ::ffff:10.0.0.1 fe80::1%x", "role=web", "br-x docker0", false, "28.0.0", `{"dns":["127.0.0.1"],"bridge":"b"}`)
	f.Add([]byte(`{"Allow":[{"To":"a.example","Network":"n"}],"Backend":"nftables"}`), "0.0.0.0 ::", "", "br-+ -j", true, "", "{")
	f.Add([]byte(`{"Interfaces":["br-+","br-lan"]}`), "192.0.2.1", "a=b", "br-lan br-0123456789ab", false, "29.0.0", "{}")
	f.Add([]byte(`{"Interfaces":["+"],"Log":{"Rate":"0/day"}}`), "", "a", "", true, "20.10", "[]")
	f.Fuzz(func(t *testing.T, policy []byte, addresses, label, bridges string, stop bool, version, config string) {
		w := deny()
		if json.Unmarshal(policy, w) != nil {
			return
		}
		s := fuzzHost(w, strings.Fields(addresses), label, strings.Fields(bridges), version)
		daemonJSON(config)(s)
		if stop {
			stopped(s)
		}
		c, why := egress.Compile(w, s)
		if why != "" {
			if r := diff(w, s); !w.Off && len(r.Operations)+len(r.Changes) > 0 {
				t.Errorf("%s, but there are changes", why)
			}
			return
		}
		denies(t, c.Rules())
		if w.Off {
			return
		}
		apply(t, s, diff(w, s))
		if r := diff(w, s); len(r.Operations)+len(r.Changes) > 0 {
			t.Errorf("the second plan is not empty: %+v", r.Controls)
		}
	})
}

func fuzzHost(w *egress.Want, addresses []string, label string, bridges []string, version string) *resource.Snapshot {
	s := engine28()
	s.Engine.Value.Version, s.Binary.Value.Version = version, version
	s.Resolved = map[string]resource.Fact[[]string]{}
	for _, name := range w.Names() {
		s.Resolved[name] = resource.Known(addresses)
	}
	key, value, _ := strings.Cut(label, "=")
	s.Containers.Value[0].Labels = map[string]string{key: value}
	s.Containers.Value[0].Networks = append(s.Containers.Value[0].Networks, resource.Endpoint{Network: "n0", IPs: addresses})
	for i, b := range bridges {
		s.Networks.Value = append(s.Networks.Value, resource.Network{Name: fmt.Sprint("n", i), Driver: "bridge", Bridge: b, Subnets: addresses})
	}
	s.Firewall.Value.Bridges, s.Firewall.Value.Nameservers = append(bridges, "br-lan", "docker0"), addresses
	for _, a := range addresses {
		s.Flows.Value = append(s.Flows.Value, resource.Flow{Proto: label, Src: a, Dst: addresses[0], Count: 1})
	}
	return s
}

// denies holds rules to what no policy may change.
func denies(t *testing.T, rules []resource.Ruleset) {
	t.Helper()
	for _, rs := range rules {
		for _, table := range rs.Tables {
			dropping, forged := 0, false
			for _, c := range table.Chains {
				switch last := c.Rules[len(c.Rules)-1]; {
				case c.Name == "forged" && last == "counter drop":
					forged = true
				case last == "-j DROP" || last == "counter drop":
					dropping++
				case strings.EqualFold(c.Name, "BULWARK-OUT") && last != "-j BULWARK-ALLOWED", c.Name == "out" && last != "jump allowed",
					strings.HasSuffix(strings.ToLower(c.Name), "allowed"):
					t.Errorf("%s ends with %q", c.Name, last)
				}
				for _, rule := range c.Rules {
					if words := unquoted(rule); slices.Contains(words, "ACCEPT") || slices.Contains(words, "accept") || strings.ContainsAny(rule, "\n\x00") {
						t.Errorf("%s has %q", c.Name, rule)
					}
				}
			}
			if dropping != 1 || forged != (table.Family == resource.FamilyInet) {
				t.Errorf("%d chains of %s drop, forged sources: %t", dropping, table.Family, forged)
			}
		}
	}
}

// unquoted are the words of a rule that stand outside of quotes, less comments
// and prefixes of a single word.
func unquoted(rule string) []string {
	var b strings.Builder
	quoted, escaped := false, false
	for _, r := range rule {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted:
			b.WriteRune(r)
		}
	}
	var words []string
	for _, w := range strings.Fields(b.String()) {
		if n := len(words); n > 0 && (words[n-1] == "--comment" || strings.HasSuffix(words[n-1], "-prefix")) {
			w = "text"
		}
		words = append(words, w)
	}
	return words
}
