package egress_test

import (
	"fmt"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/egress"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// manyLines are n lines of the policy that do not merge.
func manyLines(n int) *egress.Want {
	w := deny()
	for i := range n {
		w.Allow = append(w.Allow, egress.Allow{To: fmt.Sprintf("10.%d.%d.%d/31", i>>14&255, i>>6&255, i<<2&255), Ports: []string{"443/tcp"}})
	}
	return w
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{1, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, s := manyLines(n), engine28()
			for b.Loop() {
				if c, _ := egress.Compile(w, s); len(c.Rules()) != 1 {
					b.Fatal("no rules")
				}
			}
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	w, s := manyLines(10000), engine28()
	apply(b, s, diff(w, s))
	for b.Loop() {
		if r := diff(w, s); len(r.Operations) > 0 {
			b.Fatal("the second plan is not empty")
		}
	}
}

// A long list is one set and a rule, whatever its length.
func TestLongList(t *testing.T) {
	c, why := egress.Compile(manyLines(10000), engine28())
	if why != "" {
		t.Fatal(why)
	}
	var sets []resource.AddrSet
	for _, table := range c.Rules()[0].Tables {
		sets = append(sets, table.Sets...)
		if n := len(table.Chains[1].Rules); n > 7 {
			t.Errorf("%s has %d rules", table.Family, n)
		}
	}
	if len(sets) != 1 || len(sets[0].Members) != 10000 {
		t.Errorf("%d sets", len(sets))
	}
}
