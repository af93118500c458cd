package txn

import (
	"fmt"
	"strings"
	"time"
)

// A BusyError says that another run, or another tool, holds a lock.
type BusyError struct {
	// Lock is the path of the lock.
	Lock string
	// PID is 0 and Argv empty when the holder is not known.
	PID  int
	Argv []string
}

func (e *BusyError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("cannot lock %s: another process holds it", e.Lock)
	}
	return fmt.Sprintf("cannot lock %s: held by process %d (%s)", e.Lock, e.PID, strings.Join(e.Argv, " "))
}

// A DriftError says that a file is not what the change was computed from.
type DriftError struct {
	Path string
	What string // the first difference, in words
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("cannot change %s: it is no longer what the plan saw (%s)", e.Path, e.What)
}

// A ConflictError says that somebody else edited files that must be put back.
// They are left alone; all others are as before.
type ConflictError struct {
	ID        string // of the transaction
	Conflicts []Conflict
}

// A Conflict is one file, or what else a step changed, that is neither as it
// was before the transaction nor as the transaction left it.
type Conflict struct {
	// N is the number of the operation; steps are counted on behind them.
	N    int    `json:"n"`
	Path string `json:"path"`
	// What is the first difference to what the transaction left.
	What string `json:"what"`
}

func (e *ConflictError) Error() string {
	var list []string
	for _, c := range e.Conflicts {
		list = append(list, fmt.Sprintf("%s (%s)", c.Path, c.What))
	}
	return fmt.Sprintf("cannot undo transaction %s: edited by somebody else: %s", e.ID, strings.Join(list, ", "))
}

// A ForeignError is how a step's Restore says that somebody else changed since
// what it is to put back. It counts as a conflict.
type ForeignError struct {
	Path string // what it is, for people: "container web"
	What string // the first difference, in words
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("cannot put back %s: changed by somebody else: %s", e.Path, e.What)
}

// A LaterError is how a step's Restore says that it can do nothing so early in
// the boot. The transaction stays open for a later recovery, and that is no
// failure.
type LaterError struct {
	Why string
}

func (e *LaterError) Error() string { return e.Why }

// A DamagedError says that a file of the journal cannot be trusted. Nothing
// was touched.
type DamagedError struct {
	Path string
	Why  string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("cannot use the journal: %s is damaged: %s", e.Path, e.Why)
}

// An ActiveError says that an earlier transaction is not finished.
type ActiveError struct{ ID string }

func (e *ActiveError) Error() string {
	return fmt.Sprintf("cannot start: transaction %s is not finished; run recovery first", e.ID)
}

// An AwaitingError says that a transaction is applied and waits to be confirmed:
// until then no other is begun.
type AwaitingError struct {
	ID       string
	Deadline time.Time // it is rolled back then
}

func (e *AwaitingError) Error() string {
	return fmt.Sprintf("transaction %s is applied and waits to be confirmed until %s", e.ID, e.Deadline.Local().Format(time.DateTime))
}

// A NotWaitingError says that there is nothing to confirm or to take back.
type NotWaitingError struct {
	ID   string // the one asked for, or ""
	Open string // the one that is open, or ""
}

func (e *NotWaitingError) Error() string {
	switch {
	case e.Open != "" && (e.ID == "" || e.ID == e.Open):
		return fmt.Sprintf("transaction %s does not wait to be confirmed: it was interrupted", e.Open)
	case e.ID == "":
		return "nothing waits to be confirmed"
	case e.Open != "":
		return fmt.Sprintf("transaction %s does not wait to be confirmed; the open one is %s", e.ID, e.Open)
	}
	return fmt.Sprintf("transaction %s does not wait to be confirmed", e.ID)
}

// A LateError says that the time to confirm is over. The transaction is still
// open: recovery takes it back.
type LateError struct {
	ID       string
	Deadline time.Time
}

func (e *LateError) Error() string {
	return fmt.Sprintf("cannot confirm transaction %s: its time was over at %s", e.ID, e.Deadline.Local().Format(time.DateTime))
}

// An UnfinishedError says that an undo, or the tidying after a commit, could
// not be completed. The transaction stays open; a later recovery goes on.
type UnfinishedError struct {
	ID  string
	Err error
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("cannot finish transaction %s: %v (remove the cause, then run recovery)", e.ID, e.Err)
}

// Unwrap returns the cause.
func (e *UnfinishedError) Unwrap() error { return e.Err }
