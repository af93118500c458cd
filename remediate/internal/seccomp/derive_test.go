package seccomp

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// dockerd resolves a profile with its own code, for a container with these capabilities on the
// machine that the test runs on.
func dockerd(t testing.TB, content []byte, caps ...string) *specs.LinuxSeccomp {
	t.Helper()
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
	out, err := profiles.LoadProfile(string(content), spec)
	if err != nil {
		t.Fatal(err)
	}
	if out == nil {
		t.Fatal("dockerd takes the profile for none at all")
	}
	return out
}

// rulesFor returns the rules about a system call after dockerd has resolved
// them: "" lets it through, else it says with what.
func rulesFor(p *specs.LinuxSeccomp, name string) (allowed, errno []specs.LinuxSyscall) {
	for _, r := range p.Syscalls {
		if !slices.Contains(r.Names, name) {
			continue
		}
		if r.Action == specs.ActAllow {
			allowed = append(allowed, r)
		} else {
			errno = append(errno, r)
		}
	}
	return allowed, errno
}

var allCaps = capabilities()

// A denied call is let through to nobody, whatever capabilities the container
// has, and the groups leave clone to everybody, but for namespaces.
func TestGroupsHoldWithEveryCapability(t *testing.T) {
	content := Encode(Derive(Recipe{Deny: Groups()}))
	for _, caps := range [][]string{nil, {"CAP_SYS_ADMIN"}, {"CAP_SYS_PTRACE", "CAP_BPF", "CAP_PERFMON"}, allCaps} {
		p := dockerd(t, content, caps...)
		for _, g := range groups() {
			for _, call := range g.calls {
				if allowed, _ := rulesFor(p, call); len(allowed) > 0 {
					t.Errorf("caps %v: %s of %s is let through by %+v", caps, call, g.name, allowed)
				}
			}
		}
		allowed, _ := rulesFor(p, "clone")
		if len(allowed) != 1 || len(allowed[0].Args) != 1 || allowed[0].Args[0].Op != specs.OpMaskedEqual || allowed[0].Args[0].ValueTwo != 0 {
			t.Errorf("caps %v: clone has the rules %+v, want one that masks the flags of namespaces", caps, allowed)
		}
		allowed, errno := rulesFor(p, "clone3")
		if len(allowed) != 0 || len(errno) != 1 || errno[0].ErrnoRet == nil || *errno[0].ErrnoRet != nosys {
			t.Errorf("caps %v: clone3 has %+v and %+v, want ENOSYS alone", caps, allowed, errno)
		}
	}
}

// libseccomp lets a share of socketcall through wherever socket is: it takes a
// rule that fails it, and with another errno than the default, or runc passes
// the rule over.
func TestMultiplexersAreDeniedByARule(t *testing.T) {
	for name, r := range map[string]Recipe{
		"socketcall": {Deny: []string{"af-alg-vsock"}},
		"ipc":        {Deny: []string{"ipc"}},
	} {
		checkAbsent(t, Derive(r), name)
	}
	checkAbsent(t, Derive(Recipe{Engine: v(29, 4, 2)}), "socketcall")
	checkAbsent(t, Derive(Recipe{Engine: v(29, 4, 2), Deny: []string{"af-alg-vsock", "socketcall"}}), "socketcall")
	p := dockerd(t, Encode(Derive(Recipe{Deny: []string{"af-alg-vsock"}, Allow: []string{"socketcall"}})))
	if allowed, errno := rulesFor(p, "socketcall"); len(allowed) != 1 || len(errno) != 0 {
		t.Errorf("allowed again, socketcall has %+v and %+v", allowed, errno)
	}
}

func checkAbsent(t *testing.T, p *Profile, name string) {
	t.Helper()
	allowed, errno := rulesFor(dockerd(t, Encode(p), allCaps...), name)
	if len(allowed) != 0 || len(errno) != 1 || len(errno[0].Args) != 0 || errno[0].ErrnoRet == nil || *errno[0].ErrnoRet != nosys {
		t.Errorf("%s has %+v and %+v, want ENOSYS alone", name, allowed, errno)
	}
}

// Without clone nothing forks: it must stay with each group alone, too.
func TestEachGroupLeavesWhatProgramsNeed(t *testing.T) {
	for _, name := range Groups() {
		for _, caps := range [][]string{nil, allCaps} {
			p := dockerd(t, Encode(Derive(Recipe{Deny: []string{name}})), caps...)
			for _, call := range append(needed(Machine{Arch: "amd64"}), "clone", "socket", "openat", "wait4") {
				if allowed, _ := rulesFor(p, call); len(allowed) == 0 {
					t.Errorf("%s, caps %v: %s is denied", name, caps, call)
				}
			}
		}
	}
}

