//go:build rig

package rig_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/resource"
	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// partPolicies touch different kinds each.
func partPolicies() map[string]string {
	const head = "version: 1\nname: part\n"
	return map[string]string{
		"labels":  head + "daemon: {labels: [part=yes]}\n",
		"reload":  head + "daemon: {shutdown-timeout: 5}\n",
		"restart": head + "daemon: {no-new-privileges: true}\n",
		"account": head + "userns: {remap: dockremap}\n",
		"seccomp": head + "seccomp: {deny: [ptrace]}\n",
		"egress":  head + "egress: {allow: [{to: 192.0.2.1}]}\n",
		"limits":  head + "limits: {apply: true, rules: [{match: {container: kept}, pids: 40}]}\n",
		"two":     head + "seccomp: {deny: [ptrace]}\negress: {allow: [{to: 192.0.2.0/24}, {to: \"2001:db8::/32\"}]}\n",
	}
}

// writePolicies writes them below /root, and returns the files.
func writePolicies(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	all := partPolicies()
	var files []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		file := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(file, []byte(all[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// Invariant 8: apply PLAN changes exactly what PLAN says: by the system calls
// it renames those files and no other, and the host afterwards differs in them
// and in nothing else.
func TestInvariant08Exactly(t *testing.T) {
	h := borrowWholeHost(t)
	ops := 0
	files := append(writePolicies(t), wholeFile)
	for _, n := range chooseOf(t, len(files), (*points+2)/3) {
		ops += h.exactly(files[n-1], filepath.Join(t.TempDir(), "saved.plan"))
		h.rollback()
		h.judge("rollback of " + files[n-1])
	}
	t.Logf("%d operations in plans, each carried out, and no other", ops)
}

// exactly applies a saved plan and returns how many operations it had.
func (h *sweepHost) exactly(policy, file string) int {
	h.Helper()
	plan := h.savePlan(policy, file)
	wantPaths, wantRules := factPaths(plan), hasFact(plan.Facts, "egress ", "audit ")
	start := h.invocation()
	w := h.watch("bulwark", "apply", file, "--settle", "0s")
	if w.code != 0 {
		h.Fatalf("apply of %s: exit code %d\n%s", policy, w.code, w.out)
	}
	if diff := cmp.Diff(wantPaths, renamed(w.calls)); diff != "" {
		h.Errorf("%s: files of the plan (-) and of the trace (+):\n%s", policy, diff)
	}
	if got := slices.ContainsFunc(w.calls, func(c ptrace.Call) bool { return strings.HasPrefix(c.Name, "send") }); got != wantRules {
		h.Errorf("%s: rules in the plan %t, in the trace %t", policy, wantRules, got)
	}
	if diff := cmp.Diff(wantPaths, h.changed(wantRules, hasFact(plan.Facts, "limits "))); diff != "" {
		h.Errorf("%s: files of the plan (-) and of the host (+):\n%s", policy, diff)
	}
	if restarts := h.invocation() != start; restarts != strings.Contains(w.out, "dockerd restarts once") {
		h.Errorf("%s: restarted %t, but it said\n%s", policy, restarts, w.out)
	}
	return len(wantPaths)
}

// hasFact tells whether a name of a fact begins with one of prefixes.
func hasFact(facts []resource.PlanFact, prefixes ...string) bool {
	return slices.ContainsFunc(facts, func(f resource.PlanFact) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.Name, p) })
	})
}

const rulesRecord = "/var/lib/bulwark/egress.json"

// locks of others that apply takes; they stay empty.
var locks = []string{"/etc/.pwd.lock", "/run/bulwark-rules.lock", "/run/xtables.lock"}

// renamed are the managed files that calls are about. Whatever does not belong to
// the journal counts, so that a write without a rename would show.
func renamed(calls []ptrace.Call) []string {
	found := map[string]bool{}
	for _, c := range calls {
		for _, path := range c.Paths {
			own := strings.HasPrefix(path, "/var/lib/bulwark/") && path != rulesRecord
			if !own && !c.Dir && !strings.HasPrefix(c.Name, "mkdir") && !strings.HasPrefix(c.Name, "send") &&
				!strings.HasSuffix(path, "~") && !slices.Contains(locks, path) {
				found[path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// changed are the files that are not as before, but for directories and the lock
// of the account files; rules and limits say whether those of the kernel and of
// the container must have changed.
func (h *sweepHost) changed(rules, limits bool) []string {
	h.Helper()
	found := map[string]bool{}
	now := h.dump(true)
	for _, key := range slices.Concat(slices.Collect(maps.Keys(now)), slices.Collect(maps.Keys(h.before))) {
		if now[key] != h.before[key] && now[key] != "a directory" && key != "/etc/.pwd.lock" {
			found[key] = true
		}
	}
	if found["record"] {
		delete(found, "record")
		found[rulesRecord] = true
	}
	if differ := found["rules"] || found["audit"]; differ != rules {
		h.Errorf("rules of the kernel changed: %t, want %t", differ, rules)
	}
	if found["limits"] != limits {
		h.Errorf("limits of the container changed: %t, want %t", found["limits"], limits)
	}
	for _, key := range []string{"rules", "audit", "limits", "limits in effect"} { // the last is of the data root in use
		delete(found, key)
	}
	return slices.Sorted(maps.Keys(found))
}
