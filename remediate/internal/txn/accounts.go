package txn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// accountFiles have a lock file NAME.lock that shadow-utils makes by link(2),
// with the PID of its holder inside (shadow lib/commonio.c).
var accountFiles = []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"}

// lockAccounts takes lckpwdf(3)'s lock on /etc/.pwd.lock. It is an open file
// description lock: those exclude the process locks of fcntl(2) that libc uses,
// and the kernel frees them when we are killed, unlike a lock made by link(2).
func (m *Manager) lockAccounts(ctx context.Context, ops []Op) (release func(), err error) {
	if !needsAccounts(ops) {
		return func() {}, nil
	}
	etc, err := m.root.OpenDir("/etc")
	if err != nil {
		return nil, fmt.Errorf("cannot lock the account files: %w", err)
	}
	defer etc.Close()
	f, err := etc.Open(".pwd.lock", unix.O_WRONLY|unix.O_CREAT, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the account files: %w", err)
	}
	err = poll(ctx, max(m.opt.LockTimeout, m.opt.AccountsTimeout), func() error {
		lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return &BusyError{Lock: "/etc/.pwd.lock"}
		}
		if err != nil {
			return fmt.Errorf("cannot lock /etc/.pwd.lock: %w", err)
		}
		if b := linkHolder(etc); b != nil {
			lk.Type = unix.F_UNLCK // let the other go on while we wait
			_ = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk)
			return b
		}
		return nil
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

func needsAccounts(ops []Op) bool {
	for _, op := range ops {
		if op.Lock == resource.LockAccounts {
			return true
		}
	}
	return false
}

// linkHolder reports a lock file whose process is alive. One with a dead or
// unreadable PID is stale, as for shadow-utils.
func linkHolder(etc *fsys.Dir) error {
	for _, name := range accountFiles {
		f, err := etc.File(name + ".lock")
		if err != nil || !f.Print.Exists() {
			continue
		}
		pid, err := strconv.Atoi(string(bytes.TrimRight(bytes.TrimSpace(f.Content), "\x00")))
		if err == nil && pid > 0 && alive(pid) {
			return &BusyError{Lock: filepath.Join("/etc", name+".lock"), PID: pid, Argv: cmdline(pid)}
		}
	}
	return nil
}

func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}
