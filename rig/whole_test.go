//go:build rig

package rig_test

import (
	"strings"
	"testing"
)

// The policy of the invariants touches every kind of thing at once: daemon.json,
// an account with its ranges in six files, a seccomp profile in a new folder, egress
// rules with sets in both families with their record and unit, limits of a
// container that runs; and, where there is a kernel for them, audit rules with
// their files.
const wholePolicy = `version: 1
name: whole
daemon:
  no-new-privileges: true
  labels: [swept=yes]
userns:
  remap: dockremap
seccomp:
  deny: [ptrace]
egress:
  allow:
    - {to: 192.0.2.1}
    - {to: 192.0.2.3}
    - {to: 192.0.2.5}
    - {to: 192.0.2.7}
    - {to: 198.51.100.0/24}
    - {to: "2001:db8:1::/48"}
    - {to: "2001:db8:3::/48"}
    - {to: "2001:db8:5::/48"}
    - {to: "2001:db8:7::/48"}
    - {to: "2001:db8:9::/48"}
limits:
  apply: true
  rules:
    - match: {container: kept}
      memory: 32m
      pids: 40
`

const wholeAudit = `audit:
  groups: [docker-socket, identity]
`

const wholeDaemonJSON = "{\n\t\"debug\": false,\n\t\"shutdown-timeout\" : 3\n}"

const wholeFile = "/root/whole.yaml"

// wholeApply brings the host to the policy; --retry, for what was rolled back is
// held otherwise.
var wholeApply = []string{"bulwark", "apply", "--yes", "--policy", wholeFile, "--settle", "0s", "--retry"}

var wholeRuns = map[string]func(string) bool{"before": runsBefore, "after": runsAfter}

// newWholeHost is a host before the policy, with a container that restarts. It is
// put back when the test is over.
func newWholeHost(t *testing.T) *sweepHost {
	t.Helper()
	resetAfter(t)
	return makeWholeHost(t)
}

func makeWholeHost(t *testing.T) *sweepHost {
	t.Helper()
	h := preparedHost(t)
	h.learn()
	h.touchesAll()
	return h
}

// preparedHost has the policy, a daemon.json like no program's and older than
// any, and a container that dockerd keeps up.
func preparedHost(t *testing.T) *sweepHost {
	t.Helper()
	vm, err := inVM()
	if err == nil {
		err = resetHost()
	}
	if err != nil {
		t.Fatal(err)
	}
	policy := wholePolicy
	if vm {
		policy += wholeAudit
		wholeApply = append(wholeApply, "--start-timeout", "10m") // the CPU is emulated, and may have other work
	}
	h := &sweepHost{T: t, runs: wholeRuns}
	h.prepare(policy)
	return h
}

func runsBefore(info string) bool {
	return !strings.Contains(info, "name=userns") && !strings.Contains(info, "swept=yes") &&
		!strings.Contains(info, "profile=/etc/docker/seccomp") && strings.HasSuffix(info, " 1")
}

func runsAfter(info string) bool {
	return strings.Contains(info, "name=userns") && strings.Contains(info, "swept=yes") &&
		strings.Contains(info, "profile=/etc/docker/seccomp/bulwark-")
}

// touchesAll fails unless before and after differ in each kind: else the
// invariants would prove little.
func (h *sweepHost) touchesAll() {
	h.Helper()
	vm, err := inVM()
	if err != nil {
		h.Fatal(err)
	}
	differ := []string{
		"/etc/docker/daemon.json", "/etc/subuid", "/etc/subgid", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow",
		"rules", "record", "limits",
	}
	if vm {
		differ = append(differ, "audit", "/etc/audit/rules.d/60-bulwark.rules")
	}
	for _, key := range differ {
		if h.before[key] == h.after[key] {
			h.Errorf("%s is the same before and after", key)
		}
	}
	if strings.Contains(h.before["rules"], "BULWARK") || strings.Count(h.after["rules"], "-j BULWARK-EGRESS") != 2 ||
		!strings.Contains(h.after["rules"], "create bulwark-6-") {
		h.Errorf("rules before\n%s\nafter\n%s", h.before["rules"], h.after["rules"])
	}
}
