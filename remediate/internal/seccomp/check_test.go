package seccomp

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
)

func parse(t testing.TB, version string) engine.Version {
	t.Helper()
	e, err := engine.ParseVersion(version)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// names of rules that let start what the cases are not about.
const start = `{"names": ["arch_prctl","capget","capset","chdir","close","execve","fstat","fstatfs","futex","getcwd","getdents64","getppid","mprotect","newfstatat","openat","prctl","read","setgid","setgroups","setuid","brk","exit_group","mmap","munmap","rt_sigreturn","write"], "action": "SCMP_ACT_ALLOW"}`

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want string // of a refusal; "" is none
		opt  Options
	}{
		"empty object":        {`{}`, "no seccomp at all", Options{}},
		"empty file":          {``, "the JSON ends too early", Options{}},
		"null":                {`null`, "null, not an object", Options{}},
		"a list":              {`[]`, "a list, not an object", Options{}},
		"cut off":             {`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [`, "line 1: the JSON ends too early", Options{}},
		"two documents":       {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `]}{}`, "something follows the JSON", Options{}},
		"comment":             {"{\n// no\n}", "line 2", Options{}},
		"no syscalls":         {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]}`, "no container could start", Options{}},
		"only description":    {`{"description":"x"}`, `description: unknown key`, Options{}},
		"misspelt key":        {"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\n\"sycalls\":[]}", `line 2: sycalls: unknown key; did you mean syscalls?`, Options{}},
		"case of a key":       {`{"DefaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `]}`, "DefaultAction: unknown key", Options{}},
		"key twice":           {`{"defaultAction":"SCMP_ACT_ERRNO","defaultAction":"SCMP_ACT_ALLOW","syscalls":[` + start + `]}`, "stands twice", Options{}},
		"no default":          {`{"syscalls":[` + start + `]}`, "defaultAction: missing", Options{}},
		"unknown default":     {`{"defaultAction":"SCMP_ACT_ERNO","syscalls":[` + start + `]}`, "did you mean SCMP_ACT_ERRNO?", Options{}},
		"default allow":       {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}`, "accept-default-allow", Options{}},
		"default log":         {`{"defaultAction":"SCMP_ACT_LOG","syscalls":[]}`, "accept-default-allow", Options{}},
		"default allow, said": {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ERRNO"}]}`, "", Options{DefaultAllow: true}},
		"default notify":      {`{"defaultAction":"SCMP_ACT_NOTIFY","syscalls":[` + start + `]}`, "hands every call to a program", Options{}},
		"errno 0":             {`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":0,"syscalls":[` + start + `]}`, "succeeded which was not made", Options{}},
		"errno of allow":      {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["stat"],"action":"SCMP_ACT_ALLOW","errnoRet":1}]}`, "", Options{}},
		"errno too big":       {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["stat"],"action":"SCMP_ACT_ERRNO","errnoRet":5000}]}`, "5000 is not an errno", Options{}},
		"negative errno":      {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["stat"],"action":"SCMP_ACT_ERRNO","errnoRet":-1}]}`, "dockerd cannot read it", Options{}},
		"both arch forms":     {`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":[]}],"syscalls":[` + start + `]}`, "stands beside architectures", Options{}},
		"unknown arch":        {`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_AMD64"],"syscalls":[` + start + `]}`, "unknown architecture", Options{}},
		"name and names":      {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"name":"stat","names":["stat"],"action":"SCMP_ACT_ALLOW"}]}`, "both name and names", Options{}},
		"old form":            {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"name":"stat","action":"SCMP_ACT_ALLOW","args":null}]}`, "", Options{}},
		"no names":            {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":[],"action":"SCMP_ACT_ALLOW"}]}`, "", Options{}},
		"empty name":          {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":[""],"action":"SCMP_ACT_ALLOW"}]}`, "an empty name", Options{}},
		"unknown flag":        {`{"defaultAction":"SCMP_ACT_ERRNO","flags":["SECCOMP_FILTER_FLAG_FOO"],"syscalls":[` + start + `]}`, "flags[0]: unknown flag", Options{}},
		"flag, old runc":      {`{"defaultAction":"SCMP_ACT_ERRNO","flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[` + start + `]}`, "runc 1.1.5 of this host takes no flags", Options{Runc: engine.Version{Major: 1, Minor: 1, Patch: 5}}},
		"flag, new runc":      {`{"defaultAction":"SCMP_ACT_ERRNO","flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[` + start + `]}`, "", Options{Runc: engine.Version{Major: 1, Minor: 2}}},
		"kill, old runc":      {`{"defaultAction":"SCMP_ACT_KILL_PROCESS","syscalls":[` + start + `]}`, "does not know SCMP_ACT_KILL_PROCESS", Options{Runc: engine.Version{Major: 1, Minor: 1, Patch: 1}}},
		"kill":                {`{"defaultAction":"SCMP_ACT_KILL_PROCESS","syscalls":[` + start + `]}`, "", Options{Runc: engine.Version{Major: 1, Minor: 1, Patch: 5}}},
		"two unequals":        {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":38,"op":"SCMP_CMP_NE"}]},{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"}]}]}`, "lets every family through", Options{}},
		"empty filters":       {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{},"excludes":{}},{"names":["ptrace"],"action":"SCMP_ACT_KILL"}]}`, "which wins", Options{}},
		"equal filters":       {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["keyctl"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_BOOT"]}},{"names":["keyctl"],"action":"SCMP_ACT_KILL","excludes":{"caps":["CAP_SYS_BOOT"]}}]}`, "which wins", Options{}},
		"default action":      {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["ptrace"],"action":"SCMP_ACT_ERRNO"},{"names":["ptrace"],"action":"SCMP_ACT_ALLOW"}]}`, "", Options{}},
		"another machine's":   {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + strings.Replace(start, `"action"`, `"includes": {"arches":["arm64"]}, "action"`, 1) + `]}`, "no container could start", Options{}},
		"openat missing":      {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + strings.Replace(start, `"openat",`, ``, 1) + `]}`, "it denies openat", Options{}},
		"null rule":           {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[null]}`, "syscalls[0]: null, not an object", Options{}},
		"number for a name":   {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":[1],"action":"SCMP_ACT_ALLOW"}]}`, "syscalls[0].names[0]: a number, not a text", Options{}},
		"no action":           {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["stat"]}]}`, "has no action", Options{}},
		"unknown action":      {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["stat"],"action":"SCMP_ACT_FOO"}]}`, "unknown action", Options{}},
		"denied misspelt":     {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[\n{\"names\":[\"ptrace\",\n\"mountt\"],\"action\":\"SCMP_ACT_ERRNO\"}]}", `line 3: syscalls[0]: "mountt" is not a system call that this bulwark knows; did you mean mount?`, Options{DefaultAllow: true}},
		"allowed misspelt":    {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["statt"],"action":"SCMP_ACT_ALLOW"}]}`, "", Options{}},
		"not in libseccomp":   {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["cachestat"],"action":"SCMP_ACT_ERRNO"}]}`, "", Options{DefaultAllow: true, Libseccomp: "2.5.4"}},
		"in libseccomp":       {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["cachestat"],"action":"SCMP_ACT_ERRNO"}]}`, "", Options{DefaultAllow: true, Libseccomp: "2.5.5"}},
		"two on one argument": {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":38,"op":"SCMP_CMP_NE"},{"index":0,"value":40,"op":"SCMP_CMP_NE"}]}]}`, "for alternatives", Options{}},
		"argument 6":          {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"value":38,"op":"SCMP_CMP_NE"}]}]}`, "arguments 0 to 5", Options{}},
		"unknown operator":    {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":38,"op":"!="}]}]}`, "unknown operator", Options{}},
		"mask never":          {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}]}]}`, "outside the mask", Options{}},
		"unknown capability":  {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["SYS_ADMIN"]}}]}`, "unknown capability", Options{}},
		"unknown native arch": {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["x86_64"]}}]}`, "unknown architecture", Options{}},
		"bad kernel":          {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8.0"}}]}`, "dockerd cannot read it", Options{}},
		"listener":            {`{"defaultAction":"SCMP_ACT_ERRNO","listenerPath":"/run/x","syscalls":[` + start + `]}`, "another program would decide", Options{}},
		"first wins":          {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["ptrace"],"action":"SCMP_ACT_ALLOW"},{"names":["ptrace"],"action":"SCMP_ACT_KILL"}]}`, "ptrace has SCMP_ACT_KILL here and SCMP_ACT_ALLOW in", Options{}},
		"swallowed":           {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["socket"],"action":"SCMP_ACT_KILL","args":[{"index":0,"value":38,"op":"SCMP_CMP_EQ"}]},{"names":["socket"],"action":"SCMP_ACT_ALLOW"}]}`, "the condition is void", Options{}},
		"execve missing":      {`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ALLOW"}]}`, "no container could start", Options{}},
		"execve denied":       {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["execve"],"action":"SCMP_ACT_ERRNO"}]}`, "no container could start: it denies execve", Options{DefaultAllow: true}},
		"too deep":            {strings.Repeat("[", 40) + strings.Repeat("]", 40), "nested more than", Options{}},
		"good":                {`{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],"syscalls":[` + start + `]}`, "", Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			var words []string
			for _, p := range Refusals(Check([]byte(c.in), c.opt)) {
				words = append(words, p.String())
			}
			got := strings.Join(words, "; ")
			if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What is only odd is told, too.
func TestOddities(t *testing.T) {
	for in, want := range map[string]string{
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["cachestat"],"action":"SCMP_ACT_ERRNO"}]}`:                                                                                                                                                   "cachestat may not be known to libseccomp 2.5.4",
		`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[` + start + `]}`:                                                                                                                                                                  "Engine 20.10.24 does not know it",
		`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"}]}]}`:                                                                                     "40 with a higher bit set passes",
		`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"syscalls":[` + start + `,{"names":["socketcall"],"action":"SCMP_ACT_ALLOW"},{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}]}`: "32-bit programs get any of them by socketcall",
	} {
		all := Check([]byte(in), Options{DefaultAllow: true, Libseccomp: "2.5.4", Engine: v(20, 10, 24), Machine: Machine{Arch: "amd64"}})
		if len(Refusals(all)) > 0 || !slices.ContainsFunc(all, func(p Problem) bool { return strings.Contains(p.Text, want) }) {
			t.Errorf("%s: got %+v, want %q", in, all, want)
		}
	}
}

