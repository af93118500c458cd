package inside

import (
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// write makes a file at each path and removes it again.
func write(paths []string) (any, error) {
	out := map[string]string{}
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString("probe")
			f.Close()
			os.Remove(path)
		}
		out[path] = word(err)
	}
	return out, nil
}

const maxFill = 24 // MiB

// fill writes a file of so many MiB at each path, one after the other, and removes
// it again before the next.
func fill(args []string) (any, error) {
	want, err := number(args, 0, maxFill)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, path := range args[1:] {
		written, err := fillOne(path, want)
		out[path] = map[string]any{"mib": written, "stopped_by": word(err)}
	}
	return out, nil
}

// fillOne returns how many whole MiB the disk took.
func fillOne(path string, want int) (mib int, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer f.Close()
	block := make([]byte, 1<<20)
	for ; mib < want; mib++ {
		if _, err := f.Write(block); err != nil {
			return mib, err
		}
	}
	return mib, f.Sync()
}

const (
	connectTimeout = time.Second
	maxAbstract    = 200
)

// sockets connects to each unix socket that is named, and to each of a daemon
// whose name is in the kernel's list without being a file.
func sockets(paths []string) (any, error) {
	out := map[string]string{}
	for _, path := range append(abstract(), paths...) {
		conn, err := net.DialTimeout("unix", path, connectTimeout)
		if err == nil {
			conn.Close()
		}
		out[path] = word(err)
	}
	return out, nil
}

// abstract are the names in /proc/net/unix that begin with "@" (proc(5)) and are
// those of Docker or containerd.
func abstract() []string {
	b, _ := os.ReadFile("/proc/net/unix") // without it there is nothing to try
	var out []string
	for line := range strings.Lines(string(b)) {
		at := strings.IndexByte(line, '@')
		if at < 0 || len(out) == maxAbstract {
			continue
		}
		name := strings.TrimSpace(line[at:])
		if strings.Contains(name, "docker") || strings.Contains(name, "containerd") {
			out = append(out, name)
		}
	}
	return out
}

// hostFiles opens settings of the kernel for writing, writes nothing, and looks
// which of the files that Docker masks tell something.
func hostFiles([]string) (any, error) {
	opened := map[string]string{}
	for _, path := range []string{"/proc/sys/kernel/core_pattern", "/proc/sys/vm/panic_on_oom", "/proc/sysrq-trigger"} {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		opened[path] = word(err)
	}
	readOnly := map[string]bool{}
	for _, path := range []string{"/proc/sys", "/sys"} {
		var st unix.Statfs_t
		if err := unix.Statfs(path, &st); err != nil {
			return nil, err
		}
		readOnly[path] = st.Flags&unix.ST_RDONLY != 0
	}
	return map[string]any{"opened": opened, "read_only": readOnly, "visible": visible()}, nil
}

func visible() []string {
	out := []string{}
	for _, path := range []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats", "/proc/sched_debug"} {
		if f, err := os.Open(path); err == nil {
			if n, _ := f.Read(make([]byte, 1)); n > 0 {
				out = append(out, path)
			}
			f.Close()
		}
	}
	if all, _ := os.ReadDir("/sys/firmware"); len(all) > 0 {
		out = append(out, "/sys/firmware")
	}
	return out
}
