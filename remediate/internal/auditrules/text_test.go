package auditrules_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// wire is a rule of one field that no line makes.
func wire(t *testing.T, list, action, field, op, value uint32) resource.AuditRule {
	t.Helper()
	b := make([]byte, 12+64*4*4+4)
	put := func(at int, v uint32) { binary.NativeEndian.PutUint32(b[at:], v) }
	put(0, list)
	put(4, action)
	put(8, 1)
	put(12+64*4, field)
	put(12+64*4*2, value)
	put(12+64*4*3, op)
	return resource.AuditRule{Wire: b, Text: auditrules.Text(b)}
}

func TestTextOfOdd(t *testing.T) {
	const equal = 0x40000000
	for _, tt := range []struct {
		list, action, field, op, value uint32
		want                           string
	}{
		{4, 2, 999, equal, 5, "-a always,exit -F f999=5"},
		{4, 9, 9, 0x123, 5, "-a 0x9,exit -F auid0x1235"},
		{15, 2, 0, equal, 5, "-a always,0xf -F pid=5"},
		{4, 2, 111, equal, 0, "-a always,exit -C comparison=0"},
		{4, 2, 111, equal, 25, "-a always,exit -C sgid=fsgid"},
		{4, 2, 111, 0x30000000, 26, "-a always,exit -C comparison!=26"},
		{4, 2, 11, equal, 0x1234, "-a always,exit -F arch=0x1234"},
		{4, 2, 11, equal, 0xc00000b7, "-a always,exit -F arch=aarch64"},
		{4, 2, 103, equal, 0xffffffff, "-a always,exit -F exit=-EPERM"},
		{4, 2, 103, equal, 0xffff0000, "-a always,exit -F exit=-65536"},
		{5, 2, 12, equal, 0x123456, "-a always,exclude -F msgtype=1193046"},
		{5, 2, 12, equal, 9999, "-a always,exclude -F msgtype=UNKNOWN[9999]"},
		{4, 2, 102, equal, 0xffffffff, "-a always,exit -F inode=4294967295"},
		{4, 2, 25, equal, 0xffffffff, "-a always,exit -F sessionid=-1"},
		{4, 2, 106, equal, 15, "-a always,exit -F perm=rwxa"},
	} {
		if got := wire(t, tt.list, tt.action, tt.field, tt.op, tt.value).Text; got != tt.want {
			t.Errorf("got %s\nwant %s", got, tt.want)
		}
	}
}

func TestTextCutOff(t *testing.T) {
	r := rule(t, "-w /etc/docker -p wa -k bulwark-config")
	if got := auditrules.Text(r.Wire[:50]); !strings.HasPrefix(got, "(cannot decode a rule of 50 bytes: 1040 are the least: 04000000") {
		t.Error(got)
	}
	if got := auditrules.Text(r.Wire[:1045]); !strings.HasPrefix(got, "(cannot decode a rule of 3 fields and 25 bytes of text: ") {
		t.Error(got)
	}
	if auditrules.Keys(r.Wire[:1045]) != nil {
		t.Error("it has keys")
	}
	big := append([]byte{}, r.Wire...)
	binary.NativeEndian.PutUint32(big[8:], 65)
	if got := auditrules.Text(big); !strings.HasPrefix(got, "(cannot decode a rule of 65 fields") {
		t.Error(got)
	}
	long := append([]byte{}, r.Wire...)
	binary.NativeEndian.PutUint32(long[12+64*4*2:], 0xffffffff) // the length of the path
	if got := auditrules.Text(long); !strings.HasPrefix(got, "(cannot decode a rule: the text of field 107 is cut off: ") {
		t.Error(got)
	}
}

// TestNormal: what the kernel may send behind a rule is not part of it.
func TestNormal(t *testing.T) {
	for _, line := range []string{"-w /etc/docker -p wa -k abc", "-w /etc/docker -p wa -k abcd", "-a never,task"} {
		r := rule(t, line)
		for _, tail := range []string{"", "\x00", "\x00\x00\x00\x00", "garbage"} {
			if got := auditrules.Normal(append(append([]byte{}, r.Wire...), tail...)); string(got) != string(r.Wire) {
				t.Errorf("%s with %q: %d bytes, not %d", line, tail, len(got), len(r.Wire))
			}
		}
		for _, n := range []int{0, 1039} {
			if got := auditrules.Normal(r.Wire[:n]); len(got) != n {
				t.Errorf("%d bytes became %d", n, len(got))
			}
		}
	}
}
