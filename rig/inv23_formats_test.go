//go:build rig

package rig_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// Invariant 23: files of bulwark's own that a newer or an older program wrote in
// another format, whole otherwise: each command that needs them refuses, names
// file and format, and changes nothing, on disk or in the kernel.
func TestInvariant23Formats(t *testing.T) {
	h := newWholeHost(t)
	s := &formatSweep{sweepHost: h}
	state, record := "/var/lib/bulwark/state.json", "/var/lib/bulwark/egress.json"
	for _, format := range []int{0, 2} {
		s.refused(4, state, format, wholeApply[1:]...)
		s.refused(4, state, format, "rollback", "--yes")
	}
	s.planOf(2)
	s.planOf(0)

	h.mustRun(wholeApply...)
	for _, format := range []int{0, 2} {
		s.refused(1, record, format, "egress", "load")
	}
	h.rollback()
	s.open()
	t.Logf("%d refusals", s.refusals)
}

type formatSweep struct {
	*sweepHost
	refusals int
}

var formatField = regexp.MustCompile(`"format": ?\d+`)

// refused runs bulwark while the file at path has another format.
func (s *formatSweep) refused(code int, path string, format int, args ...string) {
	s.Helper()
	old := s.read(path)
	s.write(path, string(reformatted(old, format)))
	s.refuses(code, path, format, args...)
	s.write(path, string(old))
}

func reformatted(b []byte, format int) []byte {
	return formatField.ReplaceAll(b, fmt.Appendf(nil, `"format": %d`, format))
}

// refuses: nothing but the lock file is written, and the message is clear.
func (s *formatSweep) refuses(code int, path string, format int, args ...string) {
	s.Helper()
	before := s.dump(true)
	var out bytes.Buffer
	res, err := ptrace.Run(ptrace.Options{
		Argv: append([]string{"bulwark"}, args...), Stdout: &out, Stderr: &out,
		Match: func(c ptrace.Call) bool { return c.Paths[0] != lockFile },
	})
	if err != nil {
		s.Fatal(err)
	}
	says := regexp.MustCompile(fmt.Sprintf(`%s.*format %d, this \w+ (knows|reads) 1`, regexp.QuoteMeta(path), format))
	if res.Exit() != code || !says.Match(out.Bytes()) || len(res.Calls) > 0 {
		s.Errorf("%s of format %d, bulwark %v: exit code %d, want %d and %s; calls %v\n%s", path, format, args, res.Exit(), code, says, res.Calls, &out)
	}
	if diff := cmp.Diff(before, s.dump(true)); diff != "" {
		s.Errorf("%s of format %d, bulwark %v changed the host: %s", path, format, args, diff)
	}
	s.refusals++
}

// planOf saves a plan, as a program of that format would have.
func (s *formatSweep) planOf(format int) {
	s.Helper()
	const file = "/root/saved.plan"
	s.mustRun("bulwark", "plan", "--policy", wholeFile, "--out", file)
	s.refused(1, file, format, "apply", file)
}

// open: a transaction that is killed with its files in place, whose intent
// another program wrote, with a log that belongs to it.
func (s *formatSweep) open() {
	s.Helper()
	d := &damageSweep{sweepHost: s.sweepHost, seen: map[string]int{}}
	d.findPoint()
	d.tear()
	files := d.journal()
	intent, log := files[3], files[2]
	old, oldLog := s.read(intent), s.read(log)
	for _, format := range []int{0, 2} {
		now := reformatted(old, format)
		s.write(intent, string(now))
		s.write(log, string(beginsWith(s.sweepHost, oldLog, now)))
		s.refuses(4, intent, format, "recover")
		s.refuses(0, intent, format, "history") // lists it as one that cannot be read
		s.refuses(4, intent, format, wholeApply[1:]...)
	}
	s.write(intent, string(old))
	s.write(log, string(oldLog))
	if end := s.settle("formats put right"); end != "before" {
		s.Errorf("the host is %s", end)
	}
}

// beginsWith is the log with a first record that knows the intent.
func beginsWith(h *sweepHost, log, intent []byte) []byte {
	h.Helper()
	first, rest, _ := bytes.Cut(log, []byte("\n"))
	_, body, _ := strings.Cut(string(first), " ")
	seq, text, _ := strings.Cut(body, " ")
	var rec map[string]any
	if err := json.Unmarshal([]byte(text), &rec); err != nil {
		h.Fatal(err)
	}
	rec["data"] = fmt.Sprintf("%x", sha256.Sum256(intent))
	b, err := json.Marshal(rec)
	if err != nil {
		h.Fatal(err)
	}
	line := fmt.Appendf(nil, "%s %s", seq, b)
	sum := crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli))
	return append(fmt.Appendf(nil, "%08x %s\n", sum, line), rest...)
}