// Two ways to say the same are no difference; what only some containers may call
// is told with when.
func TestExplain(t *testing.T) {
	m := Machine{Arch: "amd64", Kernel: [2]uint64{6, 1}}
	for in, want := range map[string]string{
		`{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}`:    "",
		`{"names":["socket"],"action":"SCMP_ACT_ALLOW"}`:                                                      "socket address family 38; address family 40",
		`{"names":["keyctl"],"action":"SCMP_ACT_ALLOW","excludes":{"minKernel":"99.0"}}`:                      "keyctl ",
		`{"names":["keyctl"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"99.0"}}`:                      "",
		`{"names":["keyctl"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN","CAP_SYS_BOOT"]}}`: "keyctl with CAP_SYS_ADMIN and CAP_SYS_BOOT",
		`{"names":["keyctl"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":11,"op":"SCMP_CMP_EQ"}]}`:   "keyctl argument 0 == 0xb",
	} {
		x := Explain([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[`+start+`,`+in+`]}`), engine.Version{}, m, Options{Machine: m})
		var got []string
		for _, d := range x.Looser {
			if d.Syscall != socketcall { // see TestOddities
				got = append(got, d.Syscall+" "+strings.Join(d.When, "; "))
			}
		}
		if text := strings.Join(got, ", "); !strings.HasPrefix(text, want) || (text == "") != (want == "") {
			t.Errorf("%s: got %q, want %q", in, text, want)
		}
	}
	// An engine's default is no different from itself.
	for _, e := range []string{"20.10.24", "26.1.5", "29.7.2"} {
		x := Explain(Encode(EngineDefault(parse(t, e))), parse(t, e), m, Options{Machine: m, DefaultAllow: true})
		if len(x.Looser)+len(x.Stricter) > 0 {
			t.Errorf("%s differs from itself: %+v", e, x)
		}
	}
}

// Warnings do not forbid a profile, and name the line.
func TestWarnings(t *testing.T) {
	in := "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" + start + ",\n{\"names\":[\"statt\"],\"action\":\"SCMP_ACT_ALLOW\"},\n{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ERRNO\",\"comment\":\"no errno\"}]}"
	all := Check([]byte(in), Options{})
	if len(all) != 2 || all[0].Line != 2 || all[1].Line != 3 || !strings.Contains(all[1].Text, "passes the rule over") {
		t.Errorf("got %+v", all)
	}
}

// A multiplexer without a rule is not denied where 32-bit programs are served.
func TestMultiplexersWithoutARule(t *testing.T) {
	const archs = `"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],`
	const socket = `,{"names":["socket"],"action":"SCMP_ACT_ALLOW"}`
	for name, c := range map[string]struct {
		archs, rules string
		told         bool
	}{
		"no rule":           {archs, socket, true},
		"the default again": {archs, socket + `,{"names":["socketcall"],"action":"SCMP_ACT_ERRNO","errnoRet":1}`, true},
		"ENOSYS":            {archs, socket + `,{"names":["socketcall"],"action":"SCMP_ACT_ERRNO","errnoRet":38}`, false},
		"killed":            {archs, socket + `,{"names":["socketcall"],"action":"SCMP_ACT_KILL"}`, false},
		"let through":       {archs, socket + `,{"names":["socketcall"],"action":"SCMP_ACT_ALLOW"}`, false},
		"no sockets at all": {archs, "", false},
		"64-bit only":       {"", socket, false},
		"ipc":               {archs, `,{"names":["shmget"],"action":"SCMP_ACT_ALLOW"}`, true},
	} {
		in := `{"defaultAction":"SCMP_ACT_ERRNO",` + c.archs + `"syscalls":[` + start + c.rules + `]}`
		told := false
		for _, p := range Check([]byte(in), Options{}) {
			told = told || strings.Contains(p.Text, "though no rule says so") && !p.Refused
		}
		if told != c.told {
			t.Errorf("%s: told %t, want %t", name, told, c.told)
		}
	}
}

// Every profile that the kind itself can write is clean, for every engine.
func TestDerivedProfilesAreClean(t *testing.T) {
	for _, e := range []string{"20.10.0", "20.10.24", "23.0.0", "26.1.5", "28.5.2", "29.4.2", "29.7.2", "31.0.0"} {
		for _, deny := range [][]string{nil, Groups(), {"ptrace", "chroot"}} {
			for _, p := range Check(Encode(Derive(Recipe{Engine: parse(t, e), Deny: deny})), Options{}) {
				if !strings.Contains(p.Text, "get any of them by socketcall") { // as with every engine's own, but for the group
					t.Errorf("%s %v: %s", e, deny, p)
				}
			}
		}
	}
}

// FuzzCheck: nothing makes it panic, and what it passes dockerd takes for a
// profile.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `]}`))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + start + `,{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":38,"op":"SCMP_CMP_NE"}],"includes":{"caps":["CAP_BPF"],"minKernel":"4.8"}}]}`))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1,"architectures":null,"syscalls":[{"name":"x","action":""}]}`))
	f.Add(Encode(Derive(Recipe{Deny: Groups()})))
	f.Fuzz(func(t *testing.T, in []byte) {
		e := Explain(in, engine.Version{}, Machine{Arch: "amd64"}, Options{DefaultAllow: true})
		if len(Refusals(e.Problems)) > 0 {
			return
		}
		p := dockerd(t, in)
		if p.DefaultAction == "" || len(p.Syscalls) == 0 && p.DefaultAction != specs.ActAllow && p.DefaultAction != specs.ActLog {
			t.Errorf("passed, but dockerd makes of it %+v", p)
		}
		var again profiles.Seccomp
		if json.Unmarshal(in, &again) != nil {
			t.Error("passed, but cannot be decoded")
		}
	})
}
