package ruleset_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func chain(name string, rules ...string) resource.RuleChain {
	return resource.RuleChain{Name: name, Rules: rules}
}

func jump(from, to string, at int) resource.Jump { return resource.Jump{From: from, To: to, At: at} }

func TestRestore(t *testing.T) {
	want := &resource.RuleTable{
		Jumps:  []resource.Jump{jump("DOCKER-USER", "BULWARK-EGRESS", 1)},
		Chains: []resource.RuleChain{chain("BULWARK-EGRESS", "-i docker0 -j BULWARK-OUT"), chain("BULWARK-OUT", "-j DROP")},
	}
	const chains = ":BULWARK-EGRESS - [0:0]\n:BULWARK-OUT - [0:0]\n"
	const rules = "-A BULWARK-EGRESS -i docker0 -j BULWARK-OUT\n-A BULWARK-OUT -j DROP\n"
	const insert = "-I DOCKER-USER 1 -j BULWARK-EGRESS\n"
	there, absent := resource.Filter{DockerUser: true}, resource.Filter{}
	for _, c := range []struct {
		name  string
		want  *resource.RuleTable
		own   resource.RuleTable
		other resource.Filter
		text  string
	}{
		{"fresh", want, resource.RuleTable{}, there, chains + rules + insert},
		{"fresh, before dockerd", want, resource.RuleTable{}, absent, chains + "-N DOCKER-USER\n" + rules + insert},
		{"as wanted", want, *want, there, ""},
		{"nothing wanted, nothing there", nil, resource.RuleTable{Family: "ip"}, absent, ""},
		{
			"other rules, the jump stays", want,
			resource.RuleTable{Jumps: want.Jumps, Chains: []resource.RuleChain{chain("BULWARK-OLD", "-j DROP")}},
			there,
			chains + ":BULWARK-OLD - [0:0]\n" + rules + "-X BULWARK-OLD\n",
		},
		{
			"a jump that is not the first", want,
			resource.RuleTable{Jumps: []resource.Jump{jump("DOCKER-USER", "BULWARK-EGRESS", 2)}, Chains: want.Chains},
			there,
			chains + rules + "-D DOCKER-USER -j BULWARK-EGRESS\n" + insert,
		},
		{
			"the jump twice, and another", want,
			resource.RuleTable{Jumps: []resource.Jump{
				jump("DOCKER-USER", "BULWARK-EGRESS", 1), jump("DOCKER-USER", "BULWARK-EGRESS", 3), jump("INPUT", "BULWARK-OUT", 1),
			}, Chains: want.Chains},
			there,
			chains + rules + strings.Repeat("-D DOCKER-USER -j BULWARK-EGRESS\n", 2) + "-D INPUT -j BULWARK-OUT\n" + insert,
		},
		{
			"wanted as it was once found", &resource.RuleTable{
				Jumps:  []resource.Jump{jump("DOCKER-USER", "BULWARK-EGRESS", 2), jump("DOCKER-USER", "BULWARK-EGRESS", 5)},
				Chains: want.Chains,
			}, *want, there, "",
		},
		{
			"all away", nil, *want, there,
			chains + "-D DOCKER-USER -j BULWARK-EGRESS\n-X BULWARK-EGRESS\n-X BULWARK-OUT\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.text
			if text != "" {
				text = "*filter\n" + text + "COMMIT\n"
			}
			equal(t, ruleset.Restore(c.want, c.own, c.other), text)
		})
	}
}

