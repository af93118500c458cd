package subid

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// MaxID is the greatest uid or gid that exists: the next one is -1.
const MaxID = math.MaxUint32 - 1

// MinSize is the least number of ids that a container needs: images use ids
// up to 65535, nobody being 65534.
const MinSize = 65536

// align is what the start of a chosen range is a multiple of: ranges are then
// told apart at a glance, and growing one to the next multiple meets no other.
const align = 65536

// A Range is Count ids from Start on. A Count of 0 holds none.
type Range struct {
	Start, Count uint32
}

// Last is the last id of r, or one less than Start if r is empty. It is wider
// than an id so that no sum overflows.
func (r Range) Last() int64 { return int64(r.Start) + int64(r.Count) - 1 }

// Overlaps reports whether an id lies in both.
func (r Range) Overlaps(q Range) bool {
	return r.Count > 0 && q.Count > 0 && int64(r.Start) <= q.Last() && int64(q.Start) <= r.Last()
}

func (r Range) String() string { return fmt.Sprintf("%d-%d", r.Start, r.Last()) }

// A Holder has a range for itself: a line of subuid or subgid, a user, a group.
type Holder struct {
	Range
	Who string // "alice (/etc/subuid:3)"
}

// A Request is what Choose needs to know.
type Request struct {
	// Size is the number of ids, at least MinSize.
	Size uint32
	// Start asks for exactly this place; nil leaves it to Choose.
	Start *uint32
	// Taken is everything to keep clear of.
	Taken []Holder
	Defs  Defs
}

// Choose finds one range that overlaps nothing in q.Taken. The note is empty
// or says what is odd about the place.
//
// The place is the lowest multiple of 65536 above all that is taken, within
// SUB_UID_MIN..SUB_UID_MAX of login.defs; else the lowest gap in there; else,
// with a note, the lowest gap beyond. Under deterministic allocation, where
// useradd fills from below and ignores other entries, it is the highest gap.
// An error names the holder that is in the way.
func Choose(q Request) (r Range, note string, err error) {
	if q.Size < MinSize {
		return Range{}, "", fmt.Errorf("cannot choose %d ids: containers need at least %d", q.Size, MinSize)
	}
	if q.Start != nil {
		r = Range{*q.Start, q.Size}
		return r, "", fits(r, q)
	}
	people := q.Defs.UIDMax + 1 // where users to come get their uids
	lo, hi := int64(max(q.Defs.SubMin, MinSize)), int64(q.Defs.SubMax)
	clear := max(lo, int64(people))
	if q.Defs.Deterministic {
		if r, ok := highest(q, clear, hi); ok {
			return r, "", nil
		}
	}
	for _, from := range []int64{max(clear, top(q.Taken)+1), clear} {
		if r, ok := lowest(q, from, hi); ok {
			return r, "", nil
		}
	}
	if r, ok := lowest(q, max(clear, hi+1), MaxID); ok {
		return r, fmt.Sprintf("range %v is above SUB_UID_MAX or SUB_GID_MAX %d of login.defs: no room below", r, hi), nil
	}
	if r, ok := lowest(q, lo, MaxID); ok {
		return r, fmt.Sprintf("range %v lies among the uids of UID_MIN to UID_MAX of login.defs: no room elsewhere", r), nil
	}
	return Range{}, "", errors.New("cannot find a free range of ids in subuid and subgid")
}

// fits says why r may not be used.
func fits(r Range, q Request) error {
	if r.Last() > MaxID {
		return fmt.Errorf("cannot use ids %v: the greatest id is %d", r, uint32(MaxID))
	}
	if floor := max(q.Defs.SubMin, MinSize); r.Start < floor {
		return fmt.Errorf("cannot use ids %v: subordinate ids start at %d (SUB_UID_MIN, SUB_GID_MIN of login.defs)", r, floor)
	}
	for _, h := range q.Taken {
		if h.Overlaps(r) {
			return fmt.Errorf("cannot use ids %v: %s holds %v", r, h.Who, h.Range)
		}
	}
	return nil
}

// top is the last id that anybody holds, or -1.
func top(taken []Holder) int64 {
	last := int64(-1)
	for _, h := range taken {
		if h.Count > 0 {
			last = max(last, h.Last())
		}
	}
	return last
}

// lowest finds the first aligned gap in lo..hi.
func lowest(q Request, lo, hi int64) (Range, bool) {
	taken := slices.Clone(q.Taken)
	slices.SortFunc(taken, func(a, b Holder) int { return cmp.Compare(a.Start, b.Start) })
	at := up(lo)
	for _, h := range taken {
		if h.meets(at, q.Size) {
			at = up(h.Last() + 1)
		}
	}
	return within(at, q.Size, lo, hi)
}

// highest finds the last aligned gap in lo..hi.
func highest(q Request, lo, hi int64) (Range, bool) {
	taken := slices.Clone(q.Taken)
	slices.SortFunc(taken, func(a, b Holder) int { return cmp.Compare(b.Last(), a.Last()) })
	at := down(hi + 1 - int64(q.Size))
	for _, h := range taken {
		if h.meets(at, q.Size) {
			at = down(int64(h.Start) - int64(q.Size))
		}
	}
	return within(at, q.Size, lo, hi)
}

// meets reports whether r holds any of the size ids from at on, where at may
// lie outside the ids that exist.
func (r Range) meets(at int64, size uint32) bool {
	return r.Count > 0 && int64(r.Start) <= at+int64(size)-1 && r.Last() >= at
}

func within(at int64, size uint32, lo, hi int64) (Range, bool) {
	if at < lo || at+int64(size)-1 > hi {
		return Range{}, false
	}
	return Range{uint32(at), size}, true
}

func up(n int64) int64 { return (n + align - 1) / align * align }

func down(n int64) int64 {
	if n < 0 {
		return -align
	}
	return n / align * align
}
