package remediate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// savedPlan is what plan --out writes of an image.
func savedPlan(t testing.TB) []byte {
	t.Helper()
	h, err := remediate.Open("dev", t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	at := filepath.Join(t.TempDir(), "plan.json")
	p := &resource.Plan{Digest: "d", Facts: []resource.PlanFact{{Name: "host", Value: "6d0f"}, {Name: "file /etc/docker/daemon.json", Value: "absent"}}}
	if err := h.Save(p, at); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func load(t testing.TB, at string, b []byte) (*remediate.SavedPlan, error) {
	t.Helper()
	if err := os.WriteFile(at, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return remediate.LoadPlan(at)
}

// TestSavedPlanIsWhole: a saved plan with one bit turned is refused, wherever
// it is.
func TestSavedPlanIsWhole(t *testing.T) {
	b := savedPlan(t)
	at := filepath.Join(t.TempDir(), "plan.json")
	if _, err := load(t, at, b); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for bit := range 8 {
			altered := bytes.Clone(b)
			altered[i] ^= 1 << bit
			if _, err := load(t, at, altered); err == nil {
				t.Errorf("byte %d as %q passes", i, altered[i])
			}
		}
	}
}

// TestSavedPlanWithoutEnd: a device or pipe is not read for ever.
func TestSavedPlanWithoutEnd(t *testing.T) {
	start := time.Now()
	if _, err := remediate.LoadPlan("/dev/zero"); err == nil {
		t.Error("it is a plan")
	}
	if took := time.Since(start); took > time.Minute {
		t.Error(took)
	}
}

// FuzzSavedPlan: a saved plan is refused, or is byte for byte what bulwark
// writes, so that nothing else can be in it; and checking it against a plan
// that it does not promise is an error.
func FuzzSavedPlan(f *testing.F) {
	good := savedPlan(f)
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte(`"format"`), []byte(`"Format"`)))
	f.Add(append(bytes.Clone(good), good...))
	f.Add([]byte(`{"format": 1, "facts": null}`))
	f.Add([]byte("null"))
	root := f.TempDir()
	h, err := remediate.Open("dev", root, "")
	if err != nil {
		f.Fatal(err)
	}
	at := filepath.Join(root, "plan.json")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := load(t, at, b)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b, []byte("{\n  \"format\": 1,\n")) || len(b) != len(bytes.TrimSpace(b))+1 {
			t.Errorf("not as it is written: %q", b)
		}
		if err := p.Check(h, &resource.Plan{Digest: p.Digest + "x"}); err == nil {
			t.Error("it promises another plan")
		}
	})
}
