//go:build rig

package rig_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/rig/crash/ptrace"
)

// idle is the host of newWholeHost as an invariant left it, for the next one.
var idle *sweepHost

// borrowWholeHost is newWholeHost without the seconds that it takes to make one,
// where the test before has left its own as it was.
func borrowWholeHost(t *testing.T) *sweepHost {
	t.Helper()
	h := &sweepHost{}
	if idle != nil {
		*h = *idle
		h.T = t
	}
	if idle == nil || h.unlike() != "" {
		h = makeWholeHost(t)
	}
	idle = nil
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if diff := h.unlike(); diff != "" {
			t.Errorf("left behind:\n%s", diff)
			return
		}
		idle = h
	})
	return h
}

// unlike tells what is not as before.
func (h *sweepHost) unlike() string {
	h.Helper()
	return cmp.Diff(h.before, h.dump(true))
}

// A watched run is one under the driver.
type watched struct {
	ran
	calls []ptrace.Call
}

func (h *sweepHost) watch(argv ...string) watched { return h.watchAt(ptrace.Options{Argv: argv}) }

func (h *sweepHost) watchAt(o ptrace.Options) watched {
	h.Helper()
	var out bytes.Buffer
	o.Stdout, o.Stderr = &out, &out
	res, err := ptrace.Run(o)
	if err != nil {
		h.Fatalf("%v: %v\n%s", o.Argv, err, &out)
	}
	return watched{ran{res.Exit(), out.String()}, res.Calls}
}

// mutations are the calls that are not about the lock file alone.
func (w watched) mutations() []ptrace.Call {
	return slices.DeleteFunc(slices.Clone(w.calls), func(c ptrace.Call) bool {
		return !slices.ContainsFunc(c.Paths, func(p string) bool { return p != lockFile })
	})
}

// refused fails unless w ended with code, said text and changed nothing.
func (h *sweepHost) refused(what string, w watched, code int, text string) {
	h.Helper()
	if w.code != code || !strings.Contains(w.out, text) {
		h.Errorf("%s: exit code %d, want %d and %q:\n%s", what, w.code, code, text, w.out)
	}
	if m := w.mutations(); len(m) > 0 {
		h.Errorf("%s: %d mutating system calls, the first: %v", what, len(m), m[0])
	}
}

// savePlan saves a plan for a policy, and reads it.
func (h *sweepHost) savePlan(policy, file string) *remediate.SavedPlan {
	h.Helper()
	h.mustRun("bulwark", "plan", "--policy", policy, "--out", file)
	b, err := os.ReadFile(file)
	if err != nil {
		h.Fatal(err)
	}
	p := new(remediate.SavedPlan)
	if err := json.Unmarshal(b, p); err != nil {
		h.Fatal(err)
	}
	return p
}

// factPaths are the files that a saved plan changes.
func factPaths(p *remediate.SavedPlan) []string {
	var paths []string
	for _, f := range p.Facts {
		if path, ok := strings.CutPrefix(f.Name, "file "); ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// invocation is which start of dockerd runs.
func (h *sweepHost) invocation() string {
	h.Helper()
	id, err := invocation(dockerUnit)
	if err != nil {
		h.Fatal(err)
	}
	return id
}

// serial is how many transactions the host has seen.
func (h *sweepHost) serial() uint64 {
	h.Helper()
	var s struct{ Serial uint64 }
	b, err := os.ReadFile("/var/lib/bulwark/state.json")
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		h.Fatal(err)
	}
	return s.Serial
}

// sh runs a shell script that must succeed.
func (h *sweepHost) sh(script string) {
	h.Helper()
	if out, err := exec.Command("bash", "-euc", script).CombinedOutput(); err != nil {
		h.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// treeOf is all below root but the lock file.
func treeOf(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == lockFile {
			return err
		}
		all[path], err = dumpFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

type ran struct {
	code int
	out  string
}

func bulwark(args ...string) ran {
	var out bytes.Buffer
	cmd := exec.Command("bulwark", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return ran{exit.ExitCode(), out.String()}
	case err != nil:
		return ran{-1, err.Error()}
	}
	return ran{0, out.String()}
}

// skipInVM leaves a Go test to the container rig.
func skipInVM(t *testing.T, why string) {
	t.Helper()
	vm, err := inVM()
	if err != nil {
		t.Fatal(err)
	}
	if vm {
		t.Skip("container rig only: " + why)
	}
}
