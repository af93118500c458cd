//go:build linux && amd64

package txn_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A mutant is a fault planted in the source, to prove that the tests above can
// see it.
type mutant struct {
	file     string // beside this package
	old, new string
}

var mutants = map[string]mutant{
	"no file fsync": {
		"../fsys/write.go", "err := retry(func() error { return unix.Fsync(int(f.Fd())) })", "var err error",
	},
	"no directory fsync": {
		"../fsys/dir.go", "retry(func() error { return unix.Fsync(d.fd) })", "nil",
	},
	"stage before ACTIVE": {
		"run.go", "{ return t.activate() },", "{ return t.stage() },\n\t\tfunc(context.Context) error { return t.activate() },",
	},
	"commit before health": {
		"run.go", "{ return t.health(ctx, spec.Health) }", "{ _ = t.wal.append(record{Kind: recCommit}); return t.health(ctx, spec.Health) }",
	},
	"no truncation of the log": {
		"tx.go", "walRead{recs, good, good < len(b)}", "walRead{recs, max(good, len(b)), false}",
	},
	"direction flips": {
		"recover.go", "if t.wal.has(recCommit) {", "if t.wal.has(recCommit) || t.wal.has(recHealth) || t.wal.has(recFiles) {",
	},
}

// build compiles this test program with the fault in it.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	gobin, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command, to build the mutant: ", err)
	}
	dir := t.TempDir()
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(src), m.old) != 1 {
		t.Fatalf("%s does not have %q once: the mutant is out of date", m.file, m.old)
	}
	text := strings.Replace(string(src), m.old, m.new, 1)
	if strings.Contains(m.new, "t.stage()") { // moved, not doubled
		text = strings.Replace(text, "\t\tfunc(context.Context) error { return t.stage() },\n\t\tfunc(ctx", "\t\tfunc(ctx", 1)
	}
	overlay, _ := json.Marshal(map[string]map[string]string{"Replace": {path: filepath.Join(dir, "mutant.go")}})
	for name, b := range map[string][]byte{"mutant.go": []byte(text), "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "mutant.test")
	out, err := exec.Command(gobin, "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// The kill sweep sees faults of order and direction.
func TestKillSweepCatchesMutants(t *testing.T) {
	for name, fail := range map[string]string{
		"stage before ACTIVE": "", "commit before health": "health", "direction flips": "health",
	} {
		t.Run(name, func(t *testing.T) {
			bin := mutants[name].build(t)
			w := newWorld(t, fast(t))
			e := w.ends()
			w.env = []string{"BULWARK_DEMO_FAIL=" + fail}
			seen, bad := w.sweepKills(bin, e, points(w.total(bin), 40))
			if len(bad) == 0 && (fail == "" || seen["after"] == 0) {
				t.Error("the sweep did not see the fault")
			}
		})
	}
}

// The log test sees that garbage is not cut off.
func TestTornLogCatchesMutant(t *testing.T) {
	bin := mutants["no truncation of the log"].build(t)
	if err := tornTwice(newWorld(t, fast(t)), bin); err == nil {
		t.Error("the test did not see the fault")
	}
}

// Power cuts see a missing fsync, each on a file system that does not hide it.
func TestPowerCutCatchesMutants(t *testing.T) {
	if !alone(t) {
		return
	}
	for name, where := range map[string]string{"no file fsync": "ext4, journal flushed", "no directory fsync": "btrfs"} {
		bin := mutants[name].build(t)
		d := disks(t)[where]
		d.format()
		e, total := d.learn(bin, nil)
		_, bad := d.sweep(bin, e, append(points(total, 12), total-6, total-4, total-2, 0))
		if len(bad) == 0 {
			t.Errorf("%s: not seen on %s", name, where)
			continue
		}
		t.Logf("%s on %s: %d bad, the first: %.300s", name, where, len(bad), bad[0])
	}
}
