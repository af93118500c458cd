package seccomp

import (
	"cmp"
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

// An access is what the rules about one system call say, each by its condition
// on arguments as text; "" is none.
type access struct {
	allowed map[string]bool
	// denied are the rules that fail the call with another outcome than the
	// default.
	denied map[string]bool
}

// accesses resolves a profile for a container with one capability, or with none.
func accesses(p *Profile, m Machine, capability string) map[string]access {
	out := map[string]access{}
	for _, r := range p.Syscalls {
		if !applies(r, m) || !grants(r, capability) || r.Action == p.DefaultAction && sameErrno(r.ErrnoRet, p.DefaultErrnoRet) {
			continue
		}
		for _, name := range r.Names {
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

// grants reports whether a rule is there for a container with the capability.
func grants(r *profiles.Syscall, capability string) bool {
	if r.Excludes != nil && slices.Contains(r.Excludes.Caps, capability) {
		return false
	}
	return r.Includes == nil || !slices.ContainsFunc(r.Includes.Caps, func(c string) bool { return c != capability })
}

// conditional are the capabilities that decide about a rule of one of the
// profiles.
func conditional(all ...*Profile) []string {
	var caps []string
	for _, p := range all {
		for _, r := range p.Syscalls {
			for _, f := range []*profiles.Filter{r.Includes, r.Excludes} {
				if f != nil {
					caps = append(caps, f.Caps...)
				}
			}
		}
	}
	slices.Sort(caps)
	return slices.Compact(caps)
}

func applies(r *profiles.Syscall, m Machine) bool {
	arch := goArches()[cmp.Or(m.Arch, "amd64")]
	if f := r.Excludes; f != nil && (slices.Contains(f.Arches, arch) || f.MinKernel != nil && m.atLeast(f.MinKernel)) {
		return false
	}
	f := r.Includes
	return f == nil || (len(f.Arches) == 0 || slices.Contains(f.Arches, arch)) && (f.MinKernel == nil || m.atLeast(f.MinKernel))
}

func (m Machine) atLeast(v *profiles.KernelVersion) bool {
	return m.Kernel == [2]uint64{} || m.Kernel[0] > v.Kernel || m.Kernel[0] == v.Kernel && m.Kernel[1] >= v.Major
}

// condition is the one on arguments, in words.
func condition(r *profiles.Syscall) string {
	var parts []string
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
