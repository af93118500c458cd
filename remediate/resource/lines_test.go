package resource_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestApplyLines(t *testing.T) {
	for _, c := range []struct {
		name, in    string
		remove, add []string
		want        string
	}{
		{"empty file", "", nil, []string{"a:1:2"}, "a:1:2\n"},
		{"append", "a\nb\n", nil, []string{"c", "d"}, "a\nb\nc\nd\n"},
		{"no final newline", "a\nb", nil, []string{"c"}, "a\nb\nc\n"},
		{"nothing to do keeps a missing newline", "a\nb", nil, nil, "a\nb"},
		{"identical line is not added twice", "a\nb\n", nil, []string{"b"}, "a\nb\n"},
		{"identical last line without newline", "a\nb", nil, []string{"b"}, "a\nb"},
		{"same addition twice", "a\n", nil, []string{"b", "b"}, "a\nb\n"},
		{"remove first", "a\nb\nc\n", []string{"a"}, nil, "b\nc\n"},
		{"remove last without newline", "a\nb", []string{"b"}, nil, "a\n"},
		{"remove the only line", "a", []string{"a"}, nil, ""},
		{"replace", "a:1\nb:1\nc:1\n", []string{"b:1"}, []string{"b:2"}, "a:1\nc:1\nb:2\n"},
		{"move to the end", "a\nb\n", []string{"a"}, []string{"a"}, "b\na\n"},
		{"CRLF kept, added line bare", "a\r\nb\r\n", []string{"a"}, []string{"c"}, "b\r\nc\n"},
		{"CRLF line is another line than the added one", "a\r\n", nil, []string{"a"}, "a\r\na\n"},
		{"two identical lines named twice", "a\nb\na\n", []string{"a", "a"}, nil, "b\n"},
		{"blank lines and comments stay", "# x\n\n a\n\nb\n", []string{"b"}, []string{"c"}, "# x\n\n a\n\nc\n"},
		{"whitespace counts", " a\na\n", []string{"a"}, nil, " a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := resource.ApplyLines([]byte(c.in), resource.LineEdit{Remove: c.remove, Add: c.add})
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestApplyLinesRefuses(t *testing.T) {
	for _, c := range []struct {
		name, in    string
		remove, add []string
	}{
		{"line is gone", "a\n", []string{"b"}, nil},
		{"part of a line", "a:1:2\n", []string{"a:1"}, nil},
		{"line is there twice", "a\na\n", []string{"a"}, nil},
		{"line is there once", "a\n", []string{"a", "a"}, nil},
		{"newline in an added line", "a\n", nil, []string{"b\nroot2:x:0:0::/:/bin/sh"}},
		{"carriage return in an added line", "a\n", nil, []string{"b\r"}},
		{"empty added line", "a\n", nil, []string{""}},
		{"empty removed line", "a\n\n", []string{""}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := resource.ApplyLines([]byte(c.in), resource.LineEdit{Remove: c.remove, Add: c.add})
			if err == nil {
				t.Errorf("accepted, gave %q", got)
			}
		})
	}
}

func TestApplyLinesLeavesItsInputAlone(t *testing.T) {
	in := []byte("a\nb\nc\n")[:4]
	whole := in[:6]
	if _, err := resource.ApplyLines(in, resource.LineEdit{Remove: []string{"a"}, Add: []string{"zz"}}); err != nil {
		t.Fatal(err)
	}
	if string(whole) != "a\nb\nc\n" {
		t.Errorf("input changed to %q", whole)
	}
}

func FuzzApplyLines(f *testing.F) {
	for _, s := range []string{"", "a\nb\n", "a\r\nb", "\n\n", "a\na\n", "a\x00b"} {
		f.Add([]byte(s), "new:1:2")
	}
	f.Fuzz(func(t *testing.T, in []byte, line string) {
		out, err := resource.ApplyLines(in, resource.LineEdit{Add: []string{line}})
		if err != nil {
			return
		}
		if !bytes.HasPrefix(out, in) {
			t.Fatalf("%q lost bytes: %q", in, out)
		}
		again, err := resource.ApplyLines(out, resource.LineEdit{Add: []string{line}})
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("second time differs: %q, %v", again, err)
		}
		if strings.Count("\n"+string(in)+"\n", "\n"+line+"\n") > 0 {
			return
		}
		back, err := resource.ApplyLines(out, resource.LineEdit{Remove: []string{line}})
		if err == nil && len(in) > 0 && in[len(in)-1] == '\n' && !bytes.Equal(back, in) {
			t.Fatalf("removing what was added gives %q, want %q", back, in)
		}
	})
}
