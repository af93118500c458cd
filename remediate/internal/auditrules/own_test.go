package auditrules_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func rule(t testing.TB, line string) auditrules.Rule {
	t.Helper()
	r, err := auditrules.Parse(line, places)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return r
}

func kernelRules(t testing.TB, lines ...string) []resource.AuditRule {
	t.Helper()
	var out []resource.AuditRule
	for _, l := range lines {
		out = append(out, rule(t, l).Kernel())
	}
	return out
}

// TestOwned: by key, by the former file, and never what another file states.
func TestOwned(t *testing.T) {
	const (
		keyed    = "-w /etc/docker -p wa -k bulwark-config"
		keyless  = "-a never,exit -F arch=b64 -S mount -F exe=/usr/bin/runc"
		theirs   = "-w /usr/bin/runc -p x -k docker"
		shared   = "-w /run/docker.sock -p wa -k bulwark-socket"
		similar  = "-w /run/docker.sock -p wa -k notbulwark-socket"
		unkeyed  = "-a always,exit -F arch=b64 -S setns"
		keyless2 = "-a never,exit -F arch=b32 -S mount -F exe=/usr/bin/runc"
	)
	kernel := kernelRules(t, theirs, keyed, keyless, shared, similar, unkeyed, keyless2)
	former := []auditrules.Rule{rule(t, keyless), rule(t, keyless2), rule(t, "-w /etc -p wa -k bulwark-gone")}
	foreign := []auditrules.Rule{rule(t, shared), rule(t, keyless2)}
	got := auditrules.Owned(kernel, former, foreign)
	if want := kernelRules(t, keyed, keyless); !auditrules.Same(want, got) {
		t.Errorf("owned are %v", got)
	}
	// Two keys, of which one is another's, cannot come of a line of ours.
	two := kernelRules(t, "-w /etc -p wa -k bulwark-a+other")[0]
	two.Wire = []byte(strings.Replace(string(two.Wire), "bulwark-a+other", "bulwark-a\x01other", 1))
	if got := auditrules.Owned([]resource.AuditRule{two}, nil, nil); len(got) != 0 {
		t.Errorf("owned is %v", got)
	}
	if d := cmp.Diff([]string{"bulwark-a", "other"}, auditrules.Keys(two.Wire)); d != "" {
		t.Error(d)
	}
	if got := auditrules.Text(two.Wire); got != "-w /etc -p wa -k bulwark-a -k other" {
		t.Error(got)
	}
}

func letters(s string) []resource.AuditRule {
	var out []resource.AuditRule
	for i := range len(s) {
		out = append(out, resource.AuditRule{Wire: []byte(s[i : i+1])})
	}
	return out
}

func word(rules []resource.AuditRule) string {
	s := ""
	for _, r := range rules {
		s += string(r.Wire)
	}
	return s
}

func TestSwap(t *testing.T) {
	for _, tt := range []struct{ current, wanted, del, add string }{
		{"", "", "", ""},
		{"abc", "abc", "", ""},
		{"abc", "", "abc", ""},
		{"", "abc", "", "abc"},
		{"abc", "ab", "c", ""},
		{"abc", "ac", "b", ""},
		{"abc", "abd", "c", "d"},
		{"abc", "dabc", "abc", "dabc"},
		{"abc", "acb", "b", "b"},
		{"abc", "cab", "ab", "ab"},
	} {
		del, add := auditrules.Swap(letters(tt.current), letters(tt.wanted))
		if word(del) != tt.del || word(add) != tt.add {
			t.Errorf("%s to %s: delete %q, add %q", tt.current, tt.wanted, word(del), word(add))
		}
	}
}

// TestSwapRandom: whatever was there, wanted is there afterwards, in order; and
// killed anywhere on the way, the way back leads to what was before.
func TestSwapRandom(t *testing.T) {
	pick := func() string {
		s := []byte("abcdefgh")
		rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		return string(s[:rand.IntN(len(s)+1)])
	}
	for range 5000 {
		before, wanted := pick(), pick()
		now, steps := before, 0
		run := func(from, to string, kill int) string {
			del, add := auditrules.Swap(letters(from), letters(to))
			for _, r := range del {
				if steps++; steps == kill {
					return from
				}
				from = strings.Replace(from, string(r.Wire), "", 1)
			}
			for _, r := range add {
				if steps++; steps == kill {
					return from
				}
				from += string(r.Wire)
			}
			return from
		}
		if now = run(before, wanted, 0); now != wanted {
			t.Fatalf("%s to %s became %s", before, wanted, now)
		}
		steps = 0
		if half := run(before, wanted, 1+rand.IntN(8)); run(half, before, 0) != before {
			t.Fatalf("%s to %s, killed at %s, does not lead back", before, wanted, half)
		}
	}
}

func TestSorted(t *testing.T) {
	got := auditrules.Sorted(kernelRules(t, "-a always,exclude -F msgtype=CWD", "-w /etc -p wa", "-a never,task", "-w /etc/docker -p wa", "-a always,user -F uid=0"))
	want := kernelRules(t, "-a always,user -F uid=0", "-a never,task", "-w /etc -p wa", "-w /etc/docker -p wa", "-a always,exclude -F msgtype=CWD")
	if !auditrules.Same(got, want) {
		t.Errorf("%v", got)
	}
}
