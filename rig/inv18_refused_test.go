//go:build rig

package rig_test

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Invariant 18: whatever refuses the whole policy (the daemon, its unit, its
// start limit, the proof afterwards, a validator) the host is as before, the
// daemon runs with that, and apply says in whose words.
func TestInvariant18Refused(t *testing.T) {
	skipInVM(t, "the daemon that fails is a wrapper, the same everywhere")
	h := newWholeHost(t)
	h.mustRun("bash", "/root/rig/testdata/faulty")
	h.before = h.dump(true)
	for fault, want := range map[string]refusal{
		"refuses":        {3, `because: (?s:.*)dockerd: .*rig: I do not like it`, []string{"--settle", "0s"}},
		"dies":           {3, `because: .*(died|did not stay)(?s:.*)dockerd: .*rig: this configuration kills me`, []string{"--settle", "4s"}},
		"hangs":          {3, `because: .*did not come up in 3s(?s:.*)dockerd: .*rig: hanging`, []string{"--start-timeout", "3s"}},
		"does-not-start": {3, `because: (?s:.*)dockerd: .*rig: no start`, []string{"--settle", "0s"}},
		"ignores":        {3, `because: .* is not in effect: `, []string{"--settle", "0s"}},
		"no-loader":      {3, `because: .*bulwark-egress.service`, []string{"--settle", "0s"}},
		"invalid":        {1, `nothing was changed: .*rig: not valid`, []string{"--settle", "0s"}},
	} {
		h.takenBack(fault, want)
	}
	h.otherPlanGoes()
}

type refusal struct {
	code  int
	says  string // a regular expression
	flags []string
}

func (h *sweepHost) takenBack(fault string, want refusal) {
	h.Helper()
	h.write("/run/rig-fault", fault)
	if fault == "refuses" { // clients that start the service at any moment
		defer hammer()()
	}
	argv := append(slices.Clone(wholeApply[1:]), want.flags...)
	r := bulwark(argv...)
	if r.code != want.code || !regexp.MustCompile(want.says).MatchString(r.out) {
		h.Errorf("%s: exit code %d, want %d and %s:\n%s", fault, r.code, want.code, want.says, r.out)
	}
	if end := h.judge(fault); end != "before" {
		h.Errorf("%s: the host is %s", fault, end)
	}
	h.mustRun("systemctl", "is-active", "docker.service", "docker.socket")
	if want.code == 3 {
		h.held(fault, argv)
	}
	if fault == "refuses" {
		h.worksWhenMended()
	}
}

// held: the same plan is not tried again unasked, and costs no restart.
func (h *sweepHost) held(fault string, argv []string) {
	h.Helper()
	was, err := invocation(dockerUnit)
	if err != nil {
		h.Fatal(err)
	}
	r := bulwark(slices.DeleteFunc(argv, func(s string) bool { return s == "--retry" })...)
	if r.code != 4 || !strings.Contains(r.out, "hint: when the cause is mended: bulwark apply --retry") {
		h.Errorf("%s, again: exit code %d:\n%s", fault, r.code, r.out)
	}
	if now, err := invocation(dockerUnit); err != nil || now != was {
		h.Errorf("%s: the refused plan cost a restart (%v)", fault, err)
	}
}

func (h *sweepHost) worksWhenMended() {
	h.Helper()
	h.write("/run/rig-fault", "")
	h.mustRun(wholeApply...)
	h.rollback()
	if end := h.judge("mended"); end != "before" {
		h.Errorf("mended: the host is %s", end)
	}
}

// otherPlanGoes: what is held is a plan, not the host.
func (h *sweepHost) otherPlanGoes() {
	h.Helper()
	h.write("/root/other.yaml", "version: 1\nname: other\ndaemon: {debug: true}\n")
	h.mustRun("bulwark", "apply", "--yes", "--policy", "/root/other.yaml")
}

func (h *sweepHost) write(path, text string) {
	h.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
}

// hammer calls the socket, which starts the service, until its result is called.
func hammer() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			limited, end := context.WithTimeout(ctx, 2*time.Second)
			_ = exec.CommandContext(limited, "docker", "version").Run() // answered or not
			end()
		}
	}()
	return func() { cancel(); <-done }
}
