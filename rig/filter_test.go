//go:build rig

package rig_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// denied [-all] NOW OPEN: by what rig/probe printed, a filter denies every call
// in NOW that comes through to the kernel in OPEN, which was made without a
// filter and shows that NOW can fail. Calls that neither run tried are left
// out; with -all there may be none.
func cmdDenied(ts *testscript.TestScript, neg bool, args []string) {
	all := len(args) > 0 && args[0] == "-all"
	if all {
		args = args[1:]
	}
	if neg || len(args) != 2 {
		ts.Fatalf("usage: denied [-all] NOW OPEN")
	}
	now, open := probed(ts.ReadFile(args[0])), probed(ts.ReadFile(args[1]))
	if len(now) < 50 {
		ts.Fatalf("%s has only %d calls", args[0], len(now))
	}
	var faults []string
	for call, result := range now {
		if fault := undenied(call, result, open[call], all); fault != "" {
			faults = append(faults, fault)
		}
	}
	if slices.Sort(faults); len(faults) > 0 || len(now) != len(open) {
		ts.Fatalf("%d calls now, %d in the open\n%s", len(now), len(open), strings.Join(faults, "\n"))
	}
}

// undenied says what is wrong with one call, or "".
func undenied(call, now, open string, all bool) string {
	refusal := "EPERM"
	if strings.HasSuffix(call, "clone3") || strings.Contains(call, "socketcall") {
		refusal = "ENOSYS" // no program would fall back at EPERM, and no filter can say EPERM for socketcall
	}
	switch {
	case now == "untried" && open == "untried" && !all:
		return ""
	case now != refusal:
		return fmt.Sprintf("%s: %s, want %s", call, now, refusal)
	case open == refusal || open == "untried" || open == "":
		return fmt.Sprintf("%s: %s proves nothing, without a filter it is %q", call, now, open)
	}
	return ""
}

// probed returns the results by "GROUP CALL".
func probed(out string) map[string]string {
	results := map[string]string{}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 3 {
			results[f[0]+" "+f[1]] = f[2]
		}
	}
	return results
}
