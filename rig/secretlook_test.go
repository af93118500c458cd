//go:build rig

package rig_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

func (h *secretHost) look(when string) {
	h.Helper()
	h.files(func(path string, mode fs.FileMode) {
		if want, ok := h.found[path]; ok && mode == want || mode&0o077 == 0 {
			return
		}
		if mode == h.found[targetOf(path)] {
			return
		}
		h.Errorf("%s: %s has mode %04o and a secret", when, path, mode)
	})
	h.cmdlines(func(line string) {
		if !h.commands[line] {
			h.Errorf("%s: a secret is in a command line: %s", when, line)
		}
	})
}

func (h *secretHost) lookAtChild(when string, pid int) {
	for _, file := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil || bytes.Contains(b, []byte(canary)) {
			h.Errorf("%s: %s of a child: %q, %v", when, file, b, err)
		}
	}
}

var tempName = regexp.MustCompile(`^\.(.+)\.[0-9]{6}-[0-9TZ]+-[0-9a-f]{8}\.(?:new|old|rb)~$`)

// targetOf is the file that a temporary one beside it is for.
func targetOf(path string) string {
	m := tempName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return ""
	}
	return filepath.Join(filepath.Dir(path), m[1])
}

// Where bulwark writes, or might; and what is not bulwark's in it.
var (
	searched = []string{"/etc", "/var/lib/bulwark", "/run", "/tmp", "/var/tmp", "/dev/shm", "/root", "/home", "/usr/local/bin", "/usr/local/sbin"}
	foreign  = []string{"/root/rig", "/run/docker", "/run/containerd", "/run/log", "/run/user", "/usr/local/bin/bulwark"}
)

// files calls f for each file that holds a canary, once for each state of it.
func (h *secretHost) files(f func(path string, mode fs.FileMode)) {
	h.Helper()
	for _, dir := range searched {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case os.IsNotExist(err):
				return nil
			case err != nil:
				return err
			case slices.Contains(foreign, path):
				if d.IsDir() {
					return filepath.SkipDir
				}
				return nil
			case !d.Type().IsRegular():
				return nil
			}
			return h.file(path, f)
		})
		if err != nil {
			h.Fatal(err)
		}
	}
}

func (h *secretHost) file(path string, f func(string, fs.FileMode)) error {
	info, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	state := inode{st.Dev, st.Ino, st.Ctim.Sec, st.Ctim.Nsec, st.Size, int64(st.Mode)}
	if h.seen[state] {
		return nil
	}
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(canary)) {
		h.seen[state] = true
		return nil
	}
	f(path, info.Mode().Perm())
	return nil
}

func (h *secretHost) cmdlines(f func(line string)) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(canary)) {
			f(string(b))
		}
	}
}

// log looks at what bulwark and its units have logged.
func (h *secretHost) log(when string) {
	h.Helper()
	for _, of := range [][]string{{"--unit=bulwark*"}, {"_COMM=bulwark"}, {"--identifier=bulwark"}} {
		out, err := exec.Command("journalctl", append([]string{"--no-pager", "--output=json"}, of...)...).Output()
		if err != nil || bytes.Contains(out, []byte(canary)) {
			h.Errorf("%s: a secret is in the log of %s, %v", when, of, err)
		}
	}
}

// last is the newest transaction, profile the seccomp profile that it wrote.
func (h *secretHost) last() string { return h.newest("/var/lib/bulwark/txn/*") }

func (h *secretHost) profile() string { return h.newest("/etc/docker/seccomp/bulwark-*") }

func (h *secretHost) newest(pattern string) string {
	h.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) == 0 {
		h.Fatalf("nothing at %s: %v", pattern, err)
	}
	path := all[len(all)-1]
	if strings.HasPrefix(path, "/var/lib/bulwark") {
		return filepath.Base(path)
	}
	return path
}
