package filter_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/filter"
)

func allow(names ...string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: specs.ActAllow}
}

// What does the same has the same digest, and nothing else has.
func TestDigest(t *testing.T) {
	eperm, nosys := uint(1), uint(38)
	arg := func(v uint64) []specs.LinuxSeccompArg {
		return []specs.LinuxSeccompArg{{Index: 0, Value: v, Op: specs.OpEqualTo}}
	}
	first := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{"a", "b"}, Syscalls: []specs.LinuxSyscall{allow("read", "write"), allow("open")}}
	same := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: &eperm, Architectures: []specs.Arch{"b", "a"}, Syscalls: []specs.LinuxSyscall{allow("open", "write", "read")}}
	if filter.Digest(first) != filter.Digest(same) {
		t.Error("order, joined rules and a stated EPERM make another digest")
	}
	seen := map[string]string{filter.Digest(first): "the first", filter.Digest(nil): "none"}
	for name, f := range map[string]*specs.LinuxSeccomp{
		"another default": {DefaultAction: specs.ActAllow, Architectures: first.Architectures, Syscalls: first.Syscalls},
		"another errno":   {DefaultAction: specs.ActErrno, DefaultErrnoRet: &nosys, Architectures: first.Architectures, Syscalls: first.Syscalls},
		"less":            {DefaultAction: specs.ActErrno, Architectures: first.Architectures, Syscalls: first.Syscalls[:1]},
		"one arch":        {DefaultAction: specs.ActErrno, Architectures: first.Architectures[:1], Syscalls: first.Syscalls},
		"argument":        {DefaultAction: specs.ActErrno, Architectures: first.Architectures, Syscalls: []specs.LinuxSyscall{{Names: []string{"socket"}, Action: specs.ActAllow, Args: arg(1)}}},
		"other argument":  {DefaultAction: specs.ActErrno, Architectures: first.Architectures, Syscalls: []specs.LinuxSyscall{{Names: []string{"socket"}, Action: specs.ActAllow, Args: arg(2)}}},
	} {
		d := filter.Digest(f)
		if other, ok := seen[d]; ok {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
}
