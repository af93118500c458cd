package txn

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// An Entry is one transaction of the history.
type Entry struct {
	Intent
	// Outcome is "" for one that is open or whose end is not known.
	Outcome   Outcome    `json:"outcome,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Finished  time.Time  `json:"finished,omitzero"`
	Notes     []string   `json:"notes,omitempty"`
	Conflicts []Conflict `json:"conflicts,omitempty"`
	// Damaged says why the entry cannot be read; then only ID is set.
	Damaged string `json:"damaged,omitempty"`

	r   *Reader
	log []record
}

// StepDone returns what step n returned when it was done, nil if it was not.
func (e *Entry) StepDone(n int) json.RawMessage {
	for _, r := range e.log {
		if r.Kind == recDone && r.N == n {
			return r.Data
		}
	}
	return nil
}

// History lists all transactions, oldest first.
func (r *Reader) History() ([]Entry, error) {
	d, err := r.dir(txnName)
	if err != nil || d == nil {
		return nil, err
	}
	names, err := d.Names()
	d.Close()
	if err != nil {
		return nil, err
	}
	var list []Entry
	for _, id := range names {
		if !idPattern.MatchString(id) {
			continue
		}
		e, err := r.Entry(id)
		if err != nil {
			e = &Entry{Intent: Intent{ID: id}, Damaged: err.Error()}
		}
		list = append(list, *e)
	}
	return list, nil
}

// Entry reads one transaction.
func (r *Reader) Entry(id string) (*Entry, error) {
	if !idPattern.MatchString(id) {
		return nil, fmt.Errorf("cannot read transaction %q: that is not the id of one", id)
	}
	in, log, err := r.load(id)
	if err != nil {
		return nil, fmt.Errorf("cannot read transaction %s: %w", id, err)
	}
	e := &Entry{Intent: *in, r: r, log: log.list}
	b, err := r.slurp(filepath.Join(txnName, id), "result.json")
	if err != nil || b == nil {
		return e, err
	}
	var end ending
	if err := json.Unmarshal(b, &end); err != nil {
		return nil, &DamagedError{r.file(filepath.Join(txnName, id, "result.json")), err.Error()}
	}
	e.Outcome, e.Reason, e.Finished, e.Notes, e.Conflicts = end.Outcome, end.Reason, end.Finished, end.Notes, end.Conflicts
	return e, nil
}

// Before returns the bytes that operation n found, nil if there was no file.
// They may be secret: the caller redacts.
func (e *Entry) Before(n int) ([]byte, error) {
	return e.bytes("before", n, func(op Op) resource.Fingerprint { return op.Before })
}

// After returns the bytes that operation n wrote, nil if it removed the file.
func (e *Entry) After(n int) ([]byte, error) {
	return e.bytes("after", n, func(op Op) resource.Fingerprint { return op.After })
}

func (e *Entry) bytes(which string, n int, print func(Op) resource.Fingerprint) ([]byte, error) {
	if n < 0 || n >= len(e.Ops) {
		return nil, fmt.Errorf("cannot read operation %d of transaction %s: it has %d", n, e.ID, len(e.Ops))
	}
	p := print(e.Ops[n])
	if p.Type != resource.Regular {
		return nil, nil
	}
	return e.r.copyOf(e.ID, which, n, p.SHA256)
}

// Numbers of finished transactions that are kept.
const (
	keepCommitted = 20
	keepFailed    = 20
)

// prune removes old transactions: kept are the last committed ones, the very
// first (the host as it was found), the last failed ones, and all that are not
// finished. It runs with nothing open.
func (m *Manager) prune() error {
	list, err := m.History()
	if err != nil {
		return err
	}
	all, err := m.openTxns()
	if err != nil {
		return err
	}
	defer all.Close()
	for _, id := range surplus(list) {
		// Renamed first, so that a crash leaves no half of a transaction
		// under its name.
		if err := all.Place(id, ".old-"+id); err != nil {
			return err
		}
		if err := all.RemoveAll(".old-" + id); err != nil {
			return err
		}
	}
	return nil
}

func surplus(list []Entry) []string {
	var committed, failed []string
	for _, e := range list {
		switch e.Outcome {
		case Committed:
			committed = append(committed, e.ID)
		case RolledBack, NotApplied:
			failed = append(failed, e.ID)
		}
	}
	var out []string
	if len(committed) > keepCommitted+1 {
		out = append(out, committed[1:len(committed)-keepCommitted]...)
	}
	if len(failed) > keepFailed {
		out = append(out, failed[:len(failed)-keepFailed]...)
	}
	return out
}
