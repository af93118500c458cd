//go:build linux && amd64

package ptrace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Call is one mutating system call.
type Call struct {
	N    int
	PID  int // of the thread
	Name string
	// Paths are the path arguments, made absolute, or the path behind the
	// file descriptor that the call is about.
	Paths []string
	// Dir says that Paths[0] is a directory.
	Dir bool
}

func (c Call) String() string {
	return fmt.Sprintf("%d %s %s", c.N, c.Name, strings.Join(c.Paths, " "))
}

// A shape says where a call has its paths: pairs of a register with the
// directory descriptor (-1: the working directory) and one with the path
// (-1: the descriptor itself is meant).
type shape struct {
	name  string
	paths [][2]int
	// mutates, if set, looks at the arguments.
	mutates func(pid int, a [6]uint64) bool
}

func fd(i int) [][2]int           { return [][2]int{{i, -1}} }
func path(i int) [][2]int         { return [][2]int{{-1, i}} }
func at(d, p int) [][2]int        { return [][2]int{{d, p}} }
func two(a, b int) [][2]int       { return [][2]int{{-1, a}, {-1, b}} }
func writes(v uint64) bool        { return v&(unix.O_WRONLY|unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC) != 0 }
func at2(a, b, c, d int) [][2]int { return [][2]int{{a, b}, {c, d}} }

func shapeOf(nr uint64) (shape, bool) {
	s, ok := map[uint64]shape{
		unix.SYS_OPEN:      {"open", path(0), func(_ int, a [6]uint64) bool { return writes(a[1]) }},
		unix.SYS_OPENAT:    {"openat", at(0, 1), func(_ int, a [6]uint64) bool { return writes(a[2]) }},
		unix.SYS_OPENAT2:   {"openat2", at(0, 1), openHow},
		unix.SYS_CREAT:     {"creat", path(0), nil},
		unix.SYS_WRITE:     {"write", fd(0), regular},
		unix.SYS_PWRITE64:  {"pwrite64", fd(0), regular},
		unix.SYS_WRITEV:    {"writev", fd(0), regular},
		unix.SYS_PWRITEV:   {"pwritev", fd(0), regular},
		unix.SYS_TRUNCATE:  {"truncate", path(0), nil},
		unix.SYS_FTRUNCATE: {"ftruncate", fd(0), nil},
		unix.SYS_FALLOCATE: {"fallocate", fd(0), nil},
		unix.SYS_CHMOD:     {"chmod", path(0), nil},
		unix.SYS_FCHMOD:    {"fchmod", fd(0), nil},
		unix.SYS_FCHMODAT:  {"fchmodat", at(0, 1), nil},
		unix.SYS_CHOWN:     {"chown", path(0), nil},
		unix.SYS_LCHOWN:    {"lchown", path(0), nil},
		unix.SYS_FCHOWN:    {"fchown", fd(0), nil},
		unix.SYS_FCHOWNAT:  {"fchownat", at(0, 1), nil},
		unix.SYS_UTIMENSAT: {"utimensat", at(0, 1), nil},

		unix.SYS_SETXATTR: {"setxattr", path(0), nil}, unix.SYS_LSETXATTR: {"lsetxattr", path(0), nil},
		unix.SYS_FSETXATTR: {"fsetxattr", fd(0), nil}, unix.SYS_REMOVEXATTR: {"removexattr", path(0), nil},
		unix.SYS_LREMOVEXATTR: {"lremovexattr", path(0), nil}, unix.SYS_FREMOVEXATTR: {"fremovexattr", fd(0), nil},

		unix.SYS_FSYNC:     {"fsync", fd(0), onDisk},
		unix.SYS_FDATASYNC: {"fdatasync", fd(0), onDisk},
		unix.SYS_SYNCFS:    {"syncfs", fd(0), nil},

		unix.SYS_RENAME: {"rename", two(0, 1), nil}, unix.SYS_RENAMEAT: {"renameat", at2(0, 1, 2, 3), nil},
		unix.SYS_RENAMEAT2: {"renameat2", at2(0, 1, 2, 3), nil},
		unix.SYS_LINK:      {"link", two(0, 1), nil}, unix.SYS_LINKAT: {"linkat", at2(0, 1, 2, 3), nil},
		unix.SYS_SYMLINK: {"symlink", path(1), nil}, unix.SYS_SYMLINKAT: {"symlinkat", at(1, 2), nil},
		unix.SYS_UNLINK: {"unlink", path(0), nil}, unix.SYS_UNLINKAT: {"unlinkat", at(0, 1), nil},
		unix.SYS_MKDIR: {"mkdir", path(0), nil}, unix.SYS_MKDIRAT: {"mkdirat", at(0, 1), nil},
		unix.SYS_RMDIR:      {"rmdir", path(0), nil},
		unix.SYS_SENDTO:     {"sendto", fd(0), sentTo},
		unix.SYS_SENDMSG:    {"sendmsg", fd(0), sentMessage},
		unix.SYS_SETSOCKOPT: {"setsockopt", fd(0), replacesTable},

		unix.SYS_MKNOD: {"mknod", path(0), nil}, unix.SYS_MKNODAT: {"mknodat", at(0, 1), nil},
	}[nr]
	return s, ok
}

