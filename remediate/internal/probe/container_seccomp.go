package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/plans"
)

// groupCaps are the groups of system calls that a policy may deny, each with
// the capabilities that its calls need: without them the kernel itself says no.
func groupCaps() []struct {
	name string
	caps []string
} {
	admin, trace := []string{"SYS_ADMIN"}, []string{"SYS_PTRACE"}
	return []struct {
		name string
		caps []string
	}{
		{"io_uring", nil},
		{"bpf-perf", admin},
		{"userfaultfd", trace},
		{"keyring", nil},
		{"new-namespaces", admin},
		{"af-alg-vsock", nil},
		{"ptrace", trace},
		{"mount", admin},
		{"obsolete", admin},
	}
}

func seccompProbes() []Probe {
	var out []Probe
	for _, g := range groupCaps() {
		out = append(out, Probe{
			ID: "seccomp-" + strings.ReplaceAll(g.name, "_", "-"), Title: "System calls of the group " + g.name + " are denied",
			Tries: "A container makes each system call of the group " + g.name + with(g.caps) + ", with arguments that the kernel itself refuses with another error.",
			Must:  "The filter answers, not the kernel: EPERM or ENOSYS.",
			Shows: "The profile that containers get by default denies the group, whatever capabilities they have.",
			Not:   "Containers with a profile of their own, unconfined or privileged ones, and those that started before the profile came.",
			OWASP: []string{"D04"}, Wanted: denies(g.name), Limit: time.Minute,
			Run: func(ctx context.Context, l Lab) Outcome { return denied(ctx, l, g.name, g.caps) },
		})
	}
	return append(out, Probe{
		ID: "seccomp-works", Title: "Ordinary programs work under the seccomp profile",
		Tries: "A container works with files, processes, threads, sockets, signals, timers and memory.",
		Must:  "All of it works.",
		Shows: "The profile does not deny what every program needs.",
		Not:   "That each of your programs works.",
		OWASP: []string{"D04"}, Wanted: func(p *plans.Policy) bool { return p == nil || p.Seccomp != nil },
		Limit: time.Minute, Run: works,
	})
}

func with(caps []string) string {
	if len(caps) == 0 {
		return ""
	}
	return " with the capability " + strings.Join(caps, " and ")
}

func denies(group string) func(*plans.Policy) bool {
	return func(p *plans.Policy) bool {
		return p == nil || p.Seccomp != nil && slices.Contains(p.Seccomp.Deny, group)
	}
}

func denied(ctx context.Context, l Lab, group string, caps []string) Outcome {
	closed, err := callsOf(ctx, l, group, caps, nil)
	if err != nil {
		return unable("%v", err)
	}
	open, err := callsOf(ctx, l, group, caps, []string{"seccomp=unconfined"})
	if err != nil {
		return unable("without a filter: %v", err)
	}
	return compareCalls(closed, open)
}

func callsOf(ctx context.Context, l Lab, group string, caps, opt []string) (words, error) {
	var out words
	res, err := l.Run(ctx, Box{Attack: []string{"calls", group}, CapAdd: caps, SecurityOpt: opt})
	if err == nil {
		err = read(res, &out)
	}
	if err == nil && len(out) == 0 {
		err = errors.New("no call was tried")
	}
	return out, err
}

// compareCalls: a call whose answer is the same with and without a filter got
// through, unless it is one that a filter gives too.
func compareCalls(closed, open words) Outcome {
	var stopped, through, blind, evidence []string
	for _, name := range slices.Sorted(maps.Keys(open)) {
		now, free := closed[name], open[name]
		switch {
		case now == "":
			blind = append(blind, name)
		case now != free && now != "ok":
			stopped = append(stopped, name)
		case now == "EPERM", now == "ENOSYS":
			blind = append(blind, name)
		default:
			through = append(through, name)
		}
		evidence = append(evidence, fmt.Sprintf("%s: %s, without a filter %s", name, now, free))
	}
	holds, observed := len(through) == 0, "denied: "+list(stopped)
	if !holds {
		observed = "let through: " + list(through) + "; " + observed
	}
	if len(stopped) == 0 && holds {
		return controlFailed(holds, observed, "the kernel refuses all of it without a filter too", evidence...)
	}
	positive := "without a filter the kernel answers"
	if len(blind) > 0 {
		positive += ", but for " + list(blind)
	}
	return judged(holds, observed, positive, evidence...)
}

func works(ctx context.Context, l Lab) Outcome {
	var out words
	res, err := l.Run(ctx, Box{Attack: []string{"workload"}})
	if err == nil {
		err = read(res, &out)
	}
	if err != nil {
		return unable("%v", err)
	}
	var failed, done []string
	for _, name := range slices.Sorted(maps.Keys(out)) {
		if out[name] == "ok" {
			done = append(done, name)
		} else {
			failed = append(failed, name+" ("+out[name]+")")
		}
	}
	if len(failed) > 0 {
		return judged(false, "does not work: "+list(failed), "")
	}
	return judged(len(done) > 0, "works: "+list(done), "none: it is the work itself that is tried")
}
