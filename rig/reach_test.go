//go:build rig

package rig_test

import (
	"os/exec"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// reach WHERE FILE: from WHERE, the probes of FILE come out as FILE says; each
// line is a result (open, silent, refused) and a probe of rig/wire.
//
// reach -open WHERE FILE: they are all open, whatever FILE says: what must
// hold before rules exist, or else their silence would prove nothing.
//
// WHERE is a container, "netns:NAME" or "host".
func cmdReach(ts *testscript.TestScript, neg bool, args []string) {
	open := len(args) > 0 && args[0] == "-open"
	if open {
		args = args[1:]
	}
	if len(args) != 2 {
		ts.Fatalf("usage: [!] reach [-open] WHERE FILE")
	}
	want := strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n")
	argv := append(enter(args[0]), "wire", "try", "-t", patience(ts, open && !neg))
	for i, line := range want {
		result, probe, ok := strings.Cut(line, " ")
		if !ok {
			ts.Fatalf("%s: want a result and a probe, not %q", args[1], line)
		}
		if open {
			result = "open"
		}
		want[i] = result + " " + probe
		argv = append(argv, probe)
	}
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	ts.Check(err)
	got := strings.Split(strings.TrimSpace(withoutReasons(string(out))), "\n")
	if diff := cmp.Diff(want, got); (diff == "") == neg {
		ts.Fatalf("from %s:\n%s\n%s", args[0], diff, out)
	}
}

func enter(where string) []string {
	if ns, ok := strings.CutPrefix(where, "netns:"); ok {
		return []string{"ip", "netns", "exec", ns}
	}
	if where == "host" {
		return nil
	}
	return []string{"docker", "exec", where}
}

// patience is how long to wait before silence is taken for silence. What is
// open answers at once but on a busy machine: where nothing is to be silent the
// patience costs nothing.
func patience(ts *testscript.TestScript, open bool) string {
	vm, err := inVM()
	ts.Check(err)
	switch {
	case open:
		return "30s"
	case vm:
		return "6s"
	}
	return "3s"
}

// withoutReasons drops what wire says on stderr about refused probes.
func withoutReasons(out string) string {
	var kept strings.Builder
	for line := range strings.Lines(out) {
		if result, _, _ := strings.Cut(line, " "); result == "open" || result == "silent" || result == "refused" {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
