package txn

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A tx is one open transaction.
type tx struct {
	m     *Manager
	in    *Intent
	dir   *fsys.Dir // txn/ID
	wal   *wal
	after [][]byte // not after a crash

	foreign []int    // see record.Foreign
	notes   []string // for the result
	later   []string // what steps left to a later recovery
	walErr  error    // first record of the undo that could not be written
}

func (t *tx) log(phase, path string) {
	t.m.opt.Log(Event{ID: t.in.ID, Phase: phase, Path: path})
}

func (t *tx) close() {
	t.wal.f.Close()
	t.dir.Close()
}

// create writes txn/ID in full and durable before it gets its name.
func (m *Manager) create(in *Intent, d *draft) (*tx, error) {
	m.opt.Log(Event{ID: in.ID, Phase: "journal"})
	all, err := m.openTxns()
	if err != nil {
		return nil, err
	}
	defer all.Close()
	tmp := ".new-" + in.ID
	err = m.fillJournal(all, tmp, in, d)
	if err == nil {
		err = all.Place(tmp, in.ID)
	}
	if err == nil {
		err = all.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, all.RemoveAll(tmp), all.RemoveAll(in.ID))
	}
	t, err := m.openTx(in.ID)
	if err != nil {
		return nil, errors.Join(err, all.RemoveAll(in.ID))
	}
	t.after = d.after
	return t, nil
}

func (m *Manager) openTxns() (*fsys.Dir, error) {
	there, err := m.state.Exists(txnName)
	if err == nil && !there {
		err = m.state.MakePrivate(txnName)
		if err == nil {
			err = m.state.Sync()
		}
	}
	if err != nil {
		return nil, err
	}
	return m.state.OpenDir(txnName)
}

func (m *Manager) fillJournal(all *fsys.Dir, tmp string, in *Intent, d *draft) error {
	if err := all.MakePrivate(tmp); err != nil {
		return err
	}
	dir, err := all.OpenDir(tmp)
	if err != nil {
		return err
	}
	defer dir.Close()
	j, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the intent: %w", err)
	}
	sum, _ := json.Marshal(resource.Sum(j))
	begin, err := formatRecord(1, record{Kind: recBegin, At: in.Created, Data: sum})
	if err != nil {
		return fmt.Errorf("cannot write the log: %w", err)
	}
	return errors.Join(
		fillCopies(dir, "before", d.before, in.Ops),
		fillCopies(dir, "after", d.after, nil),
		dir.Write("intent.json", j),
		dir.Write("wal", begin),
		dir.Sync(),
	)
}

// fillCopies writes the bytes of each operation to name/N, and the metadata to
// name/N.meta for people who restore by hand.
func fillCopies(dir *fsys.Dir, name string, copies [][]byte, meta []Op) error {
	if err := dir.MakePrivate(name); err != nil {
		return err
	}
	sub, err := dir.OpenDir(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	for n, b := range copies {
		if b != nil {
			err = errors.Join(err, sub.Write(strconv.Itoa(n), b))
		}
	}
	for _, op := range meta {
		if op.Before.Exists() {
			j, e := json.Marshal(op.Before)
			err = errors.Join(err, e, sub.Write(strconv.Itoa(op.N)+".meta", j))
		}
	}
	return errors.Join(err, sub.Sync())
}

// openTx reads a transaction back, or refuses with a *DamagedError.
func (m *Manager) openTx(id string) (*tx, error) {
	in, recs, err := m.load(id)
	if err != nil {
		return nil, err
	}
	dir, err := m.root.OpenDir(m.file(filepath.Join(txnName, id)))
	if err != nil {
		return nil, err
	}
	f, err := dir.Open("wal", unix.O_RDWR, 0)
	if err != nil {
		dir.Close()
		return nil, err
	}
	w := &wal{f: f, recs: recs.list, end: int64(recs.good), torn: recs.torn, now: m.opt.Now}
	return &tx{m: m, in: in, dir: dir, wal: w}, nil
}

type walRead struct {
	list []record
	good int
	torn bool
}

// load reads intent and log of a transaction.
func (r *Reader) load(id string) (*Intent, walRead, error) {
	where := func(name string) string { return r.file(filepath.Join(txnName, id, name)) }
	b, err := r.slurp(filepath.Join(txnName, id), "wal")
	if err != nil {
		return nil, walRead{}, err
	}
	recs, good, err := parseWAL(b)
	if err == nil {
		err = checkOrder(recs)
	}
	if err != nil {
		return nil, walRead{}, &DamagedError{where("wal"), err.Error()}
	}
	j, err := r.slurp(filepath.Join(txnName, id), "intent.json")
	if err != nil {
		return nil, walRead{}, err
	}
	var sum string
	if json.Unmarshal(recs[0].Data, &sum) != nil || sum != resource.Sum(j) {
		return nil, walRead{}, &DamagedError{where("intent.json"), "it is not the file that the log began with"}
	}
	in, err := parseIntent(j, id)
	if err != nil {
		return nil, walRead{}, &DamagedError{where("intent.json"), err.Error()}
	}
	return in, walRead{recs, good, good < len(b)}, nil
}

// checkOrder refuses a log that no run writes.
func checkOrder(recs []record) error {
	if len(recs) == 0 || recs[0].Kind != recBegin {
		return errors.New("it does not begin with BEGIN")
	}
	at := func(kind string) int {
		return slices.IndexFunc(recs, func(r record) bool { return r.Kind == kind })
	}
	if at(recCommit) >= 0 && at(recAbort) >= 0 {
		return errors.New("it has both COMMIT and ABORT")
	}
	return nil
}

// backup returns the verified bytes from before operation n.
func (t *tx) backup(op Op) ([]byte, error) {
	if op.Before.Type != resource.Regular {
		return nil, nil
	}
	return t.m.copyOf(t.in.ID, "before", op.N, op.Before.SHA256)
}

func (r *Reader) copyOf(id, which string, n int, sum string) ([]byte, error) {
	dir, name := filepath.Join(txnName, id, which), strconv.Itoa(n)
	b, err := r.slurp(dir, name)
	if err != nil {
		return nil, err
	}
	if b == nil || resource.Sum(b) != sum {
		return nil, &DamagedError{r.file(filepath.Join(dir, name)), "it is missing or not the copy that was made"}
	}
	return b, nil
}

// parent opens the directory of op for writing; nil if it is missing.
func (t *tx) parent(op Op) (*fsys.Dir, string, error) {
	d, err := t.m.root.OpenDir(filepath.Dir(op.Path))
	if fsys.IsNotExist(err) {
		return nil, "", nil
	}
	return d, filepath.Base(op.Path), err
}
