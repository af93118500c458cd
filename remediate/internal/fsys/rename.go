package fsys

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Swap puts the file tmp in place of name, if name is what want says, and
// leaves the displaced file at tmp. An editor who was faster loses nothing: the
// displaced file is compared after the exchange, and put back with a
// *ChangedError if it is another one. On file systems without RENAME_EXCHANGE
// it compares and renames; then tmp is gone.
func (d *Dir) Swap(tmp, name string, want resource.Fingerprint) error {
	if err := d.expect(name, name, want); err != nil {
		return err
	}
	err := d.rename2(tmp, name, unix.RENAME_EXCHANGE)
	if unsupported(err) {
		return d.fail("replace", name, unix.Renameat(d.fd, tmp, d.fd, name))
	}
	if err != nil {
		return d.fail("replace", name, err)
	}
	if changed := d.expect(tmp, name, want); changed != nil {
		if err := d.rename2(tmp, name, unix.RENAME_EXCHANGE); err != nil {
			return errors.Join(changed, d.fail("put back", name, err))
		}
		return changed
	}
	return nil
}

// Unswap exchanges tmp and name without conditions.
func (d *Dir) Unswap(tmp, name string) error {
	return d.fail("put back", name, d.rename2(tmp, name, unix.RENAME_EXCHANGE))
}

// Place renames tmp to name, which must be absent (else fs.ErrExist).
func (d *Dir) Place(tmp, name string) error {
	err := d.rename2(tmp, name, unix.RENAME_NOREPLACE)
	if unsupported(err) {
		there, e := d.Exists(name)
		switch {
		case e != nil:
			return e
		case there:
			err = unix.EEXIST
		default:
			err = unix.Renameat(d.fd, tmp, d.fd, name)
		}
	}
	return d.fail("create", name, err)
}

// Take renames name to tmp, if name is what want says; otherwise name stays or
// is put back, with a *ChangedError.
func (d *Dir) Take(name, tmp string, want resource.Fingerprint) error {
	if err := d.expect(name, name, want); err != nil {
		return err
	}
	if err := d.Place(name, tmp); err != nil {
		return err
	}
	if changed := d.expect(tmp, name, want); changed != nil {
		return errors.Join(changed, d.Place(tmp, name))
	}
	return nil
}

// expect compares what lies at name with want; shown is for the message.
func (d *Dir) expect(name, shown string, want resource.Fingerprint) error {
	now, err := d.Fingerprint(name)
	if err != nil {
		return err
	}
	if what := Differs(want, now); what != "" {
		return &ChangedError{Path: filepath.Join(d.path, shown), What: what, Now: now}
	}
	return nil
}

func (d *Dir) rename2(from, to string, flags uint) error {
	return unix.Renameat2(d.fd, from, d.fd, to, flags)
}

// unsupported: EINVAL is how renameat2(2) refuses a flag that the file system
// lacks, ENOSYS how a kernel refuses the call.
func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)
}

// Differs is want.Differs(now), but an SELinux label that want does not know,
// because the kernel chose it for a new file, does not count.
func Differs(want, now resource.Fingerprint) string {
	if _, known := want.Xattrs[SELinuxXattr]; !known && now.Xattrs[SELinuxXattr] != "" {
		now.Xattrs = maps.Clone(now.Xattrs)
		delete(now.Xattrs, SELinuxXattr)
	}
	return want.Differs(now)
}

// xattrOrder lists the names with the ACL first.
func xattrOrder(m map[string]string) []string {
	names := slices.Sorted(maps.Keys(m))
	if i := slices.Index(names, aclXattr); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, aclXattr)
	}
	return names
}
