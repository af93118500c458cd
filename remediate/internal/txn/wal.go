package txn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The kinds of record in the write-ahead log.
const (
	recBegin     = "BEGIN" // Data: hex SHA-256 of intent.json
	recStaged    = "STAGED"
	recValidated = "VALIDATED" // from here on, targets may be new
	recFiles     = "FILES"
	recDo        = "DO"
	recDone      = "DONE"
	recHealth    = "HEALTH"
	recAwait     = "AWAIT" // applied, waits to be confirmed; Data: await
	recCommit    = "COMMIT"
	recAbort     = "ABORT"
	recUndo      = "UNDO" // from here on, the target of N may be old again
	recBack      = "BACK" // all files are back; services start with them, or have
	recAborted   = "ABORTED"
	recConflict  = "CONFLICT"
)

// A record is one line of the log: crc32c in hex, sequence number, JSON.
type record struct {
	Kind   string          `json:"kind"`
	N      int             `json:"n,omitempty"`
	At     time.Time       `json:"at"`
	Reason string          `json:"reason,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	// Foreign, of ABORT, lists operations whose target was found changed by
	// somebody else before it was touched: it is not ours to put back.
	Foreign []int `json:"foreign,omitempty"`
	// Hold, of ABORT, says that the same plan must not be tried again unasked.
	Hold bool `json:"hold,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func formatRecord(seq int, r record) ([]byte, error) {
	j, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	body := fmt.Appendf(nil, "%d %s", seq, j)
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(body, castagnoli), body), nil
}

func parseLine(line []byte, seq int) (record, error) {
	var r record
	sum, body, _ := bytes.Cut(line, []byte(" "))
	if want := fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)); string(sum) != want {
		return r, errors.New("checksum differs")
	}
	num, j, _ := bytes.Cut(body, []byte(" "))
	if string(num) != strconv.Itoa(seq) {
		return r, fmt.Errorf("record %q stands in place of %d", num, seq)
	}
	err := json.Unmarshal(j, &r)
	return r, err
}

// parseWAL returns the records and the length of the good part. A bad last line
// is the torn tail of a write that a crash cut off, and not an error; a bad line
// before it is.
func parseWAL(b []byte) (recs []record, good int, err error) {
	for good < len(b) {
		line, rest, whole := bytes.Cut(b[good:], []byte("\n"))
		if !whole {
			break
		}
		r, err := parseLine(line, len(recs)+1)
		if err != nil && len(rest) > 0 {
			return recs, good, fmt.Errorf("line %d: %w", len(recs)+1, err)
		}
		if err != nil {
			break
		}
		recs = append(recs, r)
		good += len(line) + 1
	}
	return recs, good, nil
}

// A wal appends to the log of one transaction.
type wal struct {
	f    *os.File
	recs []record
	end  int64 // length of the good part
	// torn says that bytes beyond end may exist: truncate before appending.
	torn bool
	// attempted is the kind of the last record that append tried to write.
	attempted string
	now       func() time.Time
}

func (w *wal) has(kind string) bool {
	return slices.ContainsFunc(w.recs, func(r record) bool { return r.Kind == kind })
}

func (w *wal) find(kind string, n int) (record, bool) {
	i := slices.IndexFunc(w.recs, func(r record) bool { return r.Kind == kind && r.N == n })
	if i < 0 {
		return record{}, false
	}
	return w.recs[i], true
}

// append makes r durable. When it fails, the log is as it was before: a record
// of which it is not known whether it is durable must not be there, least of
// all COMMIT. If not even that can be had, errDoubt is in the error.
func (w *wal) append(r record) error {
	if r.Kind == recCommit && w.has(recAbort) || r.Kind == recAbort && w.has(recCommit) {
		return fmt.Errorf("cannot append %s to the log: the direction is decided", r.Kind)
	}
	if err := w.mend(); err != nil {
		return err
	}
	r.At = w.now().UTC()
	line, err := formatRecord(len(w.recs)+1, r)
	if err != nil {
		return fmt.Errorf("cannot append %s to the log: %w", r.Kind, err)
	}
	w.torn, w.attempted = true, r.Kind
	if err := w.write(line); err != nil {
		return errors.Join(fmt.Errorf("cannot append %s to %s: %w", r.Kind, w.f.Name(), err), w.mend())
	}
	w.torn = false
	w.end += int64(len(line))
	w.recs = append(w.recs, r)
	return nil
}

// errDoubt marks a failure after which only the disk knows the last record.
var errDoubt = errors.New("the end of the log is in doubt")

func (w *wal) write(line []byte) error {
	if _, err := w.f.WriteAt(line, w.end); err != nil {
		return err
	}
	return datasync(w.f)
}

// mend cuts off what is beyond the good part, so that no record is glued to
// garbage.
func (w *wal) mend() error {
	if !w.torn {
		return nil
	}
	err := w.f.Truncate(w.end)
	if err == nil {
		err = datasync(w.f)
	}
	if err != nil {
		return fmt.Errorf("%w: cannot truncate %s: %w", errDoubt, w.f.Name(), err)
	}
	w.torn = false
	return nil
}

func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
