package fsys

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Write creates name, which must not exist, with mode 0600 and makes its bytes
// durable. The entry in the directory is durable only after Sync.
func (d *Dir) Write(name string, content []byte) error {
	f, err := d.create(name, content)
	if err != nil {
		return err
	}
	return d.seal(name, f)
}

// Replace writes name, existing or not, so that readers and a power cut see the
// old or the new bytes, never a part. It leaves name+".tmp" if it is killed.
func (d *Dir) Replace(name string, content []byte) error {
	tmp := name + ".tmp"
	if err := d.Remove(tmp); err != nil {
		return err
	}
	err := d.Write(tmp, content)
	if err == nil {
		err = d.fail("rename", tmp, unix.Renameat(d.fd, tmp, d.fd, name))
	}
	if err != nil {
		return errors.Join(err, d.Remove(tmp))
	}
	return d.Sync()
}

// Stage creates name with the bytes and with the owner, mode and extended
// attributes of want, and makes it durable. With mtime it also gets want's
// time of modification. Attributes that the directory passed on (a default
// ACL) are removed, but for the SELinux label.
func (d *Dir) Stage(name string, content []byte, want resource.Fingerprint, mtime bool) error {
	f, err := d.create(name, content)
	if err != nil {
		return err
	}
	err = dress(int(f.Fd()), want)
	if err == nil && mtime {
		ts := unix.NsecToTimespec(want.MtimeNS)
		err = unix.UtimesNanoAt(d.fd, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		f.Close()
		return d.fail("set owner, mode or attributes of", name, err)
	}
	return d.seal(name, f)
}

func (d *Dir) create(name string, content []byte) (*os.File, error) {
	if err := d.appendOnly(); err != nil {
		return nil, err
	}
	f, err := d.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return nil, d.fail("write", name, err)
	}
	return f, nil
}

// seal syncs and closes. A failed fsync is final: the kernel forgets the dirty
// pages, so that a second one would succeed without having written them
// (fsync(2), "fsyncgate" 2018).
func (d *Dir) seal(name string, f *os.File) error {
	err := retry(func() error { return unix.Fsync(int(f.Fd())) })
	if err != nil {
		f.Close()
		return d.fail("sync", name, err)
	}
	return d.fail("close", name, f.Close())
}

// dress gives a new file its metadata. The order matters: chown(2) clears
// setuid bits, so mode comes after it; chmod rewrites the mask of an ACL, so the
// ACL comes after mode.
func dress(fd int, want resource.Fingerprint) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Uid != want.UID || st.Gid != want.GID {
		if err := unix.Fchown(fd, int(want.UID), int(want.GID)); err != nil {
			return fmt.Errorf("owner %d:%d: %w", want.UID, want.GID, err)
		}
	}
	if err := unix.Fchmod(fd, want.Mode); err != nil {
		return fmt.Errorf("mode %04o: %w", want.Mode, err)
	}
	return setXattrs(fd, want.Xattrs)
}

const (
	aclXattr = "system.posix_acl_access"
	// SELinuxXattr is the label; a new file has the one that the kernel
	// derives from its directory.
	SELinuxXattr = "security.selinux"
)

func setXattrs(fd int, want map[string]string) error {
	have, err := xattrs(fd)
	if err != nil {
		return err
	}
	for name := range have {
		if _, ok := want[name]; ok || name == SELinuxXattr {
			continue
		}
		if err := unix.Fremovexattr(fd, name); err != nil {
			return fmt.Errorf("extended attribute %s: %w", name, err)
		}
	}
	for _, name := range xattrOrder(want) {
		if have[name] == want[name] {
			continue
		}
		v, err := hex.DecodeString(want[name])
		if err == nil {
			err = unix.Fsetxattr(fd, name, v, 0)
		}
		if err != nil {
			return fmt.Errorf("extended attribute %s: %w", name, err)
		}
	}
	return nil
}

// Mkdir makes the directory name by way of the unused name tmp, so that it
// appears with its final owner and mode or not at all. It fails with
// fs.ErrExist if something is at name.
func (d *Dir) Mkdir(tmp, name string, want resource.Fingerprint) error {
	if err := d.appendOnly(); err != nil {
		return err
	}
	if err := unix.Mkdirat(d.fd, tmp, 0o700); err != nil {
		return d.fail("make directory", tmp, err)
	}
	fd, err := openRetry(d.fd, tmp, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return d.fail("open", tmp, err)
	}
	defer unix.Close(fd)
	if err := dress(fd, want); err != nil {
		return d.fail("set owner or mode of", tmp, err)
	}
	if err := retry(func() error { return unix.Fsync(fd) }); err != nil {
		return d.fail("sync", tmp, err)
	}
	return d.Place(tmp, name)
}

// Remove unlinks name; that it is absent is no error.
func (d *Dir) Remove(name string) error { return d.unlink(name, 0) }

// Rmdir removes the empty directory name; that it is absent is no error.
func (d *Dir) Rmdir(name string) error { return d.unlink(name, unix.AT_REMOVEDIR) }

func (d *Dir) unlink(name string, flags int) error {
	there, err := d.Exists(name)
	if err != nil || !there {
		return err
	}
	return d.fail("remove", name, unix.Unlinkat(d.fd, name, flags))
}

// MakePrivate makes the directory name with mode 0700.
func (d *Dir) MakePrivate(name string) error {
	return d.fail("make directory", name, unix.Mkdirat(d.fd, name, 0o700))
}

// RemoveAll removes name and all below it; that it is absent is no error.
func (d *Dir) RemoveAll(name string) error {
	p, err := d.Fingerprint(name)
	if err != nil || !p.Exists() {
		return err
	}
	if p.Type != resource.Dir {
		return d.Remove(name)
	}
	sub, err := d.OpenDir(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	names, err := sub.Names()
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := sub.RemoveAll(n); err != nil {
			return err
		}
	}
	return d.Rmdir(name)
}
