//go:build rig

package rig_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Invariant 21: the journal of a transaction that was killed with its files in
// place is damaged in one byte, or cut off there: recover puts the host back,
// or refuses with exit code 4, names the file, and touches nothing.
func TestInvariant21Damage(t *testing.T) {
	h := newWholeHost(t)
	d := &damageSweep{sweepHost: h, seen: map[string]int{}}
	d.findPoint()
	d.tear()
	r := dice(t)
	var lengths []int // now, for the files are others after the next tear
	for _, path := range d.journal() {
		lengths = append(lengths, len(d.read(path)))
	}
	for i, length := range lengths {
		for _, at := range offsets(r, i, length) {
			d.point(i, at, r.IntN(8), r.IntN(2) == 0)
		}
	}
	d.mustRun(recoverCommand...)
	t.Logf("%d runs; recover %v", d.runs, d.seen)
}

type damageSweep struct {
	*sweepHost
	at   int // the call of apply at which it is killed
	torn map[string]string
	runs int
	seen map[string]int
}

// findPoint: the first call after all files and the rules are in place.
func (d *damageSweep) findPoint() {
	d.Helper()
	res := d.crash(math.MaxInt32, wholeApply)
	for _, c := range res.Calls {
		if strings.HasPrefix(c.Name, "send") {
			d.at = c.N + 1
		}
	}
	d.rollback()
}

// tear leaves a transaction open.
func (d *damageSweep) tear() {
	d.Helper()
	d.crash(d.at, wholeApply)
	if !exists("/var/lib/bulwark/ACTIVE") {
		d.Fatal("nothing is open after the kill")
	}
	d.torn = d.dump(true)
	if cmp.Equal(d.torn, d.before) {
		d.Fatal("the kill left the host as before: this proves nothing")
	}
}

// journal are the files of the open transaction, those beside it first.
func (d *damageSweep) journal() []string {
	d.Helper()
	id := strings.TrimSpace(string(d.read("/var/lib/bulwark/ACTIVE")))
	dir := "/var/lib/bulwark/txn/" + id
	files := []string{"/var/lib/bulwark/ACTIVE", "/var/lib/bulwark/state.json", dir + "/wal", dir + "/intent.json", dir + "/before/1.meta"}
	for n := range 20 {
		if path := fmt.Sprintf("%s/before/%d", dir, n); exists(path) {
			files = append(files, path)
		}
	}
	return files
}

// offsets are the bytes to damage of the ith file: of the first three, which
// recovery reads for their meaning, many; of the others, whose digest is
// known, few.
func offsets(r *rand.Rand, i, length int) []int {
	n := length
	if *points > 0 && i < 3 {
		n = min(n, *points)
	} else if *points > 0 {
		n = min(n, 1+*points/10)
	}
	return r.Perm(length)[:n]
}

// point damages the ith file of the journal at one byte, and recovers.
func (d *damageSweep) point(i, at, bit int, cut bool) {
	d.Helper()
	if !exists("/var/lib/bulwark/ACTIVE") {
		d.tear()
	}
	path := d.journal()[i]
	whole := d.read(path)
	at = min(at, len(whole)-1)
	b, what := whole[:at], fmt.Sprintf("%s cut off at byte %d", path, at)
	if !cut {
		b, what = bytes.Clone(whole), fmt.Sprintf("%s flipped at byte %d, bit %d", path, at, bit)
		b[at] ^= 1 << bit
	}
	d.write(path, string(b))
	if d.recovers(what) == "refused" {
		d.write(path, string(whole))
	}
}

// recovers: back as before, or refused and untouched.
func (d *damageSweep) recovers(what string) (how string) {
	d.Helper()
	r := bulwark("recover")
	switch {
	case r.code == 0:
		how = d.judge(what + "\n" + r.out)
	case r.code == 4 && strings.Contains(r.out, "is damaged: "):
		how = "refused"
		if diff := cmp.Diff(d.torn, d.dump(true)); diff != "" {
			d.Fatalf("%s: refused, but touched the host: %s\n%s", what, diff, r.out)
		}
	default:
		d.Fatalf("%s: exit code %d\n%s", what, r.code, r.out)
	}
	d.runs++
	d.seen[how]++
	return how
}

func (h *sweepHost) read(path string) []byte {
	h.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		h.Fatal(err)
	}
	return b
}
