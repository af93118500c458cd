//go:build rig

package rig_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Sweeps visit points that are chosen anew in each run; the seed is printed.
var (
	points = flag.Int("points", 10, "how many points of each sweep to visit, chosen at random; 0: all of them")
	nested = flag.Bool("nested", false, "kill recovery at each of its own points too, for each point of apply")
	seed   = flag.Uint64("seed", 0, "of that choice; 0: another one each time")
)

// seeded is called once, before the first test.
func seeded() {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	fmt.Printf("points %d, seed %d\n", *points, *seed)
}

// dice are a test's own, so that its choice does not depend on what ran before it.
func dice(t *testing.T) *rand.Rand {
	var sum uint64
	for _, c := range t.Name() {
		sum = sum*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(*seed, sum))
}

// choose returns 1 to total, or a sample of it in which total always is: what
// happens after the commit must be seen.
func choose(t *testing.T, total int) []int {
	t.Helper()
	return chooseOf(t, total, *points)
}

// chooseOf is choose with a size of the sample made from -points, where a point
// is dearer or cheaper than others; with -points 0 it too returns all.
func chooseOf(t *testing.T, total, size int) []int {
	t.Helper()
	all := dice(t).Perm(total)
	chosen := []int{total}
	for _, i := range all {
		if n := i + 1; n != total && (*points == 0 || len(chosen) < size) {
			chosen = append(chosen, n)
		}
	}
	t.Logf("%d of %d points, seed %d", len(chosen), total, *seed)
	return chosen
}
