package auditrules_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// places is what lies where, for the tests.
func places(path string) (resource.AuditPath, bool) {
	switch path {
	case "/etc/docker", "/etc", "/", "/run/containerd", "/with blank":
		return resource.AuditPath{Real: path, Type: resource.Dir, Parent: true}, true
	case "/usr/bin/runc", "/etc/docker/daemon.json", "/run/docker.sock":
		return resource.AuditPath{Real: path, Type: resource.Regular, Parent: true}, true
	case "/etc/absent":
		return resource.AuditPath{Parent: true}, true
	case "/etc/alias":
		return resource.AuditPath{Real: "/etc/docker", Type: resource.Dir, Link: true, Parent: true}, true
	case "/no/parent", "/gone":
		return resource.AuditPath{Parent: path == "/gone"}, true
	}
	return resource.AuditPath{}, false
}

// TestParse: the line, and what the rule is as auditctl -l would print it.
func TestParse(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"-w /etc/docker -p wa -k bulwark-config", "-w /etc/docker -p wa -k bulwark-config"},
		{"  -w /etc/docker/// -p wa", "-w /etc/docker -p wa"},
		{"-w / -p x", "-w / -p x"},
		{"-w /usr/bin/runc", "-w /usr/bin/runc -p rwxa"},
		{"-w /etc/absent -p AW -k x", "-w /etc/absent -p wa -k x"},
		{`-w /with\ blank -p r -k a\\b`, `-w /with\ blank -p r -k a\\b`},
		{`-w /usr/bin/runc -k "quoted"`, `-w /usr/bin/runc -p rwxa -k "quoted"`},
		{`-w /usr/bin/runc -k a\b`, `-w /usr/bin/runc -p rwxa -k a\\b`},
		{"-w/usr/bin/runc -pwa -kx", "-w /usr/bin/runc -p wa -k x"},
		{"-w /etc/docker -F auid!=unset -p wa -k x", "-a always,exit -S all -F dir=/etc/docker -F perm=wa -F auid!=-1 -F key=x"},
		{"-a always,exit -F dir=/etc/docker -F perm=wa -F key=x", "-w /etc/docker -p wa -k x"},
		{"-a exit,never -F dir=/etc/docker -F perm=wa", "-a never,exit -S all -F dir=/etc/docker -F perm=wa"},
		{"-a always,exit -F path=/usr/bin/runc -p x -k x", "-w /usr/bin/runc -p x -k x"},
		{"-a always,exit -F arch=b64 -S mount -S umount2,setns -F auid=4294967295 -k x", "-a always,exit -F arch=b64 -S mount,umount2,setns -F auid=-1 -F key=x"},
		{"-a always,exit -F arch=b32 -S mount,all -F loginuid>=1000 -k x", "-a always,exit -F arch=b32 -S all -F auid>=1000 -F key=x"},
		{"-a always,exit -F arch=b64 -S 467 -k x", "-a always,exit -F arch=b64 -S 467 -F key=x"},
		{"-a always,exit -F arch=b64 -S ,connect, -F path=/run/docker.sock -k x", "-a always,exit -F arch=b64 -S connect -F path=/run/docker.sock -F key=x"},
		{"-a always,exit -F arch=b64 -S clone -F a0&0x7C020000 -F a1=-1 -F exit=-EPERM -F success=0 -k x", "-a always,exit -F arch=b64 -S clone -F a0&0x7C020000 -F a1=0xFFFFFFFF -F exit=-EPERM -F success=0 -F key=x"},
		{"-a never,exit -F arch=b64 -S mount -F exe=/usr/bin/runc", "-a never,exit -F arch=b64 -S mount -F exe=/usr/bin/runc"},
		{"-a always,exit -S all -C uid!=euid -C loginuid=obj_uid -F filetype=link -k x", "-a always,exit -S all -C uid!=euid -C auid=obj_uid -F filetype=40960 -F key=x"},
		{"-a never,task", "-a never,task"},
		{"-a always,exclude -F msgtype=CWD", "-a always,exclude -F msgtype=CWD"},
		{"-a always,user -F uid=0 -F subj_user=u", "-a always,user -F uid=0 -F subj_user=u"},
	} {
		r, err := auditrules.Parse(tt.line, places)
		if err != nil {
			t.Errorf("%s: %v", tt.line, err)
			continue
		}
		if got := auditrules.Text(r.Wire); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
		if r.Kernel().Text != tt.want || r.Text != strings.TrimSpace(tt.line) {
			t.Errorf("%s: the rule is %q, %q", tt.line, r.Text, r.Kernel().Text)
		}
	}
}

