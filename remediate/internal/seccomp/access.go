package seccomp

import (
	"fmt"
	"slices"
	"strings"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// A Machine is what dockerd resolves a profile for.
type Machine struct {
	// Arch is GOARCH.
	Arch string
	// Kernel is the version as in 6.1; zero is newer than any condition.
	Kernel [2]uint64
}

// goArches maps GOARCH to dockerd's names.
func goArches() map[string]string {
	return map[string]string{
		"386": "x86", "amd64": "amd64", "arm": "arm", "arm64": "arm64", "loong64": "loongarch64", "mips64": "mips64",
		"mips64le": "mipsel64", "mipsle": "mipsel", "ppc64": "ppc64", "ppc64le": "ppc64le", "riscv64": "riscv64", "s390x": "s390x",
	}
}

// An access is for one system call what each of the rules about it says, as
// text to compare by, with "" for "always".
type access struct {
	allowed map[string]bool
	// denied are the rules that fail the call with another outcome than the
	// default.
	denied map[string]bool
}

// accesses resolves a profile but for capabilities, which differ by container:
// they stay as conditions.
func accesses(p *Profile, m Machine) map[string]access {
	out := map[string]access{}
	for _, r := range p.Syscalls {
		if !applies(r, m) || r.Action == p.DefaultAction {
			continue
		}
		for _, name := range namesOf(r) {
			a, ok := out[name]
			if !ok {
				a = access{map[string]bool{}, map[string]bool{}}
				out[name] = a
			}
			if allows(r) {
				a.allowed[condition(r)] = true
			} else {
				a.denied[condition(r)] = true
			}
		}
	}
	return out
}

func applies(r *profiles.Syscall, m Machine) bool {
	arch := goArches()[m.Arch]
	if f := r.Excludes; f != nil && (slices.Contains(f.Arches, arch) || f.MinKernel != nil && m.atLeast(f.MinKernel)) {
		return false
	}
	f := r.Includes
	return f == nil || (len(f.Arches) == 0 || slices.Contains(f.Arches, arch)) && (f.MinKernel == nil || m.atLeast(f.MinKernel))
}

func (m Machine) atLeast(v *profiles.KernelVersion) bool {
	return m.Kernel == [2]uint64{} || m.Kernel[0] > v.Kernel || m.Kernel[0] == v.Kernel && m.Kernel[1] >= v.Major
}

// condition is when a rule holds, in words; "" is always.
func condition(r *profiles.Syscall) string {
	var parts []string
	if r.Includes != nil && len(r.Includes.Caps) > 0 {
		parts = append(parts, "with "+strings.Join(r.Includes.Caps, " and "))
	}
	if r.Excludes != nil && len(r.Excludes.Caps) > 0 {
		parts = append(parts, "without "+strings.Join(r.Excludes.Caps, " or "))
	}
	for _, a := range r.Args {
		parts = append(parts, argument(a))
	}
	return strings.Join(parts, ", ")
}

func argument(a specs.LinuxSeccompArg) string {
	if a.Op == specs.OpMaskedEqual {
		return fmt.Sprintf("argument %d & %#x == %#x", a.Index, a.Value, a.ValueTwo)
	}
	sign := map[specs.LinuxSeccompOperator]string{
		specs.OpNotEqual: "!=", specs.OpLessThan: "<", specs.OpLessEqual: "<=", specs.OpEqualTo: "==",
		specs.OpGreaterEqual: ">=", specs.OpGreaterThan: ">",
	}[a.Op]
	return fmt.Sprintf("argument %d %s %#x", a.Index, sign, a.Value)
}
