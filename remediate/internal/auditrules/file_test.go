package auditrules_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestParseFile(t *testing.T) {
	f := resource.File{Path: "/etc/audit/rules.d/50-x.rules", Content: []byte(`## a comment
 # another

   
-D
-b 8192
-f 1
--backlog_wait_time 60000
--loginuid-immutable
-D -k x
-i
-w /etc/docker -p wa -k bulwark-config
-a always,exit -F arch=b64 -S mount -F auid=alice
-A always,exit -S mount
-w nowhere
-e 3
-b many
-F auid=1
wrong
` + "-w /etc/docker\t-p wa\n" + `-e 2`)}
	var got []string
	for _, l := range auditrules.ParseFile(f, places) {
		s := fmt.Sprintf("%d %s", l.Number, l.Kind)
		if l.Flag != "" {
			s += " " + l.Flag + "=" + l.Value
		}
		if l.Err != nil {
			s += ": " + l.Err.Error()
		} else if l.Kind == auditrules.RuleLine {
			s += ": " + l.Rule.Text
		}
		got = append(got, s)
	}
	want := []string{
		"1 comment", "2 comment", "3 blank", "4 blank",
		"5 control -D=", "6 control -b=8192", "7 control -f=1", "8 control --backlog_wait_time=60000",
		"9 control --loginuid-immutable=", "10 control -D=", "11 control -i=",
		"12 rule: -w /etc/docker -p wa -k bulwark-config",
		"13 rule: /etc/audit/rules.d/50-x.rules line 13: cannot compare this rule with the kernel's: which number alice has in auid=alice depends on the accounts of the host",
		"14 rule: /etc/audit/rules.d/50-x.rules line 14: cannot compare this rule with the kernel's: -A puts it before all others",
		"15 rule: /etc/audit/rules.d/50-x.rules line 15: cannot watch -w nowhere: the path must be absolute",
		"16 bad -e=3: /etc/audit/rules.d/50-x.rules line 16: cannot read the line: -e takes 0, 1 or 2, not 3",
		"17 bad -b=many: /etc/audit/rules.d/50-x.rules line 17: cannot read the line: -b takes a number, not many",
		"18 bad -F=auid=1: /etc/audit/rules.d/50-x.rules line 18: cannot read the line: -F has no place in it",
		`19 bad: /etc/audit/rules.d/50-x.rules line 19: cannot read the line: "wrong" stands there without an option`,
		"20 bad: /etc/audit/rules.d/50-x.rules line 20: cannot read the line: it has a tab, and auditctl parts words at spaces only",
		"21 control -e=2",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if rules := auditrules.Rules(auditrules.ParseFile(f, places)); len(rules) != 1 {
		t.Errorf("rules: %v", rules)
	}
	if !auditrules.Unterminated(f) || auditrules.Unterminated(resource.File{}) || auditrules.Unterminated(resource.File{Content: []byte("-D\n")}) {
		t.Error("Unterminated is wrong")
	}
}

func TestPaths(t *testing.T) {
	files := []resource.File{
		{Content: []byte("-w /b/ -p wa\n# -w /comment\n-a always,exit -F path=/a -F exe!=/c -F exe=/d\n-w relative\n")},
		{Content: []byte("-a never,exit -F dir=/a/b// -S all\n-w /b\n-w " + `/with\ blank` + "\n-F nonsense\n\t-w /tab\n-w /last")},
	}
	want := []string{"/a", "/a/b", "/b", "/d", "/last", "/with blank"}
	if d := cmp.Diff(want, auditrules.Paths(files)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
