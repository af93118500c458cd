//go:build rig

package rig_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// childrenPolicy makes bulwark run all the programs that it runs on this rig.
const childrenPolicy = `version: 1
name: children
daemon: {no-new-privileges: true}
seccomp: {deny: [ptrace]}
egress:
  allow: [{to: 192.0.2.1}]
audit: {groups: [docker-socket]}
`

// ranHere are the programs of testdata/programs that this test gives a reason to
// run. The others are for hosts with auditd, with iptables-legacy, with a dockerd
// that is down or can validate; and one file of several names is asked for its
// version by any of them.
var ranHere = []string{
	"ip6tables-nft-restore", "ip6tables-nft-save", "iptables-nft-restore", "iptables-nft-save",
	"journalctl", "nft", "runc", "systemd-analyze",
}

// hostile is what a caller may leave to bulwark: variables and, by the shell, an
// open descriptor, a directory and a umask.
var hostile = []string{
	"PATH=/root/evil:/usr/local/bin:/usr/bin:/bin", "LC_ALL=de_DE.UTF-8", "LD_PRELOAD=/root/evil/lib.so", "LD_LIBRARY_PATH=/root/evil",
	"DBUS_SYSTEM_BUS_ADDRESS=unix:path=/root/evil/bus", "DOCKER_HOST=tcp://127.0.0.1:9", "DOCKER_CONFIG=/root/evil",
	"GODEBUG=netdns=cgo", "XTABLES_LIBDIR=/root/evil", "IPTABLES_LIB_DIR=/root/evil", "SYSTEMD_LOG_LEVEL=debug", "TMPDIR=/root/evil",
	"HTTP_PROXY=http://u:p@127.0.0.1:9", "SSL_CERT_FILE=/root/evil/ca", "SYSTEMD_PAGER=/root/evil/pager", "BASH_ENV=/root/evil/rc", "TERM=dumb",
}

var childEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root"}

// All programs that bulwark runs as root are those of the list, and they get
// nothing of its caller's: no variable, no directory, no descriptor.
func TestChildren(t *testing.T) {
	skipInVM(t, "what is run does not depend on the kernel")
	if err := resetHost(); err != nil {
		t.Fatal(err)
	}
	evil(t)
	b, err := os.ReadFile("testdata/programs")
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(b))
	seen := map[string]bool{}
	for _, c := range [][]string{
		{"plan", "--policy", "/root/children.yaml", "--out", "/root/children.plan"},
		{"apply", "/root/children.plan", "--settle", "0s"},
		{"apply", "--yes", "--policy", "/root/children.yaml"},
		{"egress", "show"},
		{"egress", "load"},
		{"seccomp", "show", "--policy", "/root/children.yaml"},
		{"snapshot"},
		{"history"},
		{"rollback", "--yes", "--settle", "0s"},
		{"recover"},
	} {
		names := childrenOf(t, 0, c...)
		t.Logf("%s: %s", strings.Join(c, " "), strings.Join(names, " "))
		for _, n := range names {
			seen[n] = true
		}
	}
	// What a failure runs: dockerd's last words.
	for _, n := range childrenOf(t, 3, "apply", "--yes", "--policy", "/root/refused.yaml", "--settle", "0s") {
		seen[n] = true
	}
	for _, name := range ranHere {
		if !seen[name] {
			t.Errorf("%s was not run: the test proves little", name)
		}
	}
	for name := range seen {
		if !slices.Contains(listed, name) {
			t.Errorf("%s was run, which is not in testdata/programs", name)
		}
	}
	if left, _ := filepath.Glob("/root/evil/ran-*"); len(left) > 0 {
		t.Errorf("programs of the caller's PATH were run: %v", left)
	}
}

// evil fills a folder with programs that would leave a mark, and writes the
// policies.
func evil(t *testing.T) {
	t.Helper()
	files := map[string]string{
		"/root/children.yaml": childrenPolicy,
		"/root/refused.yaml":  "version: 1\nname: refused\ndaemon: {storage-driver: nosuchdriver}\n",
	}
	b, err := os.ReadFile("testdata/programs")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(b)) {
		files["/root/evil/"+name] = "#!/bin/sh\n>/root/evil/ran-" + name + "\n"
	}
	t.Cleanup(func() { _ = os.RemoveAll("/root/evil") })
	if err := os.MkdirAll("/root/evil", 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// childrenOf runs bulwark as a careless caller would, and returns the names of
// the programs that it ran. Each is looked at before it has run.
func childrenOf(t *testing.T, exit int, args ...string) []string {
	t.Helper()
	names := map[string]bool{}
	script := `umask 0; cd /root/evil; exec 7</etc/shadow 9>>/root/evil/log; exec /usr/local/bin/bulwark "$@"`
	var out bytes.Buffer
	res, err := ptrace.Run(ptrace.Options{
		Argv: append([]string{"/bin/sh", "-c", script, "sh"}, args...), Env: hostile, Stdout: &out, Stderr: &out,
		Exec: func(pid int) {
			argv := words(pid, "cmdline")
			if len(argv) == 0 || argv[0] == "/usr/local/bin/bulwark" {
				return
			}
			names[filepath.Base(argv[0])] = true
			if diff := cmp.Diff(expectedChild, lookAt(pid)); diff != "" {
				t.Errorf("%s runs %s (-want +got)\n%s", args, argv, diff)
			}
		},
	})
	if err != nil || res.Exit() != exit {
		t.Fatalf("%s: exit code %d, want %d, %v\n%s", args, res.Exit(), exit, err, &out)
	}
	return slices.Sorted(maps.Keys(names))
}

// child is what a new program has of its starter.
type child struct {
	Env   []string
	Dir   string
	Umask string
	Files map[int]string
}

var expectedChild = child{Env: childEnv, Dir: "/", Umask: "0022", Files: map[int]string{0: "input", 1: "pipe", 2: "pipe"}}

func lookAt(pid int) child {
	c := child{Env: words(pid, "environ"), Files: map[int]string{}}
	c.Dir, _ = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	for line := range strings.Lines(strings.Join(words(pid, "status"), "")) {
		if mask, ok := strings.CutPrefix(line, "Umask:"); ok {
			c.Umask = strings.TrimSpace(mask)
		}
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		fd, _ := strconv.Atoi(e.Name())
		target, _ := os.Readlink(filepath.Join(dir, e.Name()))
		switch {
		case fd == 0 && (target == "/dev/null" || strings.HasPrefix(target, "pipe:")):
			target = "input"
		case fd == 1 || fd == 2:
			// The error stream of a question is nobody's.
			if target == "/dev/null" || strings.HasPrefix(target, "pipe:") {
				target = "pipe"
			}
		case fd == 3 && target == lockFile:
			continue // handed to those that change the kernel's rules
		}
		c.Files[fd] = target
	}
	return c
}

func words(pid int, file string) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}
