package remediate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Record is one transaction of the history, without secrets.
type Record struct {
	ID       string    `json:"id"`
	Outcome  string    `json:"outcome"`
	Reason   string    `json:"reason,omitempty"`
	Created  time.Time `json:"created"`
	Finished time.Time `json:"finished,omitzero"`
	// ConfirmBy is when an awaiting transaction is rolled back.
	ConfirmBy time.Time `json:"confirm_by,omitzero"`
	Tool      string    `json:"tool"`
	Command   []string  `json:"command"`
	User      string    `json:"user,omitempty"`
	// Rollback is the transaction that this one took back, or "".
	Rollback string         `json:"rollback,omitempty"`
	Files    []RecordedFile `json:"files"`
	// Limits are the containers whose limits it changed.
	Limits []RecordedLimits `json:"limits,omitempty"`
	Notes  []string         `json:"notes,omitempty"`
	// Damaged says why the record cannot be read.
	Damaged string `json:"damaged,omitempty"`
}

// A RecordedFile is one file that a transaction changed.
type RecordedFile struct {
	Path   string          `json:"path"`
	Action resource.Action `json:"action"`
	// Diff is filled by HistoryEntry only, secrets replaced.
	Diff      string `json:"diff,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// RecordedLimits are the limits of one container that a transaction changed.
type RecordedLimits struct {
	Container string `json:"container"`
	// Diff is filled by HistoryEntry only.
	Diff string `json:"diff,omitempty"`
}

// History lists all transactions, oldest first. It takes no lock.
func (h *Host) History() ([]Record, error) {
	r, err := txn.OpenRead(h.root, StateDir)
	if err != nil {
		return nil, err
	}
	entries, err := r.History()
	if err != nil {
		return nil, err
	}
	list := []Record{}
	for _, e := range entries {
		list = append(list, record(&e))
	}
	return list, nil
}

// HistoryEntry returns one transaction with the diffs of its files.
func (h *Host) HistoryEntry(id string) (*Record, error) {
	r, err := txn.OpenRead(h.root, StateDir)
	if err != nil {
		return nil, err
	}
	e, err := entry(r, id)
	if err != nil {
		return nil, err
	}
	rec := record(e)
	for i, op := range e.Ops { // record keeps the order
		if op.Sensitive {
			continue
		}
		if rec.Files[i].Diff, err = recordedDiff(e, op); err != nil {
			return nil, err
		}
	}
	rec.Limits = recordedLimits(e, true)
	return &rec, nil
}

// entry tells a transaction that is not there from one that is damaged.
func entry(r *txn.Reader, id string) (*txn.Entry, error) {
	all, err := r.History()
	if err != nil {
		return nil, err
	}
	e, err := r.Entry(id)
	var damaged *txn.DamagedError
	if errors.As(err, &damaged) && !slices.ContainsFunc(all, func(o txn.Entry) bool { return o.ID == id }) {
		return nil, fmt.Errorf("cannot read transaction %s: there is no such transaction", id)
	}
	return e, err
}

func recordedDiff(e *txn.Entry, op txn.Op) (string, error) {
	before, err := e.Before(op.N)
	if err != nil {
		return "", err
	}
	after, err := e.After(op.N)
	if err != nil {
		return "", err
	}
	from, to := fmt.Sprintf("before %s", op.Path), fmt.Sprintf("after %s (%s)", op.Path, e.ID)
	if op.Lock == resource.LockAccounts {
		return ownLines(from, to, string(before), string(after))
	}
	return udiff.Unified(from, to, shown(op.Path, before), shown(op.Path, after)), nil
}

// ownLines is a diff without lines around it: in an account file those are
// other people's.
func ownLines(from, to, before, after string) (string, error) {
	const context = 0
	d, err := udiff.ToUnified(from, to, before, udiff.Lines(before, after), context)
	if err != nil {
		return "", fmt.Errorf("cannot compare %s: %w", from, err)
	}
	return d, nil
}

func record(e *txn.Entry) Record {
	rec := Record{
		ID: e.ID, Outcome: string(e.Outcome), Reason: reasonOf(e), Created: e.Created, Finished: e.Finished,
		Tool: e.Tool, Command: redactArgv(e.Command), User: who(e.Actor), Rollback: e.RollbackTo,
		Notes: e.Notes, Damaged: e.Damaged, Files: []RecordedFile{},
	}
	if rec.Outcome == "" && rec.Damaged == "" {
		rec.Outcome = "open"
		if w := e.Waiting(); w != nil {
			rec.Outcome, rec.ConfirmBy = string(Awaiting), w.Deadline
		}
	}
	for _, op := range e.Ops {
		rec.Files = append(rec.Files, RecordedFile{Path: op.Path, Action: actionOf(op), Sensitive: op.Sensitive})
	}
	rec.Limits = recordedLimits(e, false)
	return rec
}

// reasonOf is why a transaction failed. Others than bulwark may speak in it.
func reasonOf(e *txn.Entry) string {
	if e.Reason == "" {
		return ""
	}
	return hiderFor(e).hide(e.Reason)
}

func who(a txn.Actor) string {
	if a.SudoUser != "" {
		return a.SudoUser
	}
	return strings.TrimSpace(a.User)
}

func actionOf(op txn.Op) resource.Action {
	switch {
	case !op.Before.Exists():
		return resource.Create
	case !op.After.Exists():
		return resource.Delete
	}
	return resource.Update
}
