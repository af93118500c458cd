package auditrules_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var seeds = []string{
	"-w /etc/docker -p wa -k bulwark-config",
	`-w /with\ blank -p r -k a\\b`,
	"-a always,exit -F arch=b64 -S mount,umount2,467 -F auid!=unset -F a0&0x7C020000 -k x",
	"-a never,exit -F arch=b32 -S all -F exe=/usr/bin/runc -C uid!=euid",
	"-a always,exclude -F msgtype=CWD",
	"-a never,task -F uid>=1000",
	"-a always,exit -F dir=/etc -F perm=wa -F exit=-EPERM -F success=0 -F filetype=character -p x",
	"-a always,user -F subj_user=a -F pid=0x10 -F saddr_fam=2",
	"-D -k x", "-b 8192", "--backlog_wait_time=5", "-A exit,always -S 2048", "-e 2", "# x", "", " ", "-", "--",
}

// FuzzParse: a rule that is read is one that the kernel's decoder understands,
// and its text, read again, makes the same bytes.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, err := auditrules.Parse(line, places)
		if err != nil {
			return
		}
		text := auditrules.Text(r.Wire)
		if strings.HasPrefix(text, "(") {
			t.Fatalf("%q: %s", line, text)
		}
		if !bytes.Equal(auditrules.Normal(r.Wire), r.Wire) {
			t.Fatalf("%q: the bytes are not normal", line)
		}
		again, err := auditrules.Parse(text, here)
		if err != nil {
			if strings.ContainsRune(text, '=') && rereadable(text) {
				t.Fatalf("%q became %q: %v", line, text, err)
			}
			return
		}
		if rereadable(text) && !bytes.Equal(again.Wire, r.Wire) {
			t.Fatalf("%q became %q, which is another rule", line, text)
		}
	})
}

// here takes each path for what a watch of it was printed from: the text does
// not say whether it is a directory.
func here(path string) (resource.AuditPath, bool) { return places(path) }

// rereadable: the text has nothing that auditctl prints and cannot read:
// numbers of file types, bytes that are no text, syscalls of other machines.
func rereadable(text string) bool {
	for _, odd := range []string{"filetype", `\x`, `\u`, `\U`, `\n`, `\a`, `\b`, `\v`, `\f`, "-S all -F", "msgtype", "arch", "-w ", "exit=", "exit!", "exit<", "exit>"} {
		if strings.Contains(text, odd) {
			return false
		}
	}
	return true
}

func FuzzParseFile(f *testing.F) {
	f.Add(strings.Join(seeds, "\n"))
	f.Add("-D\r\n-w /etc\t-p wa\n\x00")
	f.Fuzz(func(t *testing.T, content string) {
		file := resource.File{Path: "/f", Content: []byte(content)}
		lines := auditrules.ParseFile(file, places)
		want := strings.Count(content, "\n")
		if auditrules.Unterminated(file) {
			want++
		}
		if len(lines) != want {
			t.Fatalf("%d lines of %d", len(lines), want)
		}
		for _, l := range lines {
			if (l.Kind == auditrules.BadLine) && l.Err == nil || l.Kind == auditrules.RuleLine && l.Err == nil && len(l.Rule.Wire) == 0 {
				t.Fatalf("%+v", l)
			}
		}
		auditrules.Paths([]resource.File{file})
	})
}

// FuzzCompile: no line is lost but comments, empty ones, and options that a
// later one replaces; what is compiled stays the same if compiled again.
func FuzzCompile(f *testing.F) {
	f.Add(strings.Join(seeds, "\n"), "-D\n -b 5", true, false)
	f.Add("-w /a", "s-e 2\n\t-f 1\r\n", false, true)
	f.Fuzz(func(t *testing.T, a, b string, blanks, returns bool) {
		s := auditrules.Script{Blanks: blanks, Returns: returns}
		files := []resource.File{{Path: "/x/2.rules", Content: []byte(b)}, {Path: "/x/1.rules", Content: []byte(a)}}
		out := auditrules.Compile(files, s)
		again := auditrules.Compile([]resource.File{{Path: "/x/a.rules", Content: out}}, s)
		if !returns && !bytes.Equal(out, again) { // each time one return less
			t.Fatalf("%q became %q", out, again)
		}
		for line := range strings.SplitSeq(a+b, "\n") {
			if strings.HasPrefix(line, "-w") && !strings.HasSuffix(line, "\r") && !bytes.Contains(out, []byte("\n"+line+"\n")) {
				t.Fatalf("%q is not in %q", line, out)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range seeds {
		if r, err := auditrules.Parse(s, places); err == nil {
			f.Add(r.Wire)
		}
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 1100))
	f.Fuzz(func(t *testing.T, wire []byte) {
		if auditrules.Text(wire) == "" {
			t.Fatal("no text")
		}
		r := resource.AuditRule{Wire: wire}
		auditrules.Keys(wire)
		auditrules.Hidden([]resource.AuditRule{r, {Wire: auditrules.Normal(wire)}}, []resource.AuditRule{r})
	})
}