// decode returns the call, if it is one that changes something on disk or in
// netfilter.
// Devices such as /dev/null, /proc and pipes do not count.
func decode(pid int, r *unix.PtraceRegs) (Call, bool) {
	s, ok := shapeOf(r.Orig_rax)
	if !ok {
		return Call{}, false
	}
	a := [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}
	if s.mutates != nil && !s.mutates(pid, a) {
		return Call{}, false
	}
	c := Call{PID: pid, Name: s.name}
	for _, p := range s.paths {
		c.Paths = append(c.Paths, resolve(pid, a, p))
	}
	st, err := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, c.Paths[0]))
	if strings.HasPrefix(c.Paths[0], "/proc/") || err == nil && st.Mode()&os.ModeDevice != 0 {
		return Call{}, false
	}
	c.Dir = err == nil && st.IsDir()
	return c, true
}

func resolve(pid int, a [6]uint64, p [2]int) string {
	base := fmt.Sprintf("/proc/%d/cwd", pid)
	if p[0] >= 0 && int32(a[p[0]]) != unix.AT_FDCWD {
		base = fmt.Sprintf("/proc/%d/fd/%d", pid, int32(a[p[0]]))
	}
	dir, _ := os.Readlink(base)
	if p[1] < 0 {
		return dir
	}
	name := readString(pid, a[p[1]])
	if strings.HasPrefix(name, "/") {
		return name
	}
	return dir + "/" + name
}

func readString(pid int, addr uint64) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return "?"
	}
	defer f.Close()
	b := make([]byte, unix.PathMax)
	n, _ := f.ReadAt(b, int64(addr))
	s, _, _ := bytes.Cut(b[:n], []byte{0})
	return string(s)
}

func openHow(pid int, a [6]uint64) bool {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return true
	}
	defer f.Close()
	b := make([]byte, 8) // struct open_how begins with the flags
	_, err = f.ReadAt(b, int64(a[2]))
	return err != nil || writes(binary.LittleEndian.Uint64(b))
}

// regular: bytes for terminals, pipes, sockets and eventfds are not state.
func regular(pid int, a [6]uint64) bool { return fdMode(pid, a)&unix.S_IFMT == unix.S_IFREG }

func onDisk(pid int, a [6]uint64) bool {
	m := fdMode(pid, a) & unix.S_IFMT
	return m == unix.S_IFREG || m == unix.S_IFDIR
}

func fdMode(pid int, a [6]uint64) uint32 {
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", pid, int32(a[0])), &st) != nil {
		return 0
	}
	return st.Mode
}

// atEntry asks PTRACE_GET_SYSCALL_INFO (Linux 5.3) on which side of the call
// the thread is stopped.
func atEntry(pid int) (bool, error) {
	var info [88]byte
	_, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(pid),
		uintptr(len(info)), uintptr(unsafe.Pointer(&info[0])), 0, 0)
	if e != 0 {
		return false, e
	}
	return info[0] == unix.PTRACE_SYSCALL_INFO_ENTRY, nil
}
