// Package host is the door to a running Docker host: files, systemd, the
// Docker API, processes and programs. Reader is the half that looks, Service
// the half that restarts dockerd; nothing else in bulwark talks to them.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Files reads files below a root; fsys.Root is one.
type Files interface {
	File(path string) (resource.File, error)
	Fingerprint(path string) (resource.Fingerprint, error)
	// Names lists a directory; Follow follows links to their end, Stat tells
	// also whose that is.
	Names(path string) ([]string, error)
	Follow(path string) (real string, what resource.FileType, err error)
	Stat(path string) (real string, print resource.Fingerprint, err error)
	IsLink(path string) bool
}

// DefaultDockerHost is where dockerd listens on every packaged host.
const DefaultDockerHost = "unix:///var/run/docker.sock"

// A Reader looks at a host and changes nothing. It implements
// resource.Reader.
type Reader struct {
	Files
	root       string
	dockerHost string
}

// NewReader returns a reader of the host whose files are below root. A root
// other than "/" is an image: it has no running daemon and no systemd.
func NewReader(root string, files Files, dockerHost string) *Reader {
	if dockerHost == "" {
		dockerHost = DefaultDockerHost
	}
	return &Reader{Files: files, root: root, dockerHost: dockerHost}
}

// Root returns "/" or the directory of the image.
func (r *Reader) Root() string { return r.root }

// Live reports whether the reader looks at the running host.
func (r *Reader) Live() bool { return r.root == "/" }

var errImage = errors.New("--root is an image: nothing runs there")

// queryTimeout bounds programs that only report, such as dockerd --version.
const queryTimeout = 10 * time.Second

// Query runs argv with a fixed environment and returns its standard output.
// The caller vouches that the program changes nothing.
func (r *Reader) Query(ctx context.Context, argv ...string) ([]byte, error) {
	if !r.Live() {
		return nil, errImage
	}
	return startWithin(ctx, queryTimeout, argv, nil, nil).wait()
}

// Process reads /proc/PID: argv and the start time. Command lines are
// readable by everybody unless /proc is mounted with hidepid.
func (r *Reader) Process(pid int) (resource.Process, error) {
	if !r.Live() {
		return resource.Process{}, errImage
	}
	dir := "/proc/" + strconv.Itoa(pid)
	cmdline, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return resource.Process{}, fmt.Errorf("cannot read the command line of process %d: %w", pid, err)
	}
	ticks, err := startTicks(dir)
	if err != nil {
		return resource.Process{}, err
	}
	boot, err := bootTime()
	if err != nil {
		return resource.Process{}, err
	}
	return resource.Process{
		PID:        pid,
		Argv:       strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00"),
		StartTicks: ticks,
		StartedNS:  boot + int64(ticks)*int64(time.Second/clockTicks),
		NofileHard: nofileHard(dir),
	}, nil
}

// clockTicks is USER_HZ, 100 on every Linux that Docker supports (time(7)).
const clockTicks = 100

// startTicks is field 22 of /proc/PID/stat; the command name in field 2 may
// hold spaces and parentheses, so count from the last one (proc(5)).
func startTicks(dir string) (uint64, error) {
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0, err
	}
	_, rest, _ := cutLast(string(b), ")")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return 0, fmt.Errorf("cannot parse %s/stat", dir)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// bootTime is when the machine started, nanoseconds since the epoch. The
// btime line of /proc/stat would be a whole second off, more than lies between
// the write of a file and the start of the daemon that reads it.
func bootTime() (int64, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return 0, fmt.Errorf("cannot read the time since boot: %w", err)
	}
	return time.Now().UnixNano() - up.Nano(), nil
}

// Replaced reports whether the program file of a process was replaced on
// disk since it started, as a package upgrade does. Only root may look.
func (r *Reader) Replaced(pid int) (bool, error) {
	exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return false, err
	}
	return strings.HasSuffix(exe, " (deleted)"), nil
}
