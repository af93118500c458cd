package seccomp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/filter"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// impacts tell what stops working with the new profile.
func (p *plan) impacts() []resource.Impact {
	out := []resource.Impact{{
		Level: resource.NoteImpact,
		Text:  "seccomp: builds (BuildKit) always use the engine's own profile",
	}}
	for _, name := range p.want.Deny {
		if g, ok := groupOf(name); ok && g.note != "" && !slices.ContainsFunc(p.want.Allow, g.opens) {
			out = append(out, resource.Impact{Level: resource.NoteImpact, Text: "seccomp " + name + ": " + g.note})
		}
	}
	return out
}

// opens reports whether allowing a call takes back what the group denies.
func (g group) opens(call string) bool {
	return slices.Contains(g.calls, call) || g.namespaces && strings.HasPrefix(call, "clone") || g.name == familyGroup && call == "socket"
}

// looser warns of what the profile gives away that the engine's own does not,
// and of what is odd in a profile of somebody else.
func (p *plan) looser() []resource.Impact {
	if p.content == nil || p.want.source() == "" && !p.want.Pinned && len(p.want.Allow) == 0 {
		return nil // only ever less than the engine's own
	}
	have, _ := engineOf(p.s) // unknown: the pinned base
	o := optionsFor(p.want, p.s)
	o.DefaultAllow = true // it was said that it is meant
	x := Explain(p.content, have, machineOf(p.s), o)
	what := cmp.Or(p.want.source(), "the policy's profile")
	var out []resource.Impact
	if len(x.Looser) > 0 {
		w := resource.Impact{Level: resource.WarningImpact, Text: "seccomp: " + what + " lets through what the engine's own profile does not"}
		for _, d := range x.Looser {
			w.Subjects = append(w.Subjects, d.Syscall)
		}
		out = append(out, w)
	}
	if p.want.source() == "" {
		return out
	}
	for _, problem := range x.Problems {
		out = append(out, resource.Impact{Level: resource.WarningImpact, Text: "seccomp: " + what + ": " + problem.String()})
	}
	return out
}

// behind is the finding that the engine is not one whose default the profile is
// made of: it may be stricter.
func (p *plan) behind() []resource.ControlResult {
	have, err := engineOf(p.s)
	if err != nil || p.content == nil || p.want.File != "" || have.Compare(oldest) >= 0 && have.Compare(newestEngine()) <= 0 {
		return nil
	}
	return []resource.ControlResult{{
		ID: controlBase, Status: resource.Manual,
		Reason: fmt.Sprintf("profile behind engine: it is made of the defaults of Engine %s to %s (github.com/moby/profiles/seccomp %s), and Engine %s may deny more by itself",
			oldest, newestEngine(), BaseVersion, have),
		Remedy: "use another release of bulwark or of Docker",
	}}
}

// containers finds those that do not run under the profile of dockerd.
func (p *plan) containers() []resource.ControlResult {
	all, ok := p.s.Containers.Get()
	if !ok {
		return []resource.ControlResult{{ID: controlContainers, Status: resource.Unread, Reason: "cannot read the containers: " + p.s.Containers.Unknown}}
	}
	var open, own, old []string
	older := p.older()
	for _, c := range all {
		switch {
		case c.State != "running" && c.State != "paused":
		case unfiltered(c):
			open = append(open, c.Name)
		case ownFilter(c):
			own = append(own, c.Name)
		case older(c):
			old = append(old, c.Name)
		}
	}
	return []resource.ControlResult{verdict(open, own, old)}
}

// unfiltered: by the kernel, or because it was asked for. A filter that the
// kernel shows all the same is the host's own, if that is a container itself.
func unfiltered(c resource.Container) bool {
	if c.Seccomp != nil && *c.Seccomp == resource.SeccompModeNone {
		return true
	}
	return c.Privileged && !ownFilter(c) || slices.ContainsFunc(c.SecurityOpt, func(o string) bool {
		return o == "seccomp=unconfined" || o == "seccomp:unconfined"
	})
}

func ownFilter(c resource.Container) bool {
	return slices.ContainsFunc(c.SecurityOpt, func(o string) bool {
		return strings.HasPrefix(o, "seccomp=") || strings.HasPrefix(o, "seccomp:")
	})
}

// older returns what reports whether a container has another filter than the profile gives it
// now, which live-restore keeps through the restart with which dockerd took the
// profile up. containerd's record of the container tells; where that cannot be
// read, or the engine's own profile is wanted, whose filters are not known to the
// letter, a container that started before dockerd did counts as one.
func (p *plan) older() func(resource.Container) bool {
	profile := p.profile()
	digests := map[string]string{} // by capabilities, of which few sets are in use
	return func(c resource.Container) bool {
		if f, ok := p.s.Seccomp.Value.Filters[c.ID]; ok && profile != nil {
			key := strings.Join(f.Caps, " ")
			if _, known := digests[key]; !known {
				digests[key] = digestFor(profile, machineOf(p.s), f.Caps)
			}
			return f.Digest != digests[key]
		}
		proc, ok := p.s.Process.Get()
		return ok && proc.StartedNS != 0 && c.StartedNS != 0 && c.StartedNS < proc.StartedNS
	}
}

// digestFor is the digest of the filter that dockerd makes of a profile for a
// container.
func digestFor(p *Profile, m Machine, caps []string) string {
	rules := resolve(p, m, caps)
	out := specs.LinuxSeccomp{DefaultAction: p.DefaultAction, DefaultErrnoRet: p.DefaultErrnoRet, Architectures: p.Architectures}
	for _, a := range p.ArchMap {
		if a.Arch == m.seccompArch() {
			out.Architectures = append(append(out.Architectures, a.Arch), a.SubArches...)
			break
		}
	}
	for _, r := range rules {
		out.Syscalls = append(out.Syscalls, r.LinuxSyscall)
	}
	return filter.Digest(&out)
}

func verdict(open, own, old []string) resource.ControlResult {
	var reasons, remedies []string
	add := func(names []string, reason, remedy string) {
		if len(names) > 0 {
			reasons, remedies = append(reasons, reason+": "+strings.Join(names, ", ")), append(remedies, remedy)
		}
	}
	add(open, "without any filter (privileged, or seccomp=unconfined)", "create them anew without --privileged and seccomp=unconfined")
	add(own, "with a profile of their own (--security-opt)", "judge it: bulwark seccomp explain FILE")
	add(old, "under another filter than the profile gives (started before dockerd took it up)", "docker restart "+strings.Join(old, " "))
	if len(reasons) == 0 {
		return resource.ControlResult{ID: controlContainers, Status: resource.OK}
	}
	return resource.ControlResult{
		ID: controlContainers, Status: resource.Manual,
		Reason: "containers that run " + strings.Join(reasons, "; "), Remedy: strings.Join(remedies, "; "),
	}
}