// The base lets neither family through, for any engine: the group rests on it.
func TestFamilies(t *testing.T) {
	for _, e := range []string{"20.10.0", "20.10.24", "23.0.0", "26.1.5", "28.5.2", "29.4.2", "29.7.2"} {
		allowed, _ := rulesFor(dockerd(t, Encode(Derive(Recipe{Engine: parse(t, e), Deny: []string{familyGroup}})), allCaps...), "socket")
		for family, want := range map[uint64]bool{1: true, 2: true, 10: true, 16: true, 44: true, afALG: false, afVSOCK: false, 1<<32 | afVSOCK: false} {
			if got := slices.ContainsFunc(allowed, func(s specs.LinuxSyscall) bool {
				return passes(&profiles.Syscall{LinuxSyscall: s}, family)
			}); got != want {
				t.Errorf("%s: family %d passes: %t, want %t", e, family, got, want)
			}
		}
	}
}

// A call that is denied alone is still there through its multiplexer.
func TestDenyingAMemberDeniesTheMultiplexer(t *testing.T) {
	for member, m := range map[string]string{"socket": "socketcall", "connect": "socketcall", "shmget": "ipc"} {
		checkAbsent(t, Derive(Recipe{Deny: []string{member}}), m)
	}
	// On s390x all programs go through socketcall.
	for arch, want := range map[string]bool{"s390x": true, "amd64": false, "arm64": false} {
		got := accesses(Derive(Recipe{Deny: []string{familyGroup}}), Machine{Arch: arch}, nil)[socketcall]
		if got.allowed[""] != want {
			t.Errorf("%s: socketcall is let through: %t", arch, !want)
		}
	}
	if got := accesses(Derive(Recipe{Deny: []string{familyGroup, "socket"}}), Machine{Arch: "s390x"}, nil)[socketcall]; len(got.allowed) > 0 {
		t.Error("s390x: socket is denied, and there through socketcall")
	}
}

// One new call that is allowed does not turn ENOSYS into EPERM for older ones.
func TestAllowingANewCallKeepsOlderOnesAbsent(t *testing.T) {
	p := dockerd(t, Encode(Derive(Recipe{Engine: parse(t, "20.10.24"), Allow: []string{"futex_requeue"}, Deny: []string{"cachestat"}})))
	for _, name := range []string{"fchmodat2", "map_shadow_stack"} {
		if allowed, errno := rulesFor(p, name); len(allowed) != 0 || len(errno) != 1 || *errno[0].ErrnoRet != nosys {
			t.Errorf("%s has %+v and %+v, want ENOSYS", name, allowed, errno)
		}
	}
	if allowed, errno := rulesFor(p, "cachestat"); len(allowed)+len(errno) != 0 {
		t.Errorf("cachestat, which the policy denies, has %+v and %+v", allowed, errno)
	}
}

// The rules of runc: two conditions on one argument are alternatives.
func TestNoRuleHasTwoConditionsOnOneArgument(t *testing.T) {
	for _, r := range Derive(Recipe{Deny: Groups(), Engine: v(20, 10, 24)}).Syscalls {
		seen := map[uint]bool{}
		for _, a := range r.Args {
			if seen[a.Index] {
				t.Errorf("%v: two conditions on argument %d", r.Names, a.Index)
			}
			seen[a.Index] = true
		}
	}
}

func TestAllowWins(t *testing.T) {
	content := Encode(Derive(Recipe{Deny: Groups(), Allow: []string{"ptrace", "clone3", "unshare", "mount"}}))
	for _, caps := range [][]string{nil, allCaps} {
		p := dockerd(t, content, caps...)
		for _, call := range []string{"ptrace", "clone3", "unshare", "mount"} {
			allowed, errno := rulesFor(p, call)
			if len(allowed) != 1 || len(allowed[0].Args) != 0 || len(errno) != 0 {
				t.Errorf("caps %v: %s has %+v and %+v, want one free rule", caps, call, allowed, errno)
			}
		}
		if allowed, _ := rulesFor(p, "kcmp"); len(allowed) > 0 {
			t.Errorf("caps %v: kcmp of the same group is let through", caps)
		}
	}
	for _, r := range Check(content, Options{}) {
		t.Errorf("the profile is not clean: %s", r)
	}
}

