package ruleset_test

import (
	"fmt"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/ruleset"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]ruleset.Rate{
		"10/minute": {N: 10, Per: "minute"}, "10/min": {N: 10, Per: "minute"}, "1/s": {N: 1, Per: "second"},
		"7/hour": {N: 7, Per: "hour"}, "5/day": {N: 5, Per: "day"}, "1/hour": {N: 1, Per: "hour"}, "10000/second": {N: 10000, Per: "second"},
	} {
		if got, err := ruleset.ParseRate(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "10", "10/", "/min", "0/min", "-1/min", "10/week", "10/minutes", "10001/s", "4/day", "1.5/s", "99999999999/s"} {
		if got, err := ruleset.ParseRate(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

// A rate is written as iptables prints it when it was given as it is in the
// policy.
func TestRateIsWhatIptablesMakesOfIt(t *testing.T) {
	r := random(t)
	var given, want []string
	for range setting("BULWARK_SAMPLE", 300) {
		rate := ruleset.Rate{N: 1 + r.Uint32N(pick[uint32](r, 7, 200, 10000)), Per: pick(r, "second", "minute", "hour", "day")}
		m := ruleset.Match{Limit: rate, Verdict: ruleset.Return}
		if m.Check() == nil {
			given = append(given, fmt.Sprintf("-m limit --limit %d/%s -j RETURN", rate.N, rate.Per))
			want = append(want, m.IPTables(resource.FamilyIP4))
		}
	}
	eachXtables(t, func(t *testing.T, x xtables) {
		x.load(t, ruleset.Restore(&resource.RuleTable{Chains: []resource.RuleChain{chain("BULWARK-X", given...)}}, resource.RuleTable{}, resource.Filter{}))
		own, _ := x.parse(t)
		sameRules(t, own.Chains[0].Rules, want)
	})
}
