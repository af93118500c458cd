// Package filter tells seccomp filters apart, as the OCI runtime configuration
// of a container has them.
package filter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Digest is the same for filters that do the same, whatever the order of rules
// and of names, and whether EPERM is said or left out.
func Digest(f *specs.LinuxSeccomp) string {
	if f == nil {
		return ""
	}
	lines := []string{fmt.Sprintf("default %s %d", f.DefaultAction, errno(f.DefaultAction, f.DefaultErrnoRet))}
	for _, a := range f.Architectures {
		lines = append(lines, "arch "+string(a))
	}
	for rule, names := range rules(f) {
		lines = append(lines, rule+" "+strings.Join(slices.Sorted(maps.Keys(names)), ","))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(lines), "\n")))
	return hex.EncodeToString(sum[:])
}

// rules puts the names of all rules together that differ in nothing else.
func rules(f *specs.LinuxSeccomp) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, r := range f.Syscalls {
		args := slices.Clone(r.Args)
		slices.SortFunc(args, func(a, b specs.LinuxSeccompArg) int { return cmp.Compare(a.Index, b.Index) })
		key := fmt.Sprintf("rule %s %d %v", r.Action, errno(r.Action, r.ErrnoRet), args)
		if out[key] == nil {
			out[key] = map[string]bool{}
		}
		for _, name := range r.Names {
			out[key][name] = true
		}
	}
	return out
}

// errno is EPERM where none is said (runc).
func errno(a specs.LinuxSeccompAction, v *uint) uint {
	const eperm = 1
	switch {
	case a != specs.ActErrno:
		return 0
	case v == nil:
		return eperm
	}
	return *v
}
