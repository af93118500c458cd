package txn_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A world is a small host below a directory.
type world struct {
	t    testing.TB
	root string
	env  []string
}

// fast returns a directory for worlds in which no power is cut: in memory, if
// that has extended attributes, for a sync of a busy disk takes its time.
func fast(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "bulwark-test-")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = unix.Setxattr(dir, "user.note", []byte("x"), 0)
	}
	if err != nil {
		return t.TempDir()
	}
	return dir
}

var old = time.Date(2020, 2, 29, 12, 0, 0, 123456789, time.UTC)

// newWorld builds the host in dir/host.
func newWorld(t testing.TB, dir string) *world {
	w := &world{t: t, root: filepath.Join(dir, "host")}
	w.build()
	return w
}

func (w *world) build() {
	w.t.Helper()
	for _, d := range []string{"etc/docker", "etc/systemd", "etc/obsolete.d", "var/lib"} {
		w.must(os.MkdirAll(filepath.Join(w.root, d), 0o755))
	}
	w.write("/etc/docker/daemon.json", oldDaemon, 0o640)
	w.must(unix.Setxattr(w.at("/etc/docker/daemon.json"), "user.note", []byte("keep me"), 0))
	w.write("/etc/foreign.conf", oldForeign, 0o604)
	if os.Geteuid() == 0 {
		w.must(os.Chown(w.at("/etc/foreign.conf"), 1234, 1235))
	}
	w.write("/etc/obsolete.d/old.conf", "old\n", 0o600)
	w.write("/etc/subuid", oldSubuid, 0o644)
	for _, p := range []string{"/etc/docker/daemon.json", "/etc/foreign.conf", "/etc/obsolete.d/old.conf", "/etc/subuid"} {
		w.must(os.Chtimes(w.at(p), old, old))
	}
	w.must(os.WriteFile(w.root+".service", []byte("running "+resource.Sum([]byte(oldDaemon))), 0o600))
}

// reset brings the world back to its beginning.
func (w *world) reset() {
	w.must(os.RemoveAll(w.root))
	w.build()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) at(path string) string { return filepath.Join(w.root, path) }

func (w *world) write(path, content string, mode os.FileMode) {
	w.t.Helper()
	w.must(os.WriteFile(w.at(path), []byte(content), mode))
	w.must(os.Chmod(w.at(path), mode))
}

func (w *world) read(path string) string {
	b, err := os.ReadFile(w.at(path))
	w.must(err)
	return string(b)
}

// dump is everything in /etc that a transaction must not spoil, and what the
// service runs with.
func (w *world) dump(mtime bool) string {
	w.t.Helper()
	var out strings.Builder
	w.must(filepath.WalkDir(w.at("/etc"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(path, "/.pwd.lock") {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %o %d:%d", strings.TrimPrefix(path, w.root), st.Mode, st.Uid, st.Gid)
		if e.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %q %s", b, userXattrs(path))
			if mtime {
				fmt.Fprintf(&out, " %d", st.Mtim.Nano())
			}
		}
		out.WriteString("\n")
		return nil
	}))
	return out.String()
}

func userXattrs(path string) string {
	b := make([]byte, 4096)
	n, err := unix.Llistxattr(path, b)
	if err != nil {
		return err.Error()
	}
	var out []string
	for name := range strings.SplitSeq(string(b[:n]), "\x00") {
		if strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "system.") {
			v := make([]byte, 4096)
			n, _ := unix.Lgetxattr(path, name, v)
			out = append(out, name+"="+hex.EncodeToString(v[:n]))
		}
	}
	return strings.Join(out, ",")
}

func (w *world) service() string {
	b, err := os.ReadFile(w.root + ".service")
	w.must(err)
	return string(b)
}

// litter lists what should not be in the journal when nothing is open.
func (w *world) litter() []string {
	var out []string
	for _, pattern := range []string{"ACTIVE*", "*.tmp", "txn/.*", "txn/*/*.tmp"} {
		m, err := filepath.Glob(w.at(stateDir + "/" + pattern))
		w.must(err)
		out = append(out, m...)
	}
	return out
}