// foreign is what others have in the table, bulwark's jump among it.
const foreign = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:MINE - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A DOCKER-USER -i eth9 -m comment --comment "it\'s \"mine\"" -j MINE
-A DOCKER-USER -j RETURN
-A MINE -p tcp -m multiport --dports 80,443 -j RETURN
COMMIT
`

func ownTable(family string, n int) *resource.RuleTable {
	out := []string{}
	for _, m := range []ruleset.Match{
		{Proto: "tcp", Ports: ruleset.Ports{First: 443, Last: uint16(443 + n)}, Verdict: ruleset.Return, Comment: "site's"},
		{Limit: ruleset.Rate{N: 10, Per: "minute"}, Verdict: ruleset.LogPacket, LogPrefix: "bulwark "},
		{Verdict: ruleset.Drop},
	} {
		out = append(out, m.IPTables(family))
	}
	return &resource.RuleTable{
		Family: family,
		Jumps:  []resource.Jump{jump("DOCKER-USER", "BULWARK-EGRESS", 1), jump("INPUT", "BULWARK-INPUT", 1)},
		Chains: []resource.RuleChain{
			chain("BULWARK-EGRESS", ruleset.Match{In: "br-+", Verdict: "out"}.IPTables(family)),
			chain("BULWARK-INPUT", ruleset.Match{In: "br-+", Verdict: "out"}.IPTables(family)),
			chain("BULWARK-OUT", out...),
		},
	}
}

func (x xtables) ruleset(t *resource.RuleTable) []resource.Ruleset {
	return []resource.Ruleset{{Backend: resource.BackendIPTables, Variant: x.variant, Tables: []resource.RuleTable{*t}}}
}

// become restores want and looks that it is there, and that no more is to do.
func (x xtables) become(t *testing.T, want *resource.RuleTable) {
	t.Helper()
	own, other := x.parse(t)
	x.load(t, ruleset.Restore(want, own, other))
	own, other = x.parse(t)
	if want == nil {
		want = &resource.RuleTable{}
	}
	if !ruleset.Same(x.ruleset(want), x.ruleset(&own)) {
		t.Fatalf("not as wanted:\n%s", x.saved(t))
	}
	if text := ruleset.Restore(want, own, other); text != "" {
		t.Fatalf("still to do: %s", text)
	}
}

// From whatever there is of bulwark's the kernel comes to what is wanted; the
// rules of others are the same bytes all the time.
func TestRestoreInTheKernel(t *testing.T) {
	eachXtables(t, func(t *testing.T, x xtables) {
		x.load(t, foreign)
		before := x.saved(t)
		othersKept := func() {
			t.Helper()
			equal(t, withoutOwn(x.saved(t)), before)
		}
		for _, want := range []*resource.RuleTable{ownTable(x.family, 0), ownTable(x.family, 1), nil, ownTable(x.family, 2)} {
			x.become(t, want)
			othersKept()
		}
		for name, damage := range map[string]string{
			"a jump twice":        "-A DOCKER-USER -j BULWARK-EGRESS\n-A FORWARD -j BULWARK-OUT\n",
			"a jump not first":    "-D INPUT -j BULWARK-INPUT\n-A INPUT -j ACCEPT\n-A INPUT -j BULWARK-INPUT\n-D INPUT -j ACCEPT\n-I INPUT -j BULWARK-OUT\n",
			"no jump":             "-D DOCKER-USER -j BULWARK-EGRESS\n",
			"a chain emptied":     "-F BULWARK-OUT\n",
			"chains that lead on": ":BULWARK-A - [0:0]\n:BULWARK-B - [0:0]\n-A BULWARK-A -i lo -j BULWARK-B\n-A BULWARK-B -j DROP\n-A BULWARK-OUT -j BULWARK-A\n",
			"a rule put in":       "-I BULWARK-OUT 1 -j ACCEPT\n",
			"a rule taken away":   "-D BULWARK-OUT -j DROP\n",
		} {
			x.load(t, "*filter\n"+damage+"COMMIT\n")
			if own, _ := x.parse(t); ruleset.Same(x.ruleset(ownTable(x.family, 2)), x.ruleset(&own)) {
				t.Errorf("%s: not seen", name)
			}
			x.become(t, ownTable(x.family, 2))
			othersKept()
		}
		x.become(t, nil)
		equal(t, x.saved(t), before)
	})
}

func withoutOwn(text string) string {
	var kept []string
	for _, line := range strings.Split(text, "\n") {
		if !strings.Contains(line, "BULWARK-") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// Before dockerd has ever run there is no DOCKER-USER: it is made, once.
func TestRestoreBeforeDocker(t *testing.T) {
	eachXtables(t, func(t *testing.T, x xtables) {
		x.become(t, ownTable(x.family, 0))
		x.load(t, "*filter\n-A DOCKER-USER -i eth9 -j DROP\nCOMMIT\n")
		x.become(t, ownTable(x.family, 1))
		if !strings.Contains(x.saved(t), "-A DOCKER-USER -i eth9 -j DROP\n") {
			t.Errorf("the user's rule is gone:\n%s", x.saved(t))
		}
	})
}

// A text computed from a table that has changed meanwhile does nothing at all.
func TestRestoreOfStaleTable(t *testing.T) {
	eachXtables(t, func(t *testing.T, x xtables) {
		x.load(t, foreign)
		x.become(t, ownTable(x.family, 0))
		own, other := x.parse(t)
		x.load(t, "*filter\n-D DOCKER-USER -j BULWARK-EGRESS\nCOMMIT\n")
		before := x.saved(t)
		if _, err := try(ruleset.Restore(nil, own, other), x.tool()+"-restore", "--noflush", "-w", "10"); err == nil {
			t.Error("no error")
		}
		equal(t, x.saved(t), before)
	})
}
