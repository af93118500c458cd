package txn

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Names in the state directory.
const (
	activeName = "ACTIVE"
	stateName  = "state.json"
	txnName    = "txn"
	lockName   = "lock"
)

// State is what outlives transactions.
type State struct {
	Format int `json:"format"`
	// Lineage is a random UUID that tells this history from that of another
	// host or an earlier installation. Empty before the first transaction.
	Lineage string `json:"lineage"`
	// Serial counts transactions, rolled back ones too, so that a saved plan
	// serves once.
	Serial        uint64 `json:"serial"`
	LastTxn       string `json:"last_txn,omitempty"`
	LastConfirmed string `json:"last_confirmed,omitempty"`
	Hold          *Hold  `json:"hold,omitempty"`
}

// A Hold refuses a plan that had to be rolled back, until a person asks for it
// again: else configuration management would restart the daemon for ever.
type Hold struct {
	PlanSHA string    `json:"plan_sha"`
	Reason  string    `json:"reason"`
	When    time.Time `json:"when"`
	Txn     string    `json:"txn,omitempty"`
}

// A Reader reads the journal without a lock and without writing. What it sees
// while a transaction runs may be a moment old.
type Reader struct {
	root *fsys.Root
	path string
}

// OpenRead returns a reader of the state directory at path below root. A
// directory that does not exist reads as an empty history.
func OpenRead(root *fsys.Root, path string) (*Reader, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("cannot use state directory %q: it must be absolute", path)
	}
	return &Reader{root: root, path: filepath.Clean(path)}, nil
}

// dir opens a directory of the journal; nil without error if it is not there.
func (r *Reader) dir(names ...string) (*fsys.Dir, error) {
	d, err := r.root.OpenDir(filepath.Join(append([]string{r.path}, names...)...))
	if fsys.IsNotExist(err) {
		return nil, nil
	}
	return d, err
}

// slurp reads one file of the journal; nil if it is not there.
func (r *Reader) slurp(dir, name string) ([]byte, error) {
	d, err := r.dir(dir)
	if err != nil || d == nil {
		return nil, err
	}
	defer d.Close()
	f, err := d.File(name)
	if err == nil && f.Print.Exists() && f.Print.Type != resource.Regular {
		// Read as absent it would be a history that never was.
		return nil, &DamagedError{r.file(filepath.Join(dir, name)), fmt.Sprintf("it is no regular file (%s)", f.Print.Type)}
	}
	return f.Content, err
}

// State reads state.json; the zero State if there was no transaction yet.
func (r *Reader) State() (State, error) {
	b, err := r.slurp("", stateName)
	if err != nil || b == nil {
		return State{}, err
	}
	s, err := parseState(b)
	if err != nil {
		return State{}, &DamagedError{r.file(stateName), err.Error()}
	}
	return s, nil
}

func parseState(b []byte) (State, error) {
	var s State
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	if s.Format != Format {
		return s, fmt.Errorf("it has format %d, this program knows %d", s.Format, Format)
	}
	for _, id := range []string{s.LastTxn, s.LastConfirmed} {
		if id != "" && !idPattern.MatchString(id) {
			return s, fmt.Errorf("%.80q is not the id of a transaction", id)
		}
		// The next one would name it as the one before, and be refused as damaged.
		if id != "" && !older(id, fmt.Sprint(s.Serial+1)) {
			return s, fmt.Errorf("%s is newer than the last transaction, which has number %d", id, s.Serial)
		}
	}
	return s, nil
}

// Hold returns the hold, or nil.
func (r *Reader) Hold() (*Hold, error) {
	s, err := r.State()
	return s.Hold, err
}

// Active returns the id of the open transaction, or "".
func (r *Reader) Active() (string, error) {
	b, err := r.slurp("", activeName)
	if err != nil || b == nil {
		return "", err
	}
	id := strings.TrimSuffix(string(b), "\n")
	if !idPattern.MatchString(id) || string(b) != id+"\n" {
		return "", &DamagedError{r.file(activeName), "it does not hold the id of a transaction"}
	}
	return id, nil
}

func (r *Reader) file(name string) string { return filepath.Join(r.path, name) }

// saveState replaces state.json.
func (m *Manager) saveState(s State) error {
	s.Format = Format
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", m.file(stateName), err)
	}
	return m.state.Replace(stateName, append(b, '\n'))
}

// SetHold refuses planSHA until ClearHold.
func (m *Manager) SetHold(planSHA, reason string) error {
	s, err := m.State()
	if err != nil {
		return err
	}
	if s.Lineage == "" {
		return errors.New("cannot set a hold: there was no transaction yet")
	}
	s.Hold = &Hold{PlanSHA: planSHA, Reason: reason, When: m.opt.Now().UTC()}
	return m.saveState(s)
}

// ClearHold removes the hold; without one it writes nothing.
func (m *Manager) ClearHold() error {
	s, err := m.State()
	if err != nil || s.Hold == nil {
		return err
	}
	s.Hold = nil
	return m.saveState(s)
}
