package daemonjson_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func seeds(f *testing.F, add func(string)) {
	f.Helper()
	for _, in := range shapes() {
		add(in)
	}
	for _, tc := range invalid() {
		if len(tc.in) < 1000 {
			add(tc.in)
		}
	}
}

// FuzzEdit: whatever Edit accepts stays JSON, holds the wanted value, and is
// left alone by a second edit; a new member at the end is taken out again
// without a trace.
func FuzzEdit(f *testing.F) {
	seeds(f, func(in string) { f.Add([]byte(in), "icc", []byte(`{"a":[1,{"b":null}]}`)) })
	f.Fuzz(func(t *testing.T, in []byte, name string, value []byte) {
		if !utf8.ValidString(name) || len(value) == 0 {
			return
		}
		want := []resource.DaemonKey{{Key: name, Value: value}}
		out, err := daemonjson.Edit(in, want)
		if err != nil {
			return
		}
		body := bytes.TrimPrefix(out, []byte("\ufeff"))
		if len(bytes.TrimSpace(body)) > 0 && !json.Valid(body) {
			t.Fatalf("%q became invalid: %q", in, out)
		}
		if again, err := daemonjson.Edit(out, want); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q: second edit (%v): %q, first %q", in, err, again, out)
		}
		var before, after map[string]json.RawMessage
		_ = json.Unmarshal(bytes.TrimPrefix(in, []byte("\ufeff")), &before)
		_ = json.Unmarshal(body, &after)
		for k, v := range before {
			if k != name && !bytes.Equal(v, after[k]) {
				t.Fatalf("%q: member %q changed to %q", in, k, after[k])
			}
		}
		if _, had := before[name]; had || len(before) == 0 {
			return
		}
		back, err := daemonjson.Edit(out, []resource.DaemonKey{{Key: name}})
		if err != nil || !bytes.Equal(back, in) {
			t.Fatalf("%q: not undone (%v): %q", in, err, back)
		}
	})
}

// FuzzCheck: a file without a refusal is one that encoding/json, and so
// dockerd, decodes, and one that Edit accepts.
func FuzzCheck(f *testing.F) {
	seeds(f, func(in string) { f.Add([]byte(in), 29, 0) })
	f.Fuzz(func(t *testing.T, in []byte, major, minor int) {
		bad := refused(in, daemonjson.Version{Major: major, Minor: minor})
		for _, p := range bad {
			if p.Line < 1 || p.Column < 1 || p.Line > bytes.Count(in, []byte("\n"))+1 {
				t.Fatalf("%q: no such place: %+v", in, p)
			}
		}
		body := bytes.TrimPrefix(in, []byte("\ufeff"))
		if len(bad) > 0 || len(bytes.TrimSpace(body)) == 0 {
			return
		}
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatalf("%q accepted, but %v", in, err)
		}
		for k := range m {
			if _, ok := daemonjson.Lookup(k); !ok && major <= 29 && len(daemonjson.Check("", in, daemonjson.Version{Major: major, Minor: minor})) == 0 {
				t.Fatalf("%q: unknown key %q passes without a word", in, k)
			}
		}
		if _, err := daemonjson.Edit(in, []resource.DaemonKey{{Key: "icc", Value: json.RawMessage("false")}}); err != nil {
			t.Fatalf("%q accepted, but %v", in, err)
		}
	})
}

// FuzzRedact: JSON stays JSON, a second pass changes nothing, and a secret
// under a telling name is gone.
func FuzzRedact(f *testing.F) {
	seeds(f, func(in string) { f.Add([]byte(in), "hunter2secretvalue") })
	f.Add([]byte(`{"log-opts": {"splunk-token": "hunter2"}} // old token: hunter2`), "hunter2")
	f.Fuzz(func(t *testing.T, in []byte, secret string) {
		out := daemonjson.Redact(in)
		if again := daemonjson.Redact(out); !bytes.Equal(again, out) {
			t.Fatalf("%q: %q, again %q", in, out, again)
		}
		if json.Valid(in) && utf8.Valid(in) && !json.Valid(out) {
			t.Fatalf("%q became %q", in, out)
		}
		quoted, err := json.Marshal(secret)
		if err != nil || len(secret) < 8 {
			return
		}
		hide := []byte(`{"a": {"my-password": [` + string(quoted) + `]}, "b": "http://u:` + "x" + `@h"}`)
		if bytes.Contains(daemonjson.Redact(hide), quoted) && secret != daemonjson.Redacted {
			t.Fatalf("%s is shown", quoted)
		}
	})
}