func TestParseParts(t *testing.T) {
	r, err := auditrules.Parse("-w /etc/docker/ -p wa -k bulwark-config", places)
	if err != nil {
		t.Fatal(err)
	}
	if r.Path != "/etc/docker" || !r.Dir || r.List != "exit" || r.Action != "always" || len(r.Keys) != 1 || r.Keys[0] != "bulwark-config" || len(r.Warnings) != 0 {
		t.Errorf("%+v", r)
	}
	r, err = auditrules.Parse("-a never,exit -F arch=b64 -S mount -F exe=/usr/bin/runc", places)
	if err != nil || r.Exe != "/usr/bin/runc" || r.Path != "" || r.Dir || r.Keys != nil || r.Action != "never" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"-a always,exit -F arch=b64 -S open_tree_attr -k x", "cannot read the rule: there is no syscall open_tree_attr for x86_64; if it is new, give its number"},
		{"-a always,exit -F arch=b32 -S nosuch -k x", "cannot read the rule: there is no syscall nosuch for i386; if it is new, give its number"},
		{"-a always,exit -S 2048", "cannot read the rule: there is no syscall of number 2048"},
		{"-a always,exit -S -1", "cannot read the rule: there is no syscall of number -1"},
		{"-a always,exit -F containerid=1", "cannot read the filter containerid=1: there is no field containerid"},
		{"-a always,exit -F path", "cannot read the filter path: it has no operator (!= >= <= &= = > < &)"},
		{"-a always,exit -F path=", "cannot read the filter path=: it has no value"},
		{"-a always,exit -F path=/a!=b", "cannot read the filter path=/a!=b: there is no field path=/a"},
		{"-w etc/docker", "cannot watch -w etc/docker: the path must be absolute"},
		{"-a always,exit -F path=/usr/bin/", "cannot watch path= /usr/bin/: the kernel refuses a slash at its end"},
		{"-a always,exit -F exe=runc", "cannot watch exe= runc: the path must be absolute"},
		{"-w /" + strings.Repeat("a", 256), "file names end at 255"},
		{"-w /" + strings.Repeat("a/", 2050), "the kernel takes less than 4096"},
		{"-a always,exit -F path=/a b", `cannot read the line: "b" stands there without an option`},
		{`-a always,exit -F "path=/a`, `cannot read the filter "path=/a: there is no field "path`},
		{"-w /etc/docker # why", `cannot read the line: "#" stands there without an option`},
		{"-w /etc/docker\t-p wa", "cannot read the line: it has a tab, and auditctl parts words at spaces only"},
		{"-w /etc/docker\r", "cannot read the line: it has a carriage return, which auditctl takes for a part of the word"},
		{"-w /etc/docker -k \x01", "cannot read the line: it has the control character 0x01"},
		{"-w /etc/docker -k " + strings.Repeat("k", 6200), "auditctl cuts lines of more than 6142"},
		{`-w/a\ b`, "cannot read the line: auditctl knows no escaped blanks in its first word"},
		{"-w", "cannot read the line: -w has no value"},
		{"-x", "cannot read the line: auditctl has no option -x"},
		{"--nosuch", "cannot read the line: auditctl has no option --nosuch"},
		{"--reset-lost=1", "cannot read the line: --reset-lost takes no value"},
		{"-k x -w /etc/docker", "cannot read the rule: -k stands before -a or -w"},
		{"-p wa -w /etc/docker", "cannot read the rule: -p stands before -a or -w"},
		{"-S mount", "cannot read the rule: it has neither -a nor -w"},
		{"-w /etc/docker -w /etc", "cannot read the rule: -w /etc follows another -a or -w"},
		{"-a always,exit -a never,exit", "cannot read the rule: -a never,exit follows another -a or -w"},
		{"-a always,entry -S mount", "cannot read the rule: -a always,entry is not an action (always, never) and a list (exit, task, user, exclude) with a comma between"},
		{"-a possible,exit -S mount", "is not an action"},
		{"-w /etc/docker -b 8192", "cannot read the rule: -b does not go with -a or -w"},
		{"-w /etc/docker -S mount", "cannot read the rule: -S has no effect with -w; write -a always,exit -F path="},
		{"-w /etc/docker -p rwxaa", "cannot read -p rwxaa: permissions are up to four of r, w, x and a"},
		{"-a always,exit -p wa", "cannot read the rule: -p wa stands before any field"},
		{"-a always,exit -F perm=z", "cannot read perm= z: permissions are up to four of r, w, x and a"},
		{"-a always,exit -F exe=/a -F exe=/b", "cannot read the rule: it has two exe filters, and the kernel takes one"},
		{"-a always,exit -F dir=/etc -F path=/etc/docker", "cannot read the rule: it has two of path, dir and inode, and the kernel takes one"},
		{"-a always,exit -F inode=5 -F path=/etc/docker", "it has two of path, dir and inode"},
		{"-a always,exit -F path!=/etc/docker", "cannot read the filter path!=/etc/docker: the kernel takes path with = only"},
		{"-a always,exit -S all -F uid&1", "cannot read the filter uid&1: the kernel takes uid with != >= <= = > < only"},
		{"-w /etc/docker -k " + strings.Repeat("k", 257), "cannot read the rule: its key has 257 bytes, more than the 256 that the kernel takes"},
		{"-a always,exit -F auid=0 -k x", "cannot read the rule: its key x must come after a syscall (-S), path, dir, perm or exe"},
		{"-a always,exit -S mount -F key=", "cannot read the rule: it has an empty key"},
		{"-a always,exit -S mount -F arch=b64", "cannot read the filter arch=b64: it must come before -S"},
		{"-a always,task -S mount", "cannot read the rule: -S goes with the list exit, not task"},
		{"-a always,user -C uid!=euid", "cannot read the comparison uid!=euid: -C goes with the list exit only"},
		{"-a always,exit -C uid", "cannot read the comparison uid: it has neither = nor !="},
		{"-a always,exit -C uid=pid", "cannot read the rule: "},
		{"-a always,exit -S all -F uid=unset", "cannot read the filter uid=unset: the kernel takes unset only in auid= and auid!="},
		{"-a always,exit -S all -F auid>unset", "the kernel takes unset only in auid= and auid!="},
		{"-a always,exit -S all -F uid=010", "cannot read the filter uid=010: write 010 as a decimal number"},
		{"-a always,exit -S all -F pid=1_0", "cannot read the filter pid=1_0: 1_0 is not a number"},
		{"-a always,exit -S all -F pid=-1", "cannot read the filter pid=-1: -1 is not a number"},
		{"-a always,exit -S all -F filetype=symlink", "cannot read the filter filetype=symlink: there is no such type of file"},
		{"-a always,exclude -F arch=b64", "cannot read the rule: "},
		{"-a always,exit" + strings.Repeat(" -F pid=1", 64), "cannot read the rule: it has 64 filters, and auditctl takes 63"},
	} {
		_, err := auditrules.Parse(tt.line, places)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s\n got %v\nwant %s", tt.line, err, tt.want)
		}
		var missing *auditrules.MissingError
		var unsupported *auditrules.UnsupportedError
		if errors.As(err, &missing) || errors.As(err, &unsupported) {
			t.Errorf("%.60s: %T", tt.line, err)
		}
	}
}

