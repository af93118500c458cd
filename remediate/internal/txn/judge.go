package txn

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A verdict is what undo does with one operation.
type verdict string

const (
	leave    verdict = "leave"    // as before, or never ours
	restore  verdict = "restore"  // put the old file back
	discard  verdict = "discard"  // take the new file away
	remove   verdict = "rmdir"    // remove the directory we made
	remake   verdict = "mkdir"    // make the directory we removed
	unswap   verdict = "unswap"   // Temp holds an editor's file that we displaced
	untake   verdict = "untake"   // the same, and nothing is at the path
	unswapRb verdict = "unswapRb" // Undo holds one that an earlier undo displaced
	untakeRb verdict = "untakeRb"
	conflict verdict = "conflict" // neither old nor new
)

// A view is what lies at the path and the two temporary names of an operation.
type view struct{ cur, tmp, rb resource.Fingerprint }

func (t *tx) look(op Op) (view, error) {
	absent := resource.Fingerprint{Type: resource.Absent}
	v := view{absent, absent, absent}
	d, base, err := t.parent(op)
	if err != nil || d == nil {
		return v, err
	}
	defer d.Close()
	var e1, e2, e3 error
	v.cur, e1 = d.Fingerprint(base)
	v.tmp, e2 = d.Fingerprint(op.Temp)
	v.rb, e3 = d.Fingerprint(op.Undo)
	return v, errors.Join(e1, e2, e3)
}

func is(want, now resource.Fingerprint) bool { return fsys.Differs(want, now) == "" }

// judge decides by what is there. The log is asked only whether the targets
// may have been touched at all, which tells a half-written temporary file from
// one that an exchange displaced; were those records lost, a target that is
// exactly the new file would still be put back.
func (t *tx) judge(op Op, v view) verdict {
	if slices.Contains(t.foreigners(), op.N) {
		return leave
	}
	burst := t.wal.has(recValidated)
	_, undone := t.wal.find(recUndo, op.N)
	switch op.Kind {
	case Mkdir:
		return judgeMkdir(op, v)
	case Rmdir:
		if v.cur.Exists() {
			return leave
		}
		return remake
	case Make:
		return judgeMake(op, v, burst, undone)
	case Delete:
		return judgeDelete(op, v, burst)
	}
	return judgeSwap(op, v, burst, undone)
}

func judgeMkdir(op Op, v view) verdict {
	if is(op.After, v.cur) {
		return remove
	}
	return leave // never made, or no longer as we made it
}

func judgeMake(op Op, v view, burst, undone bool) verdict {
	switch {
	case is(op.After, v.tmp):
		return leave // not put in place
	case undone && !v.cur.Exists() && v.rb.Exists() && !is(op.After, v.rb):
		return untakeRb
	case !v.cur.Exists():
		return leave
	case is(op.After, v.cur):
		return discard
	}
	return unlessTouched(burst)
}

func judgeDelete(op Op, v view, burst bool) verdict {
	switch {
	case burst && !v.cur.Exists() && v.tmp.Exists() && !is(op.Before, v.tmp):
		return untake
	case is(op.Before, v.cur):
		return leave
	case !v.cur.Exists():
		return restore
	}
	return unlessTouched(burst)
}

func judgeSwap(op Op, v view, burst, undone bool) verdict {
	switch {
	case is(op.After, v.tmp):
		return leave // not put in place, or already exchanged back
	case burst && v.tmp.Exists() && !is(op.Before, v.tmp):
		if is(op.After, v.cur) {
			return unswap
		}
		return conflict
	case undone && is(op.Before, v.cur) && v.rb.Exists() && !is(op.Before, v.rb) && !is(op.After, v.rb):
		return unswapRb
	case is(op.Before, v.cur):
		return leave
	case is(op.After, v.cur):
		return restore
	}
	return unlessTouched(burst)
}

// unlessTouched: before the burst, whatever is at a target is not our doing.
func unlessTouched(burst bool) verdict {
	if burst {
		return conflict
	}
	return leave
}

// foreigners joins what this run saw with what an earlier one recorded.
func (t *tx) foreigners() []int {
	if r, ok := t.wal.find(recAbort, 0); ok {
		return append(slices.Clone(r.Foreign), t.foreign...)
	}
	return t.foreign
}

func notEmpty(err error) bool {
	return errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST)
}
