package egress_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// The line that a plan offers is one that a policy takes, and with it the
// connection is no longer forbidden: for every form of address, protocol and
// network name.
func TestOfferedLineKeepsTheFlow(t *testing.T) {
	tried := 0
	for _, network := range []string{"app", "true", "No", "1", "1.5", "0x1", "1e3", "a.b-c_d", "n", "net_1", "2001", "1.2.3.4"} {
		for _, f := range []resource.Flow{
			{Proto: "tcp", Src: "172.18.0.2", Dst: "203.0.113.9", Port: 443},
			{Proto: "udp", Src: "fd00:18::2", Dst: "2001:db8::9", Port: 65535},
			{Proto: "sctp", Src: "172.18.0.9", Dst: "203.0.113.9", Port: 1},
			{Proto: "icmp", Src: "172.18.0.2", Dst: "203.0.113.9"},
			{Proto: "icmpv6", Src: "fd00:18::2", Dst: "::9"},
			{Proto: "50", Src: "172.18.0.2", Dst: "203.0.113.9"},
		} {
			s := engine28()
			s.Networks.Value[1].Name = network
			s.Flows.Value = []resource.Flow{f}
			w := deny()
			text := impactTexts(diff(w, s))[1]
			_, line, ok := strings.Cut(text, "to allow: ")
			if !ok {
				t.Fatalf("no line in %q", text)
			}
			w.Allow = allowLine(t, line)
			if got := impactTexts(diff(w, s)); len(got) != 1 {
				t.Errorf("with %s it still says %q", line, got)
			}
			tried++
		}
	}
	if tried != 72 {
		t.Fatalf("%d lines tried", tried)
	}
}

func allowLine(t *testing.T, line string) []egress.Allow {
	t.Helper()
	doc := "version: 1\negress:\n  allow:\n    " + line + "\n"
	p, err := plans.Load("p.yaml", func(string) ([]byte, error) { return []byte(doc), nil })
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var out []egress.Allow
	for _, a := range p.Egress.Allow {
		out = append(out, egress.Allow{To: a.To, Ports: a.Ports, Network: a.From.Network})
	}
	return out
}
