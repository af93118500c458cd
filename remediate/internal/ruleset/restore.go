package ruleset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Restore writes the input of iptables-restore --noflush that makes bulwark's
// own part of one table as wanted: own chains, and each jump once at position
// 1 of its chain, wherever it was before. A nil want removes everything of
// bulwark's. own and other are what ParseSave found in the same table; an empty
// text means that nothing is to be done.
//
// ":CHAIN" makes a chain or empties it. So DOCKER-USER is named only where it
// does not exist, and is not removed again: dockerd, which may have taken it up
// meanwhile, leaves it as it is.
//
// -D of a jump that is gone makes all of it fail with nothing done, as it
// should: then the table is not what was read.
func Restore(want *resource.RuleTable, own resource.RuleTable, other resource.Filter) string {
	if want == nil {
		want = &resource.RuleTable{}
	}
	jumps := wantedJumps(want.Jumps)
	if sameChains(want.Chains, own.Chains) && sameJumps(jumps, own.Jumps) {
		return ""
	}
	var b strings.Builder
	b.WriteString("*filter\n")
	writeChains(&b, want.Chains, own.Chains)
	if !other.DockerUser && slices.ContainsFunc(jumps, fromDockerUser) {
		b.WriteString("-N DOCKER-USER\n") // fails where it has come meanwhile; ":" would empty it
	}
	for _, c := range want.Chains {
		for _, r := range c.Rules {
			fmt.Fprintf(&b, "-A %s %s\n", c.Name, r)
		}
	}
	writeJumps(&b, jumps, own.Jumps)
	for _, c := range stale(want.Chains, own.Chains) {
		fmt.Fprintf(&b, "-X %s\n", c)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

func fromDockerUser(j resource.Jump) bool { return j.From == "DOCKER-USER" }

// writeChains empties the chains that go, too: only so are they sure not to
// name each other when they are removed.
func writeChains(b *strings.Builder, want, own []resource.RuleChain) {
	for _, c := range want {
		fmt.Fprintf(b, ":%s - [0:0]\n", c.Name)
	}
	for _, c := range stale(want, own) {
		fmt.Fprintf(b, ":%s - [0:0]\n", c)
	}
}

// writeJumps leaves jumps alone if they are as wanted, all of them: what stands
// above one that stays might go.
func writeJumps(b *strings.Builder, want, own []resource.Jump) {
	if sameJumps(want, own) {
		return
	}
	for _, j := range own {
		fmt.Fprintf(b, "-D %s -j %s\n", j.From, j.To)
	}
	for _, j := range want {
		fmt.Fprintf(b, "-I %s 1 -j %s\n", j.From, j.To)
	}
}

// stale are the names of chains that are there and not wanted.
func stale(want, own []resource.RuleChain) []string {
	var names []string
	for _, c := range own {
		if !slices.ContainsFunc(want, func(w resource.RuleChain) bool { return w.Name == c.Name }) {
			names = append(names, c.Name)
		}
	}
	return names
}
