package fsys_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func open(t *testing.T) (*fsys.Root, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	must(t, os.MkdirAll(filepath.Join(dir, "etc/docker"), 0o755))
	r, err := fsys.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r, dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func TestFile(t *testing.T) {
	r, dir := open(t)
	write(t, dir+"/etc/plain", "plain\n")
	must(t, os.Symlink("/etc/plain", dir+"/etc/final"))
	must(t, os.Symlink("/etc", dir+"/absolute"))
	must(t, os.Symlink("../../../../../../../../etc", dir+"/escape"))
	must(t, unix.Mkfifo(dir+"/etc/fifo", 0o600))
	for path, want := range map[string]resource.FileType{
		"/etc/plain": resource.Regular, "/etc/none": resource.Absent, "/none/none": resource.Absent,
		"/etc/final": resource.Symlink, "/etc": resource.Dir, "/": resource.Dir, "/etc/fifo": resource.Other,
		"/absolute/plain": resource.Regular, "/escape/plain": resource.Regular, "/escape/shadow": resource.Absent,
	} {
		f, err := r.File(path)
		if err != nil || f.Print.Type != want {
			t.Errorf("%s: %+v, %v, want %s", path, f.Print, err, want)
		}
		if want == resource.Regular && (string(f.Content) != "plain\n" || f.Print.SHA256 != resource.Sum(f.Content)) {
			t.Errorf("%s: %q", path, f.Content)
		}
	}
	for _, path := range []string{"etc/plain", "/etc/../etc/plain", "/etc//plain", "", "/etc/pl\x00ain"} {
		if _, err := r.File(path); err == nil {
			t.Errorf("%q is accepted", path)
		}
	}
}

func TestFileTooLarge(t *testing.T) {
	r, dir := open(t)
	write(t, dir+"/etc/large", "")
	must(t, os.Truncate(dir+"/etc/large", fsys.MaxFile+1))
	if _, err := r.File("/etc/large"); err == nil {
		t.Error("File accepts it")
	}
	if p, err := r.Fingerprint("/etc/large"); err != nil || p.Size != fsys.MaxFile+1 {
		t.Errorf("Fingerprint: %+v, %v", p, err)
	}
}

// What others can swap or that is not a plain file is never written to.
func TestUnsafePaths(t *testing.T) {
	r, dir := open(t)
	write(t, dir+"/etc/plain", "x")
	must(t, os.Symlink("docker", dir+"/etc/link"))
	must(t, os.Symlink("plain", dir+"/etc/final"))
	write(t, dir+"/etc/one", "x")
	must(t, os.Link(dir+"/etc/one", dir+"/etc/two"))
	must(t, os.MkdirAll(dir+"/open/sub", 0o755))
	must(t, os.Chmod(dir+"/open", 0o775))
	must(t, os.MkdirAll(dir+"/foreign/sub", 0o755))
	cases := map[string]string{
		"/etc/link/a": "symbolic link", "/etc/plain/a": "not a directory", "/open/a": "0775", "/open/sub/a": "0775",
		"/etc/final": "symbolic link", "/etc/two": "2 hard links", "/etc/docker": "not a regular file",
	}
	if os.Geteuid() == 0 {
		must(t, os.Chown(dir+"/foreign", 4711, 0))
		cases["/foreign/sub/a"] = "uid 4711"
		if exec.Command("chattr", "+i", dir+"/etc/plain").Run() == nil {
			t.Cleanup(func() { _ = exec.Command("chattr", "-i", dir+"/etc/plain").Run() })
			cases["/etc/plain"] = "chattr +i"
		}
	}
	for path, want := range cases {
		err := check(r, path)
		var unsafe *fsys.UnsafeError
		if !errors.As(err, &unsafe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func check(r *fsys.Root, path string) error {
	d, err := r.OpenDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Check(filepath.Base(path))
	return err
}

// A staged file has everything that was asked for, and nothing that the
// directory would have added.
func TestStage(t *testing.T) {
	r, dir := open(t)
	d, err := r.OpenDir("/etc/docker")
	must(t, err)
	defer d.Close()
	want := resource.Fingerprint{
		Type: resource.Regular, SHA256: resource.Sum([]byte("x\n")), Mode: 0o2640, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()),
		MtimeNS: time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC).UnixNano(), Xattrs: map[string]string{"user.a": "00ff"},
	}
	if os.Geteuid() == 0 {
		want.UID, want.GID, want.Mode = 4711, 4712, 0o4750
	}
	if exec.Command("setfacl", "-d", "-m", "u:1:rwx", dir+"/etc/docker").Run() != nil {
		t.Log("no setfacl: a default ACL is not tried")
	}
	must(t, d.Stage("new", []byte("x\n"), want, true))
	got, err := d.Fingerprint("new")
	must(t, err)
	if fsys.Differs(want, got) != "" || got.MtimeNS != want.MtimeNS {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if err := d.Stage("new", nil, want, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing file: %v", err)
	}
}

func TestSwapPlaceTake(t *testing.T) {
	r, dir := open(t)
	d, err := r.OpenDir("/etc")
	must(t, err)
	defer d.Close()
	write(t, dir+"/etc/a", "old")
	write(t, dir+"/etc/.tmp", "new")
	now, err := d.Fingerprint("a")
	must(t, err)
	wrong := now
	wrong.SHA256 = resource.Sum([]byte("else"))
	var changed *fsys.ChangedError
	if err := d.Swap(".tmp", "a", wrong); !errors.As(err, &changed) {
		t.Errorf("swap of an edited file: %v", err)
	}
	if err := d.Take("a", ".gone", wrong); !errors.As(err, &changed) {
		t.Errorf("take of an edited file: %v", err)
	}
	if err := d.Place(".tmp", "a"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("place over a file: %v", err)
	}
	if got := read(t, dir+"/etc/a"); got != "old" {
		t.Errorf("a refused call left %q", got)
	}
	must(t, d.Swap(".tmp", "a", now))
	if read(t, dir+"/etc/a") != "new" || read(t, dir+"/etc/.tmp") != "old" {
		t.Error("swap did not exchange the files")
	}
	now, _ = d.Fingerprint("a")
	must(t, d.Take("a", ".gone", now))
	must(t, d.Place(".gone", "b"))
	if read(t, dir+"/etc/b") != "new" {
		t.Error("take and place lost the file")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}
