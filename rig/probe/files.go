//go:build linux && amd64

package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// files does what a package manager does to each file that it installs.
func files(dir string) error {
	dir += "/files"
	a, b := dir+"/a", dir+"/b"
	return steps(
		step{"mkdir", func() error { return os.MkdirAll(dir+"/sub/sub", 0o755) }},
		step{"write", func() error { return writeSynced(a+".new", "one") }},
		step{"rename", func() error { return os.Rename(a+".new", a) }},
		step{"link", func() error { return os.Link(a, b) }},
		step{"exchange", func() error { return unix.Renameat2(-1, a, -1, b, unix.RENAME_EXCHANGE) }},
		step{"symlink", func() error { return os.Symlink("a", dir+"/s") }},
		step{"readlink", func() error { _, err := os.Readlink(dir + "/s"); return err }},
		step{"chmod", func() error { return os.Chmod(a, 0o640) }},
		step{"times", func() error { return os.Chtimes(a, time.Now(), time.Unix(1, 0)) }},
		step{"statx", func() error { var st unix.Statx_t; return unix.Statx(-1, a, 0, unix.STATX_ALL, &st) }},
		step{"statfs", func() error { var st unix.Statfs_t; return unix.Statfs(dir, &st) }},
		step{"access", func() error { return unix.Faccessat(-1, a, unix.R_OK, 0) }},
		step{"fifo", func() error { return unix.Mkfifo(dir+"/fifo", 0o600) }},
		step{"truncate", func() error { return os.Truncate(a, 100) }},
		step{"list", func() error { _, err := os.ReadDir(dir); return err }},
		step{"chdir", func() error { return os.Chdir(dir) }},
		step{"openat2", func() error {
			fd, err := unix.Openat2(unix.AT_FDCWD, "a", &unix.OpenHow{Resolve: unix.RESOLVE_BENEATH})
			return errors.Join(err, unix.Close(fd))
		}},
		step{"remove", func() error { return os.Remove(b) }},
		step{"sync the folder", func() error { return syncFolder(dir) }},
		step{"chdir back", func() error { return os.Chdir("/") }},
		step{"remove all", func() error { return os.RemoveAll(dir) }},
	)
}

func writeSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	fd := int(f.Fd())
	return steps(
		step{"fallocate", func() error { return unix.Fallocate(fd, 0, 0, 4096) }},
		step{"fadvise", func() error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) }},
		step{"fchmod", func() error { return f.Chmod(0o644) }},
		step{"fdatasync", func() error { return unix.Fdatasync(fd) }},
		step{"fsync", f.Sync},
	)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return errors.Join(d.Sync(), unix.Syncfs(int(d.Fd())))
}

// ownership gives files away, as root; anyone else may only keep what he has.
func ownership(dir string) error {
	path := dir + "/owned"
	if err := writeSynced(path, "one"); err != nil {
		return err
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 1234, 1234
	}
	return errors.Join(os.Chown(path, uid, gid), os.Lchown(path, uid, gid), os.Remove(path))
}

func locks(dir string) error {
	f, err := os.Create(dir + "/lock")
	if err != nil {
		return err
	}
	defer f.Close()
	fd := f.Fd()
	return errors.Join(
		unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB),
		unix.FcntlFlock(fd, unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}),
		unix.FcntlFlock(fd, unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK}),
		unix.FcntlFlock(fd, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}),
	)
}

func xattrs(dir string) error {
	path := dir + "/attributes"
	if err := writeSynced(path, "one"); err != nil {
		return err
	}
	buf := make([]byte, 100)
	return steps(
		step{"set", func() error { return unix.Setxattr(path, "user.probe", []byte("1"), 0) }},
		step{"get", func() error { _, err := unix.Getxattr(path, "user.probe", buf); return err }},
		step{"list", func() error { _, err := unix.Llistxattr(path, buf); return err }},
		step{"remove", func() error { return unix.Removexattr(path, "user.probe") }},
	)
}

// archive packs a folder and unpacks it again.
func archive(dir string) error {
	src, file, dst := dir+"/src", dir+"/a.tar.gz", dir+"/dst"
	if err := os.MkdirAll(src+"/deep", 0o755); err != nil {
		return err
	}
	for i := range 20 {
		if err := os.WriteFile(fmt.Sprintf("%s/deep/%d", src, i), make([]byte, 1000*i), 0o644); err != nil {
			return err
		}
	}
	if err := errors.Join(pack(src, file), unpack(file, dst)); err != nil {
		return err
	}
	got, err := os.ReadFile(dst + "/deep/19")
	if err != nil || len(got) != 19000 {
		return fmt.Errorf("%d bytes came back: %v", len(got), err)
	}
	return nil
}

func pack(dir, file string) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	zip := gzip.NewWriter(f)
	w := tar.NewWriter(zip)
	defer func() { err = errors.Join(err, w.Close(), zip.Close(), f.Close()) }()
	return w.AddFS(os.DirFS(dir))
}

func unpack(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(zip); ; {
		hdr, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackOne(r, hdr, filepath.Join(dir, hdr.Name)); err != nil {
			return err
		}
	}
}

func unpackOne(r io.Reader, hdr *tar.Header, path string) error {
	if hdr.FileInfo().IsDir() {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, hdr.FileInfo().Mode())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close(), os.Chtimes(path, hdr.ModTime, hdr.ModTime))
}
