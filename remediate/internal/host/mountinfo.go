package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// defaultDataRoot is dockerd's --data-root if none is given.
const defaultDataRoot = "/var/lib/docker"

// dataMount finds the mount that the data root lies on. The kernel is asked by
// the number of the mount: by its path, one that another mount hides would be
// taken for it.
func (r *Reader) dataMount(dataRoot string) (resource.Mountpoint, error) {
	if !r.Live() {
		return resource.Mountpoint{}, errImage
	}
	if dataRoot == "" {
		dataRoot = defaultDataRoot
	}
	real, what, err := r.Follow(dataRoot)
	if err == nil && what != resource.Dir {
		err = errors.New("there is no directory " + dataRoot)
	}
	if err != nil {
		return resource.Mountpoint{}, err
	}
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return resource.Mountpoint{}, fmt.Errorf("cannot read the mounts: %w", err)
	}
	at, err := mountedAt(real, string(info))
	if err != nil {
		return at, err
	}
	root, err := mountedAt("/", string(info))
	at.Path, at.RootDevice = real, root.Device
	return at, err
}

func mountedAt(path, info string) (resource.Mountpoint, error) {
	id, err := mountID(path)
	if err != nil {
		return resource.Mountpoint{}, fmt.Errorf("cannot tell what %s is mounted on: %w", path, err)
	}
	m, ok := parseMount(info, id)
	if !ok {
		return m, fmt.Errorf("cannot tell what %s is mounted on: its mount %s is not listed", path, id)
	}
	return m, nil
}

// mountID is the line mnt_id of /proc/PID/fdinfo (proc_pid_fdinfo(5)).
func mountID(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	b, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", errors.New("the kernel does not tell")
}

// parseMount reads the line of one mount in /proc/PID/mountinfo: id, parent,
// major:minor, root, target, options, optional fields, "-", type, source,
// options of the file system (proc_pid_mountinfo(5)).
func parseMount(info, id string) (resource.Mountpoint, bool) {
	for line := range strings.Lines(info) {
		head, tail, ok := strings.Cut(line, " - ")
		f, fs := strings.Fields(head), strings.Fields(tail)
		if !ok || len(f) < 6 || f[0] != id || len(fs) < 1 {
			continue
		}
		m := resource.Mountpoint{Device: f[2], Target: unescapeOctal(f[4]), FSType: unescapeOctal(fs[0])}
		if len(fs) > 1 {
			m.Source = unescapeOctal(fs[1])
		}
		return m, true
	}
	return resource.Mountpoint{}, false
}

// unescapeOctal undoes what the kernel does to blanks, line ends and
// backslashes: \040.
func unescapeOctal(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