// TestUnsupported: auditctl loads these, and bulwark does not claim to know what.
func TestUnsupported(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"-A always,exit -S mount", "-A puts it before all others"},
		{"-a always,exit -S all -F auid=alice", "which number alice has in auid=alice depends on the accounts of the host"},
		{"-a always,exit -S all -F gid=docker", "which number docker has"},
		{"-a never,filesystem -F fstype=tracefs", "bulwark does not know rules of the list filesystem"},
		{"-a io_uring,always -S openat", "bulwark does not know rules of the list io_uring"},
		{"-a always,exit -S all -F sessionid=1", "bulwark does not know the field sessionid"},
		{"-a always,exit -F arch=0xc000003e -S mount", "it gives arch as the number 0xc000003e"},
		{"-w /etc/docker -k a -k b", "it has several keys, a and b"},
		{"-w /unknown", "auditctl loads it according to whether /unknown is a directory, which is not known here"},
	} {
		_, err := auditrules.Parse(tt.line, places)
		var unsupported *auditrules.UnsupportedError
		if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.line, err, tt.want)
		}
	}
}

func TestMissing(t *testing.T) {
	for line, want := range map[string]string{
		"-w /no/parent -p wa":                           "cannot watch /no/parent: /no does not exist, and the kernel refuses such a rule",
		"-a always,exit -F path=/no/parent":             "/no does not exist",
		"-a always,exit -F exe=/no/parent -S all":       "/no does not exist",
		"-a always,exit -F dir=/gone -F perm=wa":        "cannot watch /gone: /gone does not exist",
		"-a always,exit -F dir=/no/parent/ -F perm=wa":  "/no/parent does not exist",
		"-a always,exit -F exe!=/no/parent -S all -k x": "/no does not exist",
	} {
		_, err := auditrules.Parse(line, places)
		var missing *auditrules.MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	for line, want := range map[string]auditrules.WarningKind{
		"-a always,exit -S mount -k x":                                       auditrules.NoArch,
		"-w /etc/alias -p wa":                                                auditrules.Link,
		"-a always,exit -F path=/var/*":                                      auditrules.Wildcard,
		"-a always,exit -F arch=b64 -F path=/a -F perm=wa":                   auditrules.ByVersion,
		"-a always,exit -F arch=b64 -S mount -F perm=wa":                     auditrules.ByVersion,
		"-a always,exit -F perm=wa -F arch=b64 -F path=/a -k x":              "",
		"-a always,exit -F arch=b64 -S all -F perm=wa":                       "",
		"-a always,exit -F arch=b64 -S mount -k x":                           "",
		"-a always,exit -S all -k x":                                         "",
		"-a always,exit -F arch=b64 -S execve -F exe=/usr/bin/runc -F uid=0": "",
	} {
		r, err := auditrules.Parse(line, places)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		got := auditrules.WarningKind("")
		if len(r.Warnings) > 0 {
			got = r.Warnings[0].Kind
		}
		if got != want || len(r.Warnings) > 1 {
			t.Errorf("%s: %v, not %q", line, r.Warnings, want)
		}
	}
}

// TestParseWithoutHost: the machine that the test runs on has /etc, and Parse
// must not look there.
func TestParseWithoutHost(t *testing.T) {
	if _, err := auditrules.Parse("-w /etc", nil); err == nil {
		t.Error("it looked at the machine")
	}
	for _, line := range []string{"-a always,exit -F path=/etc", "-a always,exit -F dir=/nowhere -p wa"} {
		if _, err := auditrules.Parse(line, nil); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
