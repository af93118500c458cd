package subid_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/subid"
)

func held(who string, start, count uint32) subid.Holder {
	return subid.Holder{Range: subid.Range{Start: start, Count: count}, Who: who}
}

func TestChoose(t *testing.T) {
	at := func(n uint32) *uint32 { return &n }
	std := subid.ParseDefs(nil)
	narrow := std
	narrow.SubMax = 200000
	fixed := std
	fixed.Deterministic = true
	uids := subid.ParseDefs([]byte("UID_MAX 500000\n"))
	low := subid.ParseDefs([]byte("SUB_UID_MIN 1000\nSUB_GID_MIN 1000\nUID_MAX 2000\nGID_MAX 2000\n"))
	allUids := subid.ParseDefs([]byte("UID_MAX 4294967294\n"))
	for _, c := range []struct {
		name  string
		q     subid.Request
		start uint32
		note  string
		err   string
	}{
		{name: "empty files", q: subid.Request{Size: 65536, Defs: std}, start: 131072},
		{name: "above all entries", q: subid.Request{Size: 65536, Defs: std, Taken: []subid.Holder{held("a", 100000, 65536), held("b", 165536, 65536)}}, start: 262144},
		{name: "above an entry that ends on the boundary", q: subid.Request{Size: 65536, Defs: std, Taken: []subid.Holder{held("a", 131072, 65536)}}, start: 196608},
		{name: "above all although a gap is below", q: subid.Request{Size: 65536, Defs: std, Taken: []subid.Holder{held("a", 1<<20, 65536)}}, start: 1<<20 + 65536},
		{name: "a user with a huge uid: the first gap", q: subid.Request{Size: 65536, Defs: std, Taken: []subid.Holder{held("u", 4000000000, 1), held("a", 100000, 65536)}}, start: 196608},
		{name: "above an uid inside", q: subid.Request{Size: 65536, Defs: std, Taken: []subid.Holder{held("u", 131080, 1)}}, start: 196608},
		{name: "large size stays aligned", q: subid.Request{Size: 100001, Defs: std, Taken: []subid.Holder{held("a", 131072, 1)}}, start: 196608},
		{name: "an empty holder holds nothing", q: subid.Request{Size: 65536, Defs: std, Taken: []subid.Holder{held("a", 140000, 0)}}, start: 131072},
		{name: "no room below SUB_UID_MAX", q: subid.Request{Size: 65536, Defs: narrow, Taken: []subid.Holder{held("a", 131072, 65536)}}, start: 262144, note: "above SUB_UID_MAX"},
		{name: "deterministic: from above", q: subid.Request{Size: 65536, Defs: fixed, Taken: []subid.Holder{held("a", 100000, 65536)}}, start: 599982080},
		{name: "deterministic: below what is taken", q: subid.Request{Size: 65536, Defs: fixed, Taken: []subid.Holder{held("a", 599982081, 5)}}, start: 599916544},
		{name: "clear of uids to come", q: subid.Request{Size: 65536, Defs: uids}, start: 524288},
		{name: "uids to come fill everything", q: subid.Request{Size: 65536, Defs: allUids}, start: 131072, note: "UID_MIN to UID_MAX"},
		{name: "never among the ids of images", q: subid.Request{Size: 65536, Defs: low}, start: 65536},
		{name: "nor if asked", q: subid.Request{Size: 65536, Defs: low, Start: at(5000)}, err: "start at 65536"},
		{name: "nothing free", q: subid.Request{Size: 65536, Defs: std, Taken: []subid.Holder{held("a", 0, 4294967295)}}, err: "cannot find a free range"},
		{name: "too small", q: subid.Request{Size: 65535, Defs: std}, err: "at least 65536"},
		{name: "start as asked, not aligned", q: subid.Request{Size: 65536, Start: at(100001), Defs: std}, start: 100001},
		{name: "start held", q: subid.Request{Size: 65536, Start: at(131072), Defs: std, Taken: []subid.Holder{held("alice (/etc/subgid:3)", 196607, 1)}}, err: "alice (/etc/subgid:3) holds 196607-196607"},
		{name: "start too low", q: subid.Request{Size: 65536, Start: at(99999), Defs: std}, err: "start at 100000"},
		{name: "end too high", q: subid.Request{Size: 65536, Start: at(4294967295 - 65535), Defs: std}, err: "greatest id is 4294967294"},
		{name: "end just fits", q: subid.Request{Size: 65536, Start: at(4294967295 - 65536), Defs: std}, start: 4294967295 - 65536},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, note, err := subid.Choose(c.q)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || r.Start != c.start || r.Count != c.q.Size {
				t.Fatalf("got %v, %v, want start %d", r, err, c.start)
			}
			if (note == "") != (c.note == "") || !strings.Contains(note, c.note) {
				t.Errorf("note %q, want %q", note, c.note)
			}
		})
	}
}

// TestChooseNeverOverlaps also finds that an answer exists whenever an aligned
// gap does.
func TestChooseNeverOverlaps(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		q := subid.Request{Size: 65536 + rnd.Uint32N(200000), Defs: subid.ParseDefs(fmt.Appendf(nil,
			"SUB_UID_MIN %d\nSUB_GID_MAX %d\nUID_MAX %d\nSUB_UID_DETERMINISTIC %s\n",
			rnd.Uint32N(1<<20), 1<<20+rnd.Uint32N(1<<30), rnd.Uint32N(1<<18), []string{"yes", "no"}[rnd.IntN(2)]))}
		for range rnd.IntN(60) {
			start := rnd.Uint32N(1 << (17 + rnd.IntN(15)))
			q.Taken = append(q.Taken, held("x", start, min(rnd.Uint32N(1<<(1+rnd.IntN(30))), subid.MaxID-start)))
		}
		r, _, err := subid.Choose(q)
		if err != nil {
			if gap(q) {
				t.Fatalf("seed %d: %v, though there is a gap", seed, err)
			}
			continue
		}
		for _, h := range q.Taken {
			if h.Overlaps(r) {
				t.Fatalf("seed %d: %v overlaps %v", seed, r, h.Range)
			}
		}
		if r.Count != q.Size || r.Last() > subid.MaxID || r.Start%65536 != 0 || r.Start < q.Defs.SubMin {
			t.Fatalf("seed %d: %v is out of bounds", seed, r)
		}
	}
}

func gap(q subid.Request) bool {
	for at := int64(65536); at+int64(q.Size)-1 <= subid.MaxID; at += 65536 {
		free := at >= int64(q.Defs.SubMin)
		for _, h := range q.Taken {
			free = free && !h.Overlaps(subid.Range{Start: uint32(at), Count: q.Size})
		}
		if free {
			return true
		}
	}
	return false
}
