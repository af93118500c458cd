package txn

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

// Options say where and with what transactions run.
type Options struct {
	Root *fsys.Root
	// StateDir is absolute and below Root, such as /var/lib/bulwark. It is
	// made if it is missing, its parent must exist.
	StateDir string
	// Steps are the handlers for everything that is not a file. Recovery has
	// only them and the journal.
	Steps []Step
	// Log, if set, is told of each phase as it begins.
	Log func(Event)
	// LockTimeout bounds the wait for each lock; 0 means no wait.
	LockTimeout time.Duration
	// AccountsTimeout is the least wait for the lock of the account files:
	// useradd and its kin hold it for moments only.
	AccountsTimeout time.Duration

	// Now, Uptime, Random and BootID stand in for the clock, CLOCK_BOOTTIME,
	// 4 random bytes or more, and /proc/sys/kernel/random/boot_id.
	Now    func() time.Time
	Uptime func() time.Duration
	Random func(n int) []byte
	BootID string
}

// An Event is one phase of a transaction, for progress.
type Event struct {
	ID    string // of the transaction
	Phase string // "journal", "arm", "stage", "validate", "files", "step", "health", "commit", "undo", "tidy"
	Path  string // of a file, or the name of a step
	Note  string
}

// A Step changes something that is not a file. Do runs after all files are in
// place. To take it back, Quiesce runs before the files are put back and
// Restore after. All three may be called again after a crash, so Quiesce and
// Restore judge by the state of the host. A Restore that finds what somebody else
// changed since leaves that and returns a *ForeignError; one that cannot be so
// early in the boot, a *LaterError.
type Step interface {
	Name() string
	Do(ctx context.Context, payload json.RawMessage) (json.RawMessage, error)
	Quiesce(ctx context.Context, payload json.RawMessage, info UndoInfo) error
	Restore(ctx context.Context, payload json.RawMessage, info UndoInfo) error
}

// UndoInfo tells a Step what the journal knows.
type UndoInfo struct {
	// Did says that Do was begun; false does not prove that the host is
	// unchanged, for others may have restarted the service.
	Did bool
	// Done is what Do returned; nil if it did not return.
	Done json.RawMessage
	// SameBoot is false if the machine was started anew since.
	SameBoot bool
	// Boot says that this is the recovery early in the boot, before services.
	Boot bool
	// Fresh says that services have started since the recovery early in a boot
	// put all files back: they have never read the new ones, or have no more.
	Fresh bool
	// Force asks to overwrite what somebody else changed since.
	Force bool
}

// A Manager runs transactions. While it is open no other one is.
type Manager struct {
	*Reader
	opt   Options
	state *fsys.Dir
	lock  *flock
}

// Open takes the lock of the state directory, and makes the directory when it
// is missing. Another holder is a *BusyError; a directory that others can enter
// or replace is an *fsys.UnsafeError.
func Open(ctx context.Context, opt Options) (*Manager, error) {
	if err := opt.fill(); err != nil {
		return nil, err
	}
	r, err := OpenRead(opt.Root, opt.StateDir)
	if err != nil {
		return nil, err
	}
	state, err := openState(opt.Root, r.path)
	if err != nil {
		return nil, err
	}
	lock, err := takeFlock(ctx, state, opt.LockTimeout)
	if err != nil {
		state.Close()
		return nil, err
	}
	return &Manager{Reader: r, opt: opt, state: state, lock: lock}, nil
}

// Close releases the lock.
func (m *Manager) Close() error { return errors.Join(m.lock.f.Close(), m.state.Close()) }

// LockFile is the open lock, to be handed to short-lived children that change
// the host (exec.Cmd.ExtraFiles): the lock then stays held until they end, even
// if this process is killed. Never hand it to anything that may daemonise.
func (m *Manager) LockFile() *os.File { return m.lock.f }

func (o *Options) fill() error {
	if o.Root == nil {
		return errors.New("cannot open the journal: no root given")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Uptime == nil {
		o.Uptime = uptime
	}
	if o.Random == nil {
		o.Random = func(n int) []byte {
			b := make([]byte, n)
			_, _ = rand.Read(b) // never fails (crypto/rand since Go 1.24)
			return b
		}
	}
	if o.Log == nil {
		o.Log = func(Event) {}
	}
	if o.BootID == "" {
		id, err := bootID()
		if err != nil {
			return err
		}
		o.BootID = id
	}
	return nil
}

func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot tell this boot from others: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// openState opens the state directory, 0700 and the caller's or root's.
func openState(root *fsys.Root, path string) (*fsys.Dir, error) {
	d, err := root.OpenDir(path)
	if fsys.IsNotExist(err) {
		d, err = makeState(root, path)
	}
	if err != nil {
		return nil, err
	}
	p, err := d.Stat()
	if err == nil && p.Mode&0o077 != 0 {
		err = &fsys.UnsafeError{Path: path, Why: fmt.Sprintf("the journal must be private, but has mode %04o (chmod 0700 it)", p.Mode)}
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func makeState(root *fsys.Root, path string) (*fsys.Dir, error) {
	parent, err := root.OpenDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	err = parent.MakePrivate(filepath.Base(path))
	if err != nil && !errors.Is(err, fs.ErrExist) { // two first runs at once
		return nil, err
	}
	if err := parent.Sync(); err != nil {
		return nil, err
	}
	return parent.OpenDir(filepath.Base(path))
}

// newID returns serial-UTC-random; it sorts by age.
func (m *Manager) newID(serial uint64, at time.Time) string {
	return fmt.Sprintf("%06d-%s-%s", serial, at.UTC().Format("20060102T150405Z"), hex.EncodeToString(m.opt.Random(4)))
}

func (m *Manager) newLineage() string {
	b := append([]byte{}, m.opt.Random(16)...)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // RFC 9562, version 4
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
