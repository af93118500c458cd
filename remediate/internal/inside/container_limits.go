package inside

import (
	"math"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of what attacks use, whatever they are told.
const (
	maxForks  = 300
	maxMemory = 96 // MiB
	maxFlood  = 24 // MiB
	nap       = 20 // s
	page      = 4096
)

// forks starts processes that do nothing but sleep, until no more may be
// started, and ends them again.
func forks(args []string) (any, error) {
	want, err := number(args, 0, maxForks)
	if err != nil {
		return nil, err
	}
	var pids []int
	var failed unix.Errno
	for len(pids) < want && failed == 0 {
		var pid int
		if pid, failed = fork(); failed == 0 {
			pids = append(pids, pid)
		}
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL) // it is our own child and not yet reaped
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	return map[string]any{"wanted": want, "started": len(pids), "stopped_by": word(failed)}, nil
}

// napTime is not on the stack of a child: it may not grow there.
var napTime = unix.Timespec{Sec: nap}

// fork starts a process without a program of its own: a Go program would be
// several threads, each of which counts. The child has a copy of one thread of
// the runtime, and may make system calls only.
func fork() (int, unix.Errno) {
	pid, _, e := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e == 0 && pid == 0 {
		unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&napTime)), 0, 0)
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	return int(pid), e
}

// memory takes so many MiB, and writes to each page.
func memory(args []string) (any, error) {
	want, err := number(args, 0, maxMemory)
	if err != nil {
		return nil, err
	}
	m, err := unix.Mmap(-1, 0, want<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return map[string]any{"taken": 0, "stopped_by": word(err)}, nil
	}
	for i := 0; i < len(m); i += page {
		m[i] = 1
	}
	return map[string]any{"taken": want, "stopped_by": "ok"}, unix.Munmap(m)
}

// ulimits tells limits of this process, -1 for no limit. Go raises the soft
// limit of open files when it starts, and puts it back before it becomes another
// program, also if that fails (package syscall, Exec).
func ulimits([]string) (any, error) {
	_ = syscall.Exec("/no/such/program", nil, nil) //nolint:staticcheck // see above
	out := map[string][2]int64{}
	for name, resource := range map[string]int{"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC} {
		var l unix.Rlimit
		if err := unix.Getrlimit(resource, &l); err != nil {
			return nil, err
		}
		out[name] = [2]int64{limit(l.Cur), limit(l.Max)}
	}
	return out, nil
}

func limit(n uint64) int64 {
	if n > math.MaxInt64 { // RLIM_INFINITY is all ones
		return -1
	}
	return int64(n)
}

// flood prints so many MiB on standard error, so that standard output is left for
// the report.
func flood(args []string) (any, error) {
	want, err := number(args, 0, maxFlood)
	if err != nil {
		return nil, err
	}
	line := strings.Repeat("x", 8191) + "\n"
	var written int
	for written < want<<20 {
		n, err := os.Stderr.WriteString(line)
		written += n
		if err != nil {
			return nil, err
		}
	}
	return map[string]int{"written": written}, nil
}
