package control

import (
	"path"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// immutableControls are D09 beyond the benchmark.
func immutableControls() []Control {
	return []Control{
		{
			ID: "host-mounts", Title: "Containers write to no directory of the host", Severity: resource.Low, Level: 2, OWASP: []string{"D09"},
			Why: "What a container writes outlives it, and is read by the next.",
			How: "Bind mounts of each container that can be written. immutable.writable of the policy names directories that are meant.", Remedy: recreate("with :ro, or a volume"), judge: each(lookHostMounts),
		},
		{
			ID: "egress-denied", Title: "Containers open no connections but those that are allowed", Severity: resource.High, Level: 2, OWASP: []string{"D03"}, Key: "egress",
			Why: "What was taken over fetches its tools and sends what it finds.",
			How: "bulwark's own rules in the kernel. Rules of others are not judged: bulwark prove sees what they do.", judge: judgeEgress,
		},
	}
}

func lookHostMounts(t *tally, c *resource.Container) *flaw {
	var bad []string
	for _, m := range binds(c) {
		if m.RW && !t.meantToWrite(m) {
			bad = append(bad, m.Source)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &flaw{"may write " + join(bad), "read-only", ""}
}

func (t *tally) meantToWrite(m resource.Mount) bool {
	return t.p.Immutable != nil && slices.ContainsFunc(t.p.Immutable.Writable, func(p string) bool {
		return path.Clean(m.Source) == path.Clean(p) || below(path.Clean(m.Source), path.Clean(p))
	})
}

func judgeEgress(t *tally) {
	fw, ok := t.s.Firewall.Get()
	switch {
	case !ok:
		t.unknown(resource.HostObject, "firewall", t.s.Firewall.Unknown)
	case len(fw.Own) == 0:
		t.fail(resource.Finding{Kind: resource.HostObject, Object: "firewall", Observed: "the kernel has no rules of bulwark's", Expected: "egress: {default: deny}"})
	default:
		t.holds(1)
		t.evidence = append(t.evidence, "rules are loaded; bulwark plan compares them with a policy")
	}
}
