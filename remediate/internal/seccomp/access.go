package seccomp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

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

// MachineOf reads the release of a kernel, "6.1.0-28-amd64". One that cannot be
// read is newer than any condition.
func MachineOf(arch, release string) Machine {
	m := Machine{Arch: arch}
	if n, _ := fmt.Sscanf(release, "%d.%d", &m.Kernel[0], &m.Kernel[1]); n != 2 {
		m.Kernel = [2]uint64{}
	}
	return m
}

// native is dockerd's name of an architecture (its GOARCH is not known for a
// snapshot of an older bulwark).
func (m Machine) native() string {
	return map[string]string{
		"386": "x86", "amd64": "amd64", "arm": "arm", "arm64": "arm64", "loong64": "loongarch64", "mips64": "mips64",
		"mips64le": "mipsel64", "mipsle": "mipsel", "ppc64": "ppc64", "ppc64le": "ppc64le", "riscv64": "riscv64", "s390x": "s390x",
	}[cmp.Or(m.Arch, "amd64")]
}

// seccompArch is libseccomp's name of an architecture (nativeToSeccomp of
// github.com/moby/profiles).
func (m Machine) seccompArch() specs.Arch {
	return map[string]specs.Arch{
		"x86": specs.ArchX86, "amd64": specs.ArchX86_64, "arm": specs.ArchARM, "arm64": specs.ArchAARCH64, "mips64": specs.ArchMIPS64,
		"mipsel64": specs.ArchMIPSEL64, "mipsel": specs.ArchMIPSEL, "ppc64": specs.ArchPPC64, "ppc64le": specs.ArchPPC64LE,
		"riscv64": specs.ArchRISCV64, "s390x": specs.ArchS390X,
	}[m.native()]
}

// KnownArch reports whether profiles can be resolved for a GOARCH.
func KnownArch(arch string) bool { return Machine{Arch: arch}.native() != "" }

// resolve leaves the rules that dockerd gives to a container with exactly these
// capabilities.
func resolve(p *Profile, m Machine, caps []string) []*profiles.Syscall {
	return slices.DeleteFunc(slices.Clone(p.Syscalls), func(r *profiles.Syscall) bool { return !m.applies(r) || !grants(r, caps) })
}

func (m Machine) applies(r *profiles.Syscall) bool {
	arch := m.native()
	if f := r.Excludes; f != nil && (slices.Contains(f.Arches, arch) || f.MinKernel != nil && m.atLeast(f.MinKernel)) {
		return false
	}
	f := r.Includes
	return f == nil || (len(f.Arches) == 0 || slices.Contains(f.Arches, arch)) && (f.MinKernel == nil || m.atLeast(f.MinKernel))
}

func (m Machine) atLeast(v *profiles.KernelVersion) bool {
	return m.Kernel == [2]uint64{} || m.Kernel[0] > v.Kernel || m.Kernel[0] == v.Kernel && m.Kernel[1] >= v.Major
}

// grants reports whether a rule is there for a container with the capabilities:
// an include needs all that it lists, an exclude goes by any one.
func grants(r *profiles.Syscall, caps []string) bool {
	if r.Excludes != nil && slices.ContainsFunc(r.Excludes.Caps, func(c string) bool { return slices.Contains(caps, c) }) {
		return false
	}
	return r.Includes == nil || !slices.ContainsFunc(r.Includes.Caps, func(c string) bool { return !slices.Contains(caps, c) })
}

// An access is what the rules about one system call say, each by its condition
// on arguments as text; "" is none.
type access struct {
	allowed map[string]bool
	// denied are the rules that fail the call with another outcome than the
	// default.
	denied map[string]bool
}

// accesses is what a container with the capabilities may call.
func accesses(p *Profile, m Machine, caps []string) map[string]access {
	return accessesOf(p, m, caps, nil)
}

// accessesOf is for some calls alone; nil is all.
func accessesOf(p *Profile, m Machine, caps []string, only map[string]bool) map[string]access {
	out := map[string]access{}
	of := func(name string) access {
		if _, ok := out[name]; !ok {
			out[name] = access{map[string]bool{}, map[string]bool{}}
		}
		return out[name]
	}
	for _, r := range resolve(p, m, caps) {
		if r.Action == p.DefaultAction && sameErrno(r.ErrnoRet, p.DefaultErrnoRet) {
			continue // runc passes it over
		}
		for _, name := range r.Names {
			if only != nil && !only[name] {
				continue
			}
			for _, c := range conditions(name, r) {
				if allows(r) {
					of(name).allowed[c] = true
				} else {
					of(name).denied[c] = true
				}
			}
		}
	}
	throughMultiplexers(out, of)
	return out
}

// throughMultiplexers: without a rule of its own a multiplexer is let through for
// each of its calls that is.
func throughMultiplexers(all map[string]access, of func(string) access) {
	for m, members := range multiplexers() {
		if _, ok := all[m]; !ok && slices.ContainsFunc(members, func(n string) bool { return len(all[n].allowed) > 0 }) {
			of(m).allowed[""] = true
		}
	}
}

// conditions are those of a rule in words. For socket they are the address
// families that pass, so that two ways to write the same compare as the same.
func conditions(name string, r *profiles.Syscall) []string {
	if name == "socket" && !slices.ContainsFunc(r.Args, func(a specs.LinuxSeccompArg) bool { return a.Index != 0 }) {
		var out []string
		for f, text := range familyTexts() {
			if passes(r, uint64(f)) {
				out = append(out, text)
			}
		}
		return out
	}
	var parts []string
	for _, a := range r.Args {
		parts = append(parts, argument(a))
	}
	return []string{strings.Join(parts, ", ")}
}

var familyTexts = sync.OnceValue(func() []string {
	var all []string
	for f := range afMax {
		all = append(all, fmt.Sprintf("address family %d", f))
	}
	return all
})

// afMax is beyond every address family (AF_MAX of linux/socket.h is 46).
const afMax = 48

// passes reports whether a rule lets socket(family, ...) through. A mask, which
// nobody uses there, counts as one that does.
func passes(r *profiles.Syscall, family uint64) bool {
	for _, a := range r.Args {
		no := map[specs.LinuxSeccompOperator]bool{
			specs.OpEqualTo: a.Value != family, specs.OpNotEqual: a.Value == family,
			specs.OpLessThan: family >= a.Value, specs.OpLessEqual: family > a.Value,
			specs.OpGreaterThan: family <= a.Value, specs.OpGreaterEqual: family < a.Value,
		}[a.Op]
		if a.Index == 0 && no {
			return false
		}
	}
	return true
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
