package fsys

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// MaxFile is the size in bytes above which File refuses a file: no
// configuration is that large.
const MaxFile = 16 << 20

// readTries bounds how often a file that is replaced or written meanwhile is
// read again.
const readTries = 8

var errMoving = errors.New("it changes while it is read")

// File returns the state and the bytes of path; links in parents are followed
// inside the root, a final link is not. An absent file is no error. A regular
// file of more than MaxFile bytes is refused.
func (r *Root) File(path string) (resource.File, error) {
	f, err := r.read(path, true)
	if err == nil {
		f.Locked = r.locked(path)
	}
	return f, err
}

// Fingerprint is File without the bytes and without their limit.
func (r *Root) Fingerprint(path string) (resource.Fingerprint, error) {
	f, err := r.read(path, false)
	return f.Print, err
}

func (r *Root) read(path string, content bool) (resource.File, error) {
	rel, err := relative(path)
	if err != nil {
		return resource.File{Path: path}, err
	}
	f, err := look(func(flags int) (int, error) { return r.resolve(rel, flags) }, content)
	f.Path = path
	if err != nil {
		return f, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return f, nil
}

// An opener opens one fixed path with the given flags.
type opener func(flags int) (int, error)

func look(open opener, content bool) (f resource.File, err error) {
	for range readTries {
		f, err = lookOnce(open, content)
		if !errors.Is(err, errMoving) {
			break
		}
	}
	return f, err
}

func lookOnce(open opener, content bool) (resource.File, error) {
	fd, err := open(unix.O_PATH | unix.O_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return resource.File{Print: resource.Fingerprint{Type: resource.Absent}}, nil
	}
	if err != nil {
		return resource.File{}, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return resource.File{}, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return lookRegular(open, st, content)
	case unix.S_IFLNK:
		return lookLink(fd, st)
	}
	return resource.File{Print: statPrint(st)}, nil
}

func lookLink(fd int, st unix.Stat_t) (resource.File, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return resource.File{}, err
	}
	p := statPrint(st)
	p.SHA256 = resource.Sum(buf[:n])
	return resource.File{Print: p}, nil
}

// lookRegular opens the file for reading only after its type is known: opening
// a device can have effects. O_NONBLOCK is for a fifo that slipped in.
func lookRegular(open opener, seen unix.Stat_t, content bool) (resource.File, error) {
	fd, err := open(unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) {
		return resource.File{}, errMoving
	}
	if err != nil {
		return resource.File{}, err
	}
	file := os.NewFile(uintptr(fd), "file")
	defer file.Close()
	var st, end unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return resource.File{}, err
	}
	if st.Ino != seen.Ino || st.Dev != seen.Dev {
		return resource.File{}, errMoving
	}
	f, err := readRegular(file, st, content)
	if err != nil {
		return f, err
	}
	if err := unix.Fstat(fd, &end); err != nil {
		return f, err
	}
	if end.Mtim != st.Mtim || end.Ctim != st.Ctim || end.Size != f.Print.Size {
		return f, errMoving
	}
	return f, nil
}

func readRegular(file *os.File, st unix.Stat_t, content bool) (resource.File, error) {
	f := resource.File{Print: statPrint(st)}
	if content && st.Size > MaxFile {
		return f, fmt.Errorf("it has %d bytes, more than the %d allowed", st.Size, MaxFile)
	}
	sum, buf := sha256.New(), new(bytes.Buffer)
	var to io.Writer = sum
	var from io.Reader = file
	if content {
		to, from = io.MultiWriter(sum, buf), io.LimitReader(file, MaxFile+1)
	}
	n, err := io.Copy(to, from)
	if err != nil {
		return f, err
	}
	f.Print.SHA256, f.Print.Size = hex.EncodeToString(sum.Sum(nil)), n
	if content {
		f.Content = append([]byte{}, buf.Bytes()...)
	}
	fd := int(file.Fd())
	f.Print.Flags = inodeFlags(fd)
	f.Print.Xattrs, err = xattrs(fd)
	return f, err
}

func statPrint(st unix.Stat_t) resource.Fingerprint {
	types := map[uint32]resource.FileType{
		unix.S_IFREG: resource.Regular, unix.S_IFDIR: resource.Dir, unix.S_IFLNK: resource.Symlink,
	}
	t, ok := types[st.Mode&unix.S_IFMT]
	if !ok {
		t = resource.Other
	}
	return resource.Fingerprint{
		Type: t, Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid,
		Nlink:   uint64(st.Nlink), //nolint:unconvert // 32 bits on arm64
		MtimeNS: st.Mtim.Nano(), CtimeNS: st.Ctim.Nano(),
	}
}

// inodeFlags returns the flags that forbid a rename; a file system without
// them (tmpfs before 6.6, NFS) answers with an error, which means none.
func inodeFlags(fd int) uint32 {
	v, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return 0
	}
	return v & (resource.FlagImmutable | resource.FlagAppend)
}

// bound reports attributes that the kernel binds to the content: a copy of
// them would be wrong (IMA and EVM hashes).
func bound(name string) bool { return name == "security.ima" || name == "security.evm" }

func xattrs(fd int) (map[string]string, error) {
	names, err := xattrNames(fd)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	m := make(map[string]string, len(names))
	for _, name := range names {
		v, err := grow(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		if errors.Is(err, unix.ENODATA) {
			return nil, errMoving
		}
		if err != nil {
			return nil, fmt.Errorf("extended attribute %s: %w", name, err)
		}
		m[name] = hex.EncodeToString(v)
	}
	return m, nil
}

func xattrNames(fd int) ([]string, error) {
	b, err := grow(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list of extended attributes: %w", err)
	}
	var names []string
	for name := range strings.SplitSeq(string(b), "\x00") {
		if name != "" && !bound(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// grow calls f, which fills a buffer or fails with ERANGE, until it fits.
func grow(f func([]byte) (int, error)) ([]byte, error) {
	for size := 256; ; size *= 4 {
		b := make([]byte, size)
		n, err := f(b)
		if errors.Is(err, unix.ERANGE) && size < 1<<20 {
			continue
		}
		if err != nil {
			return nil, err
		}
		return b[:n], nil
	}
}
