package auditrules_test

import (
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// TestHidden: by stands before own. "" says that nothing is taken away.
func TestHidden(t *testing.T) {
	const (
		watch = "-w /etc/docker -p wa -k bulwark-config"
		mount = "-a always,exit -F arch=b64 -S mount,setns -F auid=unset -k bulwark-escape"
	)
	for _, tt := range []struct{ by, own, want string }{
		{"-a never,exit -S all -F auid=unset", mount, "never"},
		{"-a never,exit -F arch=b64 -S mount -F exe=/usr/bin/runc", mount, "never"},
		{"-a never,exit -F arch=b64 -S setns", watch, "never"}, // all syscalls, this one too
		{"-a never,exit -F arch=b64 -S setns,umount2", mount, "never"},
		{"-a never,exit -F arch=b64 -S umount2", mount, ""},
		{"-a never,exit -F arch=b32 -S setns", mount, ""},
		{"-a never,exit -F arch!=b64 -S all", mount, ""},
		{"-a never,exit -S all -F auid>=1000 -F auid!=unset", mount, ""},
		{"-a never,exit -S all -F auid>=1000", mount, "never"}, // unset is 4294967295
		{"-a never,exit -S all -F auid<1000", mount, ""},
		{"-a never,exit -S all -F auid<0", mount, ""},
		{"-a never,exit -S all -F auid<=4294967294", mount, ""},
		{"-a never,exit -S all -F auid>4294967294", mount, "never"},
		{"-a never,exit -F arch=b64 -S mount -F a0&1", mount, "never"}, // not sure
		{"-a never,exit -S all -F gid=5 -F pid!=1", mount, "never"},
		{"-a never,exit -F dir=/var -F perm=r", watch, "never"}, // a rename has two paths
		{"-a never,task", watch, "never"},
		{"-a never,task -F auid=5", mount, ""},
		{"-a always,task", watch, ""},
		{"-a always,exclude -F msgtype=CWD", watch, ""},
		{"-a never,exclude -F msgtype=SYSCALL", watch, "never"},
		{"-a always,exclude -F msgtype=PATH", watch, "never"},
		{"-a always,exclude -F msgtype!=CWD", watch, "never"},
		{"-a always,exclude -F msgtype>=1300", watch, "never"},
		{"-a always,exclude -F uid=0", watch, "never"},
		{"-a always,exclude -F auid=1", mount, ""},
		{"-a never,user -F uid=0", watch, ""},
		{"-w /etc/docker -p wa -k bulwark-config2", watch, "other key"},
		{"-w /etc/docker/daemon.json -p wa -k docker", watch, "other key"},
		{"-w /etc -p wa -k etc", watch, "other key"},
		{"-w / -p wa -k all", watch, "other key"},
		{"-w /usr/bin/runc -p x -k docker", watch, ""},
		{"-a always,exit -F dir=/etc/docker -F perm=r -F key=bulwark-config", watch, ""}, // the same key
		{"-a always,exit -F arch=b64 -S openat -F exit=-EACCES -F key=access", watch, "other key"},
		{"-a always,exit -F arch=b64 -S mount -k mounts", mount, "other key"},
	} {
		by, own := kernelRules(t, tt.by), kernelRules(t, tt.own)
		hidings := auditrules.Hidden(append(by, own...), own)
		if got := kindOf(t, hidings); got != tt.want {
			t.Errorf("%s before %s: %q, not %q", tt.by, tt.own, got, tt.want)
		}
		// Behind it, only other lists matter.
		hidings = auditrules.Hidden(append(own, by...), own)
		if strings.Contains(tt.by, ",exit") || strings.HasPrefix(tt.by, "-w") {
			tt.want = ""
		}
		if got := kindOf(t, hidings); got != tt.want {
			t.Errorf("%s behind %s: %q, not %q", tt.by, tt.own, got, tt.want)
		}
	}
}

func kindOf(t *testing.T, hidings []auditrules.Hiding) string {
	t.Helper()
	switch {
	case len(hidings) == 0:
		return ""
	case len(hidings) > 1:
		t.Fatalf("%d hidings", len(hidings))
	case hidings[0].Never:
		return "never"
	}
	return "other key"
}

// TestHiddenOwn: our own rules do not count, and one that cannot be decoded
// counts for one that matches all.
func TestHiddenOwn(t *testing.T) {
	own := kernelRules(t, "-a never,exit -F arch=b64 -S mount -F exe=/usr/bin/runc", "-a always,exit -F arch=b64 -S mount -F auid=unset -k bulwark-escape")
	if got := auditrules.Hidden(own, own); len(got) != 0 {
		t.Errorf("%v", got)
	}
	odd := resource.AuditRule{Wire: []byte("odd"), Text: "odd"}
	if got := auditrules.Hidden(append([]resource.AuditRule{odd}, own...), own); len(got) != 2 || !got[0].Never || got[0].By.Text != "odd" {
		t.Errorf("%v", got)
	}
}

// TestHiddenFilesystem: the list filesystem, whose rules bulwark cannot parse,
// but the kernel lists.
func TestHiddenFilesystem(t *testing.T) {
	own := kernelRules(t, "-w /etc/docker -p wa -k bulwark-config")
	for value, want := range map[uint32]string{0x74726163: "", 0x64626720: "", 0xef53: "never"} {
		by := wire(t, 6, 0, 26, 0x40000000, value)
		if got := kindOf(t, auditrules.Hidden(append(own, by), own)); got != want {
			t.Errorf("fstype 0x%x: %q", value, got)
		}
		if got := by.Text; !strings.HasPrefix(got, "-a never,filesystem -F fstype=") {
			t.Error(got)
		}
	}
}
