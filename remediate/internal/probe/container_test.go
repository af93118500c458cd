package probe

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestCompareCalls(t *testing.T) {
	for name, tc := range map[string]struct {
		closed, open words
		want         resource.Verdict
	}{
		"denied":                    {words{"a": "EPERM", "b": "ENOSYS"}, words{"a": "EFAULT", "b": "EINVAL"}, resource.Holds},
		"let through":               {words{"a": "EFAULT"}, words{"a": "EFAULT"}, resource.Fails},
		"one let through":           {words{"a": "EPERM", "b": "EINVAL"}, words{"a": "EFAULT", "b": "EINVAL"}, resource.Fails},
		"succeeds":                  {words{"a": "ok"}, words{"a": "EFAULT"}, resource.Fails},
		"the kernel has none":       {words{"a": "ENOSYS"}, words{"a": "ENOSYS"}, resource.Unable},
		"the kernel refuses":        {words{"a": "EPERM"}, words{"a": "EPERM"}, resource.Unable},
		"denied before the kernel":  {words{"a": "EPERM"}, words{"a": "ENOSYS"}, resource.Holds},
		"one is not to be tried":    {words{"a": "EPERM", "b": "ENOSYS"}, words{"a": "EFAULT", "b": "ENOSYS"}, resource.Holds},
		"another error of a filter": {words{"a": "EACCES"}, words{"a": "EFAULT"}, resource.Holds},
		"an answer is missing":      {words{}, words{"a": "EFAULT"}, resource.Unable},
	} {
		if got := compareCalls(tc.closed, tc.open); got.Verdict != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWantedByShippedPolicies(t *testing.T) {
	wanted := func(p *plans.Policy) []string {
		var out []string
		for _, one := range containerProbes() {
			if one.Wanted(p) {
				out = append(out, one.ID)
			}
		}
		return out
	}
	var all []string
	for _, one := range containerProbes() {
		all = append(all, one.ID)
	}
	if diff := cmp.Diff(all, wanted(nil)); diff != "" {
		t.Error(diff)
	}
	load := func(name string) *plans.Policy {
		p, err := plans.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if diff := cmp.Diff(all, wanted(load("strict"))); diff != "" {
		t.Error(diff)
	}
	want := []string{"pids-limit", "memory-limit", "log-bound", "disk-flood", "ulimits", "read-only-root", "docker-sock", "host-files"}
	if diff := cmp.Diff(want, wanted(load("baseline"))); diff != "" {
		t.Error(diff)
	}
	if got := wanted(&plans.Policy{Daemon: plans.Daemon{"default-ulimits": json.RawMessage("null")}, Userns: &plans.Userns{Remap: plans.Off}}); slices.Contains(got, "ulimits") || slices.Contains(got, "userns") {
		t.Error(got)
	}
}

func TestProbesSayAllThatDocsNeed(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range containerProbes() {
		if p.Title == "" || p.Tries == "" || p.Must == "" || p.Shows == "" || p.Not == "" || len(p.OWASP) == 0 || p.Wanted == nil || p.Run == nil || seen[p.ID] {
			t.Errorf("%q is not whole, or there twice", p.ID)
		}
		seen[p.ID] = true
	}
}

func TestAttemptIsOneLine(t *testing.T) {
	two := errors.Join(errors.New("one"), errors.New("two")).Error()
	p := Probe{ID: "x", Run: func(context.Context, Lab) Outcome { return Outcome{Verdict: resource.Unable, Observed: two} }}
	if got := Make(t.Context(), []Probe{p}, nil, nil, func(string) {})[0].Observed; got != "one; two" {
		t.Errorf("%q", got)
	}
}

func TestByteSize(t *testing.T) {
	for in, want := range map[string]float64{
		"": 0, "x": 0, "-1": 0, "10": 10, "10m": 10e6, "1.5 MB": 1.5e6, "1GiB": 1e9, "2k": 2000, "5b": 5, "inf": 0, "m": 0, "1e400": 0,
	} {
		if got := byteSize(in); got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
}

func TestLooser(t *testing.T) {
	p := &plans.Policy{Daemon: plans.Daemon{"log-opts": json.RawMessage(`{"max-size":"10m","max-file":"5"}`)}}
	for _, tc := range []struct {
		policy *plans.Policy
		got    map[string]string
		want   int
	}{
		{p, map[string]string{"max-size": "10m", "max-file": "5"}, 0},
		{p, map[string]string{"max-size": "10000k", "max-file": "1"}, 0},
		{p, map[string]string{"max-size": "1g", "max-file": "5"}, 1},
		{p, map[string]string{"max-size": "11m", "max-file": "6"}, 2},
		{p, nil, 0},
		{nil, map[string]string{"max-size": "1g"}, 0},
		{&plans.Policy{Daemon: plans.Daemon{"log-opts": json.RawMessage("null")}}, map[string]string{"max-size": "1g"}, 0},
	} {
		if got := looser(tc.policy, tc.got); len(got) != tc.want {
			t.Errorf("%v: %q, want %d", tc.got, got, tc.want)
		}
	}
}

func TestBoundsWithin(t *testing.T) {
	for _, tc := range []struct {
		got, most bounds
		want      bool
	}{
		{bounds{1, 2}, bounds{1, 2}, true},
		{bounds{2, 2}, bounds{1, 2}, false},
		{bounds{1, 3}, bounds{1, 2}, false},
		{bounds{-1, -1}, bounds{1, 2}, false},
		{bounds{-1, -1}, bounds{-1, -1}, true},
	} {
		if got := tc.got.within(tc.most); got != tc.want {
			t.Errorf("%v within %v: %v", tc.got, tc.most, got)
		}
	}
}

func TestDaemonLimits(t *testing.T) {
	got := daemonLimits([]byte(`{"default-ulimits":{"nofile":{"Name":"nofile","Hard":3,"Soft":2}}}`))
	if diff := cmp.Diff(map[string]bounds{"nofile": {2, 3}}, got); diff != "" {
		t.Error(diff)
	}
	if got := daemonLimits(nil); got != nil {
		t.Error(got)
	}
}

func TestReadSaysWhyThereIsNone(t *testing.T) {
	for want, res := range map[string]Result{
		"did not create": {Refused: "no\x1b[31m", RefusedAt: "create"},
		"want of memory": {OOMKilled: true},
		"said nothing":   {Exit: 2},
		"be made: no go": {Report: []byte(`{"error":"no go"}`)},
		"said \"x\"":     {Report: []byte("x")},
	} {
		err := read(res, new(words))
		if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"mount":"EPERM"}`))
	f.Add([]byte(`{"error":"\u001b]0;x\u0007"}`))
	f.Add([]byte("{\"a\":\"\xff\u202e\"}"))
	f.Add([]byte(`{"opened":{"/x":"ok"},"visible":["/y\n"]}`))
	f.Fuzz(func(t *testing.T, report []byte) {
		var w words
		texts := []string{}
		if err := parse(report, 0, &w); err != nil {
			texts = append(texts, err.Error())
		}
		if len(w) > maxItems {
			t.Errorf("%d entries", len(w))
		}
		o := compareCalls(w, w)
		var k kernelFiles
		_ = parse(report, 0, &k)
		texts = append(texts, o.Observed, list(k.open()))
		for _, text := range append(texts, o.Evidence...) {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q is not fit to be printed", text)
			}
		}
	})
}
