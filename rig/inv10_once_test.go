//go:build rig

package rig_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Invariant 10: a plan is applied once; one of another host or another history
// is stale; one of which any byte was changed is refused, and one that was forged so
// that its own sum is right is stale.
func TestInvariant10Once(t *testing.T) {
	h := borrowWholeHost(t)
	dir := t.TempDir()
	saved, altered := filepath.Join(dir, "saved.plan"), filepath.Join(dir, "altered.plan")
	plan := h.savePlan(wholeFile, saved)
	flips := h.flip(saved, altered)
	forged := h.forge(*plan, altered)
	h.mustRun("bulwark", "apply", saved, "--settle", "0s")
	h.refused("the same plan again", h.watch("bulwark", "apply", saved, "--settle", "0s"), 6, "the plan is stale: ")
	h.rollback()
	h.judge("rollback")
	h.refused("the same plan, the host as then", h.watch("bulwark", "apply", saved, "--settle", "0s"), 6, "the host was changed since: serial was")
	t.Logf("%d altered plans refused, %d forged ones stale, 2 used ones stale; 0 mutating system calls", flips, forged)
}

// flip alters the plan in one byte each time, cuts it, and adds to it.
func (h *sweepHost) flip(saved, altered string) int {
	h.Helper()
	whole, err := os.ReadFile(saved)
	if err != nil {
		h.Fatal(err)
	}
	r := dice(h.T)
	n := 0
	try := func(what string, b []byte) {
		n++
		if err := os.WriteFile(altered, b, 0o600); err != nil {
			h.Fatal(err)
		}
		h.refused(what, h.watch("bulwark", "apply", altered, "--settle", "0s"), 1, "cannot read the plan "+altered)
	}
	for _, at := range chooseOf(h.T, len(whole), *points*5) {
		b := slices.Clone(whole)
		// Each bit, and each other byte for a blank: JSON passes over some.
		if b[at-1] ^= 1 << r.IntN(8); r.IntN(4) == 0 && (whole[at-1] == ' ' || whole[at-1] == '\n') {
			b[at-1] = "\t\r\n "[r.IntN(3)]
		}
		if b[at-1] != whole[at-1] {
			try(fmt.Sprintf("byte %d is %q, was %q", at-1, b[at-1], whole[at-1]), b)
		}
	}
	for _, cut := range []int{0, 1, len(whole) / 2, len(whole) - 1} {
		try(fmt.Sprintf("cut after %d bytes", cut), whole[:cut])
	}
	for _, tail := range []string{" ", "\n", "{}", "\x00"} {
		try(fmt.Sprintf("with %q added", tail), append(slices.Clone(whole), tail...))
	}
	return n
}

// forge alters the plan in one field each time, and makes its sum right.
func (h *sweepHost) forge(plan remediate.SavedPlan, altered string) int {
	h.Helper()
	forgeries := map[string]struct {
		change func(*remediate.SavedPlan)
		says   string
	}{
		"tool":    {func(p *remediate.SavedPlan) { p.Tool = "other" }, "bulwark was other, now "},
		"expired": {func(p *remediate.SavedPlan) { p.Expires = time.Now().Add(-time.Second).UTC() }, "it expired at "},
		"lineage": {func(p *remediate.SavedPlan) { p.Lineage = "01234567-89ab-cdef-0123-456789abcdef" }, "another history of this host"},
		"serial":  {func(p *remediate.SavedPlan) { p.Serial++ }, "serial was"},
		"policy":  {func(p *remediate.SavedPlan) { p.Policy.SHA256 = resource.Sum(nil) }, "whole.yaml has changed"},
		"digest":  {func(p *remediate.SavedPlan) { p.Digest = resource.Sum(nil) }, "the changes came out different"},
		"more":    {func(p *remediate.SavedPlan) { p.Facts = append(p.Facts, resource.PlanFact{Name: "x"}) }, "x: was "},
		"fewer":   {func(p *remediate.SavedPlan) { p.Facts = p.Facts[:len(p.Facts)-1] }, "was not there, now "},
		"none":    {func(p *remediate.SavedPlan) { p.Facts = nil }, "another host"},
	}
	for i, f := range plan.Facts {
		forgeries[f.Name] = struct {
			change func(*remediate.SavedPlan)
			says   string
		}{func(p *remediate.SavedPlan) { p.Facts[i].Value += "0" }, factSays(f.Name)}
	}
	for name, f := range forgeries {
		p := plan
		p.Facts = slices.Clone(plan.Facts)
		f.change(&p)
		if err := os.WriteFile(altered, encodePlan(p), 0o600); err != nil {
			h.Fatal(err)
		}
		h.refused("forged "+name, h.watch("bulwark", "apply", altered, "--settle", "0s"), 6, f.says)
	}
	return len(forgeries)
}

func factSays(name string) string {
	if name == "host" {
		return "made for another host"
	}
	return name + ": was "
}

// encodePlan writes a plan with its sum, as anybody can.
func encodePlan(p remediate.SavedPlan) []byte {
	p.Sum = ""
	b, _ := json.Marshal(p)
	p.Sum = resource.Sum(b)
	b, _ = json.MarshalIndent(p, "", "  ")
	return append(b, '\n')
}
