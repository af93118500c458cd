package remediate_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
)

// FuzzPlanOfSnapshot: a snapshot is a file that somebody sends; whatever is in
// it, a plan is refused or made, and can be written.
func FuzzPlanOfSnapshot(f *testing.F) {
	for _, host := range hosts() {
		b, err := remediate.EncodeSnapshot(host())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(bytes.ReplaceAll(b, []byte(`"value": {`), []byte(`"value": null, "x": {`)))
	}
	f.Add([]byte(`{"format": 1}`))
	f.Add([]byte(`{"format": 1, "root": "/", "started_with": {}, "flags": {"value": [{}]}, "containers": {"value": [{}]}}`))
	f.Add([]byte(`{"format": 1, "root": "/", "accounts": {"value": {"passwd": {"content": "Og==", "print": {"type": "file"}}, "group": {"content": "Og==", "print": {"type": "file"}}}}}`))
	strict, err := plans.Load("strict", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := remediate.DecodeSnapshot(b)
		if err != nil {
			return
		}
		p := remediate.NewPlan(strict, s)
		if _, err := json.Marshal(p); err != nil {
			t.Error(err)
		}
		if _, err := remediate.EncodeSnapshot(s); err != nil {
			t.Error(err)
		}
	})
}

// TestNullSnapshots sets each part of a snapshot to null, to an empty value,
// and to one of another type in turn: no plan panics.
func TestNullSnapshots(t *testing.T) {
	strict := policy(t, "strict")
	for name, host := range hosts() {
		b, err := remediate.EncodeSnapshot(host())
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(b, &tree); err != nil {
			t.Fatal(err)
		}
		n := 0
		mutate(tree, func() {
			out, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			s, err := remediate.DecodeSnapshot(out)
			if err != nil {
				return
			}
			n++
			remediate.NewPlan(strict, s)
		})
		if n == 0 {
			t.Errorf("%s: no snapshot was read", name)
		}
	}
}

// mutate replaces every value below v in turn, calls f, and puts it back.
func mutate(v any, f func()) {
	odd := []any{nil, "", -1, []any{nil}, map[string]any{}}
	switch v := v.(type) {
	case map[string]any:
		for k, old := range v {
			for _, o := range odd {
				v[k] = o
				f()
			}
			delete(v, k)
			f()
			v[k] = old
			mutate(old, f)
		}
	case []any:
		for i, old := range v {
			for _, o := range odd {
				v[i] = o
				f()
			}
			v[i] = old
			mutate(old, f)
		}
	}
}
