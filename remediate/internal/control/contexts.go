package control

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// contextLabels are the names by which people label contexts, where the policy
// names none; the last part of a dotted name counts.
var contextLabels = []string{"context", "environment", "env", "stage", "tenant"}

// contextControls are D05: what is apart by meaning is apart in fact.
func contextControls() []Control {
	make := func(id, what, why, remedy string, severity resource.Severity, judge func(*tally, map[string][]resource.Container)) Control {
		return Control{
			ID: id, Title: "Contexts share no " + what, Severity: severity, Level: 2, OWASP: []string{"D05"}, Why: why, Remedy: remedy,
			How:   "Containers by the label of contexts.label, or without it by labels named context, environment, env, stage or tenant.",
			judge: func(t *tally) { t.contexts(what, judge) },
		}
	}
	return []Control{
		make("contexts-network", "network", "What was taken over in a test environment reaches production.", "a network for each context", resource.High, judgeSharedNetworks),
		make("contexts-volume", "volume", "What one context writes, another reads and runs.", "a volume for each context", resource.High, judgeSharedVolumes),
		make("contexts-host", "host", "One kernel is one wall: whoever breaks out of one context is in all.", "a host for each context", resource.Low, judgeSharedHost),
	}
}

// contexts groups containers; what the policy does not want apart is not judged.
func (t *tally) contexts(what string, judge func(*tally, map[string][]resource.Container)) {
	all, ok := t.containersOr()
	if !ok {
		return
	}
	if c := t.p.Contexts; c != nil && len(c.Separate) > 0 && !slices.Contains(c.Separate, what) {
		t.nothing("the policy does not ask for it")
		return
	}
	groups := map[string][]resource.Container{}
	for _, c := range all {
		if name := t.contextOf(c); name != "" {
			groups[name] = append(groups[name], c)
		}
	}
	if len(groups) < 2 {
		t.nothing(fmt.Sprintf("%d containers, and labels name %d contexts", len(all), len(groups)))
		return
	}
	judge(t, groups)
}

func (t *tally) contextOf(c resource.Container) string {
	if p := t.p.Contexts; p != nil && p.Label != "" {
		if v := c.Labels[p.Label]; len(p.Values) == 0 || slices.Contains(p.Values, v) {
			return v
		}
		return ""
	}
	for _, want := range contextLabels {
		for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
			if v := c.Labels[key]; strings.EqualFold(key[strings.LastIndexAny(key, "./")+1:], want) && plainName(v) == v {
				return v
			}
		}
	}
	return ""
}

// shared turns the groups round: what each thing is used by.
func shared(groups map[string][]resource.Container, things func(resource.Container) []string) map[string]map[string]bool {
	users := map[string]map[string]bool{}
	for context, containers := range groups {
		for _, c := range containers {
			for _, thing := range things(c) {
				if users[thing] == nil {
					users[thing] = map[string]bool{}
				}
				users[thing][context] = true
			}
		}
	}
	return users
}

func (t *tally) apart(kind string, users map[string]map[string]bool) {
	for _, thing := range slices.Sorted(maps.Keys(users)) {
		if contexts := users[thing]; len(contexts) > 1 {
			t.fail(resource.Finding{Kind: kind, Object: thing, Observed: "shared by " + strings.Join(slices.Sorted(maps.Keys(contexts)), ", "), Expected: "one context"})
		} else {
			t.holds(1)
		}
	}
	if len(users) == 0 {
		t.holds(1)
	}
}

func judgeSharedNetworks(t *tally, groups map[string][]resource.Container) {
	t.apart(resource.NetworkObject, shared(groups, func(c resource.Container) []string {
		var all []string
		for _, e := range c.Networks {
			if e.Network != "none" {
				all = append(all, e.Network)
			}
		}
		return all
	}))
}

func judgeSharedVolumes(t *tally, groups map[string][]resource.Container) {
	t.apart(resource.FileObject, shared(groups, func(c resource.Container) []string {
		var all []string
		for _, m := range c.Spec.Mounts {
			switch m.Type {
			case "volume":
				all = append(all, "volume "+m.Name)
			case "bind":
				all = append(all, m.Source)
			}
		}
		return all
	}))
}

func judgeSharedHost(t *tally, groups map[string][]resource.Container) {
	t.fail(resource.Finding{
		Kind: resource.HostObject, Object: "host", Expected: "one context",
		Observed: "has containers of " + strings.Join(slices.Sorted(maps.Keys(groups)), ", "),
	})
}
