package txn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
)

// lockPoll is the pause between two tries for a lock.
const lockPoll = 25 * time.Millisecond

// A flock is the lock of the state directory. The file is never unlinked: a
// second run could otherwise lock a new file of the same name. The kernel frees
// the lock when the last process that has it open ends.
type flock struct {
	f *os.File
}

// holder is what the lock file says of who has it; information only.
type holder struct {
	PID    int       `json:"pid"`
	BootID string    `json:"boot_id"`
	Start  uint64    `json:"start_ticks"`
	Argv   []string  `json:"argv"`
	Since  time.Time `json:"since"`
}

func takeFlock(ctx context.Context, state *fsys.Dir, timeout time.Duration) (*flock, error) {
	f, err := openLock(state)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(state.Path(), lockName)
	err = poll(ctx, timeout, func() error {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return busy(path, f)
		}
		if err != nil {
			return fmt.Errorf("cannot lock %s: %w", path, err)
		}
		return nil
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return &flock{f: f}, nil
}

// openLock opens for reading first: a run that changes nothing writes nothing.
// Later the holder's name is written into it, so it must be no other file's.
func openLock(state *fsys.Dir) (*os.File, error) {
	if _, err := state.Check(lockName); err != nil {
		return nil, err
	}
	f, err := state.Open(lockName, unix.O_RDONLY, 0)
	if fsys.IsNotExist(err) {
		return state.Open(lockName, unix.O_RDONLY|unix.O_CREAT, 0o600)
	}
	return f, err
}

// poll calls try until it returns anything but a *BusyError, or time is up.
func poll(ctx context.Context, timeout time.Duration, try func() error) error {
	end := time.Now().Add(timeout)
	for {
		err := try()
		var b *BusyError
		if !errors.As(err, &b) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(lockPoll):
		}
	}
}

func busy(path string, f *os.File) error {
	e := &BusyError{Lock: path}
	b := make([]byte, 16<<10)
	n, _ := f.ReadAt(b, 0)
	var h holder
	if json.Unmarshal(b[:n], &h) == nil && startTicks(h.PID) == h.Start && h.Start != 0 {
		e.PID, e.Argv = h.PID, h.Argv
	}
	if e.PID == 0 {
		e.PID, e.Argv = ownerOf(f)
	}
	return e
}

// ownerOf asks the kernel who took the lock on f (proc_locks(5)); that process
// may have ended and left the lock to a child.
func ownerOf(f *os.File) (int, []string) {
	var st unix.Stat_t
	b, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Fstat(int(f.Fd()), &st) != nil {
		return 0, nil
	}
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino) //nolint:unconvert // differs by architecture
	for line := range strings.Lines(string(b)) {
		w := strings.Fields(line)
		if len(w) < 6 || w[1] != "FLOCK" || w[5] != want {
			continue
		}
		if pid, _ := strconv.Atoi(w[4]); pid > 0 {
			return pid, cmdline(pid)
		}
	}
	return 0, nil
}

func cmdline(pid int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// startTicks is field 22 of /proc/PID/stat, 0 if there is no such process.
func startTicks(pid int) uint64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold spaces and parentheses.
	w := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(w) < 20 {
		return 0
	}
	n, _ := strconv.ParseUint(string(w[19]), 10, 64)
	return n
}

// sign writes into the lock file who holds it. It is called before the first
// change only. A failure is not one of the transaction.
func (m *Manager) sign() {
	f, err := m.state.Open(lockName, unix.O_WRONLY|unix.O_TRUNC, 0)
	if err != nil {
		return
	}
	defer f.Close()
	_ = json.NewEncoder(f).Encode(holder{
		PID: os.Getpid(), BootID: m.opt.BootID, Start: startTicks(os.Getpid()), Argv: os.Args, Since: m.opt.Now().UTC(),
	})
}
