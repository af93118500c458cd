//go:build rig

package rig_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

type sweepHost struct {
	*testing.T
	before, after map[string]string
	// runs says whether docker info is that of "before" or "after".
	runs map[string]func(string) bool
}

func resetAfter(t *testing.T) {
	t.Cleanup(func() {
		if err := resetHost(); err != nil {
			t.Error(err)
		}
	})
}

func (h *sweepHost) prepare(policy string) {
	h.Helper()
	for path, text := range map[string]string{wholeFile: policy, "/etc/docker/daemon.json": wholeDaemonJSON} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			h.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			h.Fatal(err)
		}
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	if err := os.Chtimes("/etc/docker/daemon.json", old, old); err != nil {
		h.Fatal(err)
	}
	h.mustRun("systemctl", "restart", "docker")
	h.keep()
}

// keep starts a container with limits that Docker can bring back exactly.
func (h *sweepHost) keep() {
	h.Helper()
	h.mustRun("docker", "run", "-d", "--init", "--restart=always", "--memory=64m", "--memory-swap=128m", "--pids-limit=90",
		"--name", "kept", "busybox:test", "sleep", "100000")
}

// learn sees from one undisturbed apply and rollback what before and after
// look like, and returns how long that apply took.
func (h *sweepHost) learn() time.Duration {
	h.Helper()
	start := h.dump(true)
	began := time.Now()
	h.mustRun(wholeApply...)
	took := time.Since(began)
	h.after = h.dump(false)
	h.rollback()
	h.before = h.dump(true)
	for path, state := range start {
		if path != "/etc/.pwd.lock" && h.before[path] != state {
			h.Fatalf("rollback did not restore %s:\n%s", path, cmp.Diff(state, h.before[path]))
		}
	}
	return took
}

func (h *sweepHost) mustRun(argv ...string) {
	h.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		h.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

// rollback takes the last transaction back. It waits for dockerd as long as an
// emulated CPU may need.
func (h *sweepHost) rollback() {
	h.Helper()
	h.mustRun("bulwark", "rollback", "--yes", "--settle", "0s", "--start-timeout", "10m")
}

// crash kills argv at its nth mutating call.
func (h *sweepHost) crash(n int, argv []string) ptrace.Result {
	h.Helper()
	var out bytes.Buffer
	res, err := ptrace.Run(ptrace.Options{
		Argv: argv, Stdout: &out, Stderr: &out, N: n,
		Act: func(s *ptrace.Stop) error { return s.Kill(syscall.SIGKILL) },
	})
	if err != nil {
		h.Fatalf("crash %d: %v\n%s", n, err, &out)
	}
	if res.Signal() == 0 && res.Exit() != 0 {
		h.Fatalf("apply ended by itself with %d\n%s", res.Exit(), &out)
	}
	return res
}

// judge fails unless the host is before or after, in files and in the daemon.
func (h *sweepHost) judge(what string) string {
	h.Helper()
	h.clean(what)
	info, err := exec.Command("docker", "info", "--format", "{{.SecurityOptions}} {{.Labels}} {{.ContainersRunning}}").CombinedOutput()
	if err != nil {
		h.Fatalf("%s: dockerd does not answer: %v\n%s", what, err, info)
	}
	said := strings.TrimSpace(string(info))
	diffBefore := cmp.Diff(h.before, h.dump(true))
	if diffBefore == "" && h.runs["before"](said) {
		return "before"
	}
	diffAfter := cmp.Diff(h.after, h.dump(false))
	if diffAfter == "" && h.runs["after"](said) {
		return "after"
	}
	h.Fatalf("%s: the host is neither before nor after\ndocker info: %s\nto before: %s\nto after: %s", what, info, diffBefore, diffAfter)
	return ""
}

// clean fails when a transaction is open or something was left behind.
func (h *sweepHost) clean(what string) {
	h.Helper()
	for _, pattern := range []string{
		"/var/lib/bulwark/ACTIVE*", "/var/lib/bulwark/*.tmp", "/var/lib/bulwark/txn/.*", "/var/lib/bulwark/bin/.*",
		"/etc/.*~", "/etc/docker/.*~", "/etc/docker/seccomp/.*~", "/etc/systemd/system/.*~",
		"/etc/audit/.*~", "/etc/audit/rules.d/.*~", "/etc/tmpfiles.d/.*~", "/etc/systemd/journald.conf.d/.*~",
	} {
		left, err := filepath.Glob(pattern)
		if err != nil || len(left) > 0 {
			h.Fatalf("%s: left behind: %v %v", what, left, err)
		}
	}
}

// dump is the state of all that lies below /etc, of bulwark's own part of the
// kernel's rules and of the record of it, and of the limits of containers. Times are compared only where
// they must come back: a file that was put back has its old one.
func (h *sweepHost) dump(times bool) map[string]string {
	h.Helper()
	rules, err := dumpRules()
	if err != nil {
		h.Fatal(err)
	}
	record, err := dumpFile("/var/lib/bulwark/egress.json")
	if err != nil {
		h.Fatal(err)
	}
	events, err := auditRules()
	if err != nil {
		h.Fatal(err)
	}
	all := map[string]string{
		"rules": ownPart(rules), "record": withoutTime(record, times), "audit": events,
		"limits": h.keptLimits(), "limits in effect": limitsInEffect(),
	}
	err = filepath.WalkDir("/etc", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			all[path] = "a directory"
			return nil
		}
		text, err := dumpFile(path)
		all[path] = withoutTime(text, times)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return all
}

// auditRules are the kernel's; a container has none.
func auditRules() (string, error) {
	vm, err := inVM()
	if err != nil || !vm {
		return "", err
	}
	return output("auditctl", "-l")
}

func withoutTime(dump string, times bool) string {
	head, tail, found := strings.Cut(dump, "mtime ")
	if times || !found {
		return dump
	}
	_, rest, _ := strings.Cut(tail, "\n")
	return head + rest
}