// environ is the environment of the demo program.
func (w *world) environ(verb string) []string {
	env := append(os.Environ(), "BULWARK_DEMO="+verb, "BULWARK_DEMO_ROOT="+w.root, "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0")
	return append(env, w.env...)
}

// demo runs the demo program and returns its exit code and output.
func (w *world) demo(verb string) (int, string) {
	w.t.Helper()
	return w.demoOf(program(w.t), verb)
}

func (w *world) demoOf(binary, verb string) (int, string) {
	cmd := exec.Command(binary)
	cmd.Env = w.environ(verb)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String()
}

func self(t testing.TB) string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// program is this test program without the race detector, whose start alone
// costs more than a whole apply: the sweeps start it a thousand times.
func program(t testing.TB) string {
	t.Helper()
	bin, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

const programEnv = "BULWARK_DEMO_PROGRAM" // for what alone starts

var builtProgram = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv(programEnv); bin != "" {
		return bin, nil
	}
	bin := filepath.Join(os.TempDir(), fmt.Sprintf("bulwark-demo-%d.test", os.Getpid()))
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program that the sweeps kill: %w\n%s", err, out)
	}
	return bin, os.Setenv(programEnv, bin)
})

// ends are the two states that a host may be in.
type ends struct{ before, beforeTime, after string }

// ends applies once to learn them.
func (w *world) ends() ends {
	w.t.Helper()
	e := ends{before: w.dump(false), beforeTime: w.dump(true)}
	if rc, out := w.demo("apply"); rc != 0 {
		w.t.Fatalf("apply: exit %d\n%s", rc, out)
	}
	e.after = w.dump(false)
	if e.after == e.before {
		w.t.Fatal("apply changed nothing: the tests below could not fail")
	}
	w.reset()
	return e
}

// verify fails unless the host is before or after, without litter, and the
// service runs with the file that is there. It returns "before" or "after".
func (w *world) verify(e ends, service bool) (string, error) {
	now := w.dump(false)
	state := "after"
	switch now {
	case e.after:
	case e.before:
		state = "before"
		if got := w.dump(true); got != e.beforeTime {
			return "", fmt.Errorf("times of modification differ:\n%s\nwant:\n%s", got, e.beforeTime)
		}
	default:
		return "", fmt.Errorf("the host is torn:\n%s\nbefore:\n%s\nafter:\n%s", now, e.before, e.after)
	}
	if l := w.litter(); l != nil {
		return "", fmt.Errorf("litter: %v", l)
	}
	want := "running " + resource.Sum([]byte(w.read("/etc/docker/daemon.json")))
	if got := w.service(); service && got != want {
		return "", fmt.Errorf("service is %q, want %q", got, want)
	}
	return state, nil
}

// open opens the journal in this process.
func (w *world) open(opt txn.Options) *txn.Manager {
	w.t.Helper()
	root, err := fsys.OpenRoot(w.root)
	w.must(err)
	opt.Root, opt.StateDir = root, stateDir
	if opt.Steps == nil {
		opt.Steps = []txn.Step{service{root}}
	}
	m, err := txn.Open(w.t.Context(), opt)
	w.must(err)
	w.t.Cleanup(func() { m.Close(); root.Close() })
	return m
}

// journal is a listing of the state directory with times and sizes.
func (w *world) journal() string {
	var out strings.Builder
	w.must(filepath.WalkDir(w.at(stateDir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == w.at(stateDir+"/lock") {
			return err
		}
		i, err := e.Info()
		if err == nil {
			fmt.Fprintln(&out, path, i.Size(), i.Mode(), i.ModTime())
		}
		return err
	}))
	return out.String()
}

func run(args ...string) error {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w\n%s", args, err, out)
	}
	return nil
}
