package txn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// RollbackSpec returns the transaction that puts the host back to the state
// before transaction to, and so undoes it and all committed after it; "" means
// the last one. History only grows: this is a new transaction forward, and
// rolling it back too is a redo. Bytes, mode, owner, attributes, time of
// modification and absence come back, and directories that were made go if they
// are empty. Steps are all those of the transactions undone, oldest first: the
// caller makes of them what is needed, and sets Validate and Health. A file that is not as the last transaction left it is a
// *ConflictError here and in Run.
func (r *Reader) RollbackSpec(to string) (Spec, error) {
	chain, err := r.chain(to)
	if err != nil {
		return Spec{}, err
	}
	spec := Spec{rollbackTo: chain[0].ID}
	for _, e := range chain {
		for _, op := range e.Ops {
			if err := spec.undo(e, op); err != nil {
				return Spec{}, err
			}
		}
		spec.Steps = append(spec.Steps, e.Steps...)
	}
	// Directories first, with the owner and mode that they had: a file would
	// bring its missing parents with it.
	slices.SortStableFunc(spec.restore, func(a, b restoration) int { return dirRank(a) - dirRank(b) })
	if _, err := newDraft(r.root, spec); err != nil {
		return Spec{}, err
	}
	return spec, nil
}

// undo adds one operation, in order of age: the first says where its path is
// to go, the last where it should be now.
func (s *Spec) undo(e Entry, op Op) error {
	i := slices.IndexFunc(s.restore, func(r restoration) bool { return r.path == op.Path })
	if i >= 0 {
		s.restore[i].expect = op.After
		return nil
	}
	b, err := e.Before(op.N)
	if err != nil {
		return err
	}
	s.restore = append(s.restore, restoration{path: op.Path, expect: op.After, target: op.Before, content: b, like: op})
	return nil
}

func dirRank(r restoration) int {
	if r.target.Type == resource.Dir {
		return len(r.path) - 1<<20
	}
	return 0
}

// chain returns the committed transactions from the one wanted to the last,
// without gaps.
func (r *Reader) chain(to string) ([]Entry, error) {
	all, err := r.History()
	if err != nil {
		return nil, err
	}
	s, err := r.State()
	if err != nil {
		return nil, err
	}
	if s.LastConfirmed == "" {
		return nil, errors.New("cannot roll back: no transaction was committed yet")
	}
	if to == "" {
		to = s.LastConfirmed
	}
	byID := map[string]Entry{}
	for _, e := range all {
		byID[e.ID] = e
	}
	var chain []Entry
	for id := s.LastConfirmed; ; {
		e, ok := byID[id]
		if !ok || e.Outcome != Committed {
			return nil, fmt.Errorf("cannot roll back to %s: it was not committed, or is not in the history without a gap", to)
		}
		chain = append(chain, e)
		if id == to {
			break
		}
		id = e.Parent
	}
	slices.Reverse(chain)
	return chain, nil
}

// Of is the transaction before which the host is to be again.
func (s *Spec) Of() string { return s.rollbackTo }

// Paths lists the files that a rollback puts back, with what they become.
func (s *Spec) Paths() map[string]resource.Fingerprint {
	m := map[string]resource.Fingerprint{}
	for _, r := range s.restore {
		m[r.path] = r.target
	}
	return m
}