// What an engine's own default does not let through, a profile for it does not
// either.
func TestEngineBounds(t *testing.T) {
	for _, c := range []struct {
		engine  string
		caps    []string
		denied  []string
		allowed []string
	}{
		{"20.10.3", nil, []string{"close_range", "landlock_create_ruleset", "pkey_alloc", "process_vm_readv", "name_to_handle_at", "mseal"}, []string{"faccessat2", "ptrace"}},
		{"20.10.3", []string{"CAP_SYS_ADMIN"}, []string{"clone3", "fsopen", "mount_setattr"}, []string{"name_to_handle_at", "mount", "bpf"}},
		{"20.10.24", nil, []string{"pkey_alloc", "process_vm_readv", "name_to_handle_at", "cachestat"}, []string{"close_range", "landlock_create_ruleset", "futex_waitv"}},
		{"20.10.24", []string{"CAP_SYS_PTRACE"}, nil, []string{"process_vm_readv"}},
		{"20.10.24", []string{"CAP_BPF", "CAP_PERFMON"}, []string{"bpf", "perf_event_open"}, nil},
		{"20.10.24", []string{"CAP_SYS_ADMIN"}, nil, []string{"bpf", "perf_event_open", "clone3"}},
		{"23.0.9", nil, []string{"cachestat"}, []string{"pkey_alloc", "process_vm_readv"}},
		{"23.0.10", nil, []string{"mseal"}, []string{"cachestat"}},
		{"24.0.0", nil, []string{"cachestat", "name_to_handle_at"}, nil},
		{"26.1.5", nil, []string{"mseal", "statmount"}, []string{"cachestat", "name_to_handle_at"}},
		{"28.5.2", nil, []string{"io_uring_setup"}, []string{"mseal", "socketcall"}},
		{"29.4.2", nil, []string{"socketcall"}, []string{"mseal"}},
		{"29.7.2", nil, nil, []string{"socketcall"}},
	} {
		e := parse(t, c.engine)
		p := dockerd(t, Encode(Derive(Recipe{Engine: e})), c.caps...)
		for _, call := range c.denied {
			if allowed, _ := rulesFor(p, call); len(allowed) > 0 {
				t.Errorf("%s %v: %s is let through", c.engine, c.caps, call)
			}
		}
		for _, call := range c.allowed {
			if allowed, _ := rulesFor(p, call); len(allowed) == 0 {
				t.Errorf("%s %v: %s is denied", c.engine, c.caps, call)
			}
		}
	}
}

// A stricter engine never makes the profile wider.
func TestBoundsOnlyTakeAway(t *testing.T) {
	if got, want := Encode(Derive(Recipe{Engine: parse(t, "19.3.15")})), Encode(Derive(Recipe{Engine: oldest})); string(got) != string(want) {
		t.Error("an engine before the table gets another profile than the oldest in it")
	}
	whole := Derive(Recipe{})
	for _, e := range []string{"20.10.0", "20.10.24", "23.0.6", "24.0.9", "26.1.5", "28.5.2", "29.4.2", "29.7.2"} {
		loose := compare(Derive(Recipe{Engine: parse(t, e)}), whole, Machine{Arch: "amd64"})
		for _, d := range loose {
			t.Errorf("%s lets through what the base does not: %+v", e, d)
		}
	}
}

// The base is what go.mod says: the plan tells its version.
func TestBaseVersion(t *testing.T) {
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/moby/profiles/seccomp v" + BaseVersion + "\n"; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod has no %q", want)
	}
	if names := base().Syscalls[0].Names; len(names) < 300 || !slices.Contains(names, "openat") || filterText(base().Syscalls[0]) != filterText(&profiles.Syscall{}) {
		t.Error("the first rule of the base is not the one that holds for all: Derive adds to it")
	}
	for _, l := range lacks() {
		for _, name := range l.names {
			if !slices.ContainsFunc(base().Syscalls, func(r *profiles.Syscall) bool { return allows(r) && slices.Contains(r.Names, name) }) {
				t.Errorf("the table of engines has %s, which the base does not let through", name)
			}
		}
	}
}

func TestRefusedRecipes(t *testing.T) {
	for _, c := range []struct {
		r    Recipe
		want string
	}{
		{Recipe{Deny: []string{"execve"}}, "no container would start"},
		{Recipe{Deny: []string{"ptrase"}}, "did you mean ptrace?"},
		{Recipe{Deny: []string{"iouring"}}, "neither a group nor a system call"},
		{Recipe{Allow: []string{"mount"}, Deny: []string{"mount", "personality"}}, ""},
		{Recipe{Allow: []string{"io_uring"}}, "it is not a system call"},
		{Recipe{Deny: []string{"execve"}, Allow: []string{"execve"}}, ""},
	} {
		if got := c.r.refuse(); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%+v: %q, want %q", c.r, got, c.want)
		}
	}
}

// The written form reads back as what was written.
func TestEncodeIsStable(t *testing.T) {
	a := Encode(Derive(Recipe{Deny: Groups()}))
	var p Profile
	if err := json.Unmarshal(a, &p); err != nil {
		t.Fatal(err)
	}
	if b := Encode(&p); string(a) != string(b) {
		t.Error("decoded and encoded again the profile is another one")
	}
	if b := Encode(Derive(Recipe{Deny: Groups()})); string(a) != string(b) {
		t.Error("the same recipe gives another profile")
	}
}
