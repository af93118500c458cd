package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bulwark-project/bulwark/plans"
)

func ulimitProbe() Probe {
	return Probe{
		ID: "ulimits", Title: "Containers have the limits of open files and processes that the daemon gives",
		Tries: "A container asks the kernel for its own limits.",
		Must:  "They are not above default-ulimits of the policy, or of daemon.json without a policy.",
		Shows: "default-ulimits is in effect for containers that are made now.",
		Not:   "Containers with --ulimit, and those that started before the setting.",
		OWASP: []string{"D07"}, Wanted: stated("default-ulimits", ""), Limit: time.Minute, Run: ulimits,
	}
}

// A bounds is a soft and a hard limit; -1 is none.
type bounds struct{ Soft, Hard int64 }

func (b bounds) String() string { return fmt.Sprintf("%d:%d", b.Soft, b.Hard) }

func (b bounds) within(most bounds) bool {
	return within(b.Soft, most.Soft) && within(b.Hard, most.Hard)
}

func within(n, most int64) bool { return most < 0 || n >= 0 && n <= most }

// endless is fs.nr_open as the kernel sets it: no process can have more files, so
// that a limit of it is none.
const endless = 1 << 20

func ulimits(ctx context.Context, l Lab) Outcome {
	res, err := l.Run(ctx, Box{Attack: []string{"ulimits"}})
	var said map[string][2]int64
	if err == nil {
		err = read(res, &said)
	}
	if err != nil {
		return unable("%v", err)
	}
	want, from := wantedLimits(l)
	var seen, over []string
	for _, name := range []string{"nofile", "nproc"} {
		has, ok := said[name]
		if !ok {
			return unable("the container does not tell its limit %s", name)
		}
		got := bounds{has[0], has[1]}
		seen = append(seen, name+" "+got.String())
		if most, ok := want[name]; ok && !got.within(most) {
			over = append(over, fmt.Sprintf("%s is above %s", name, most))
		}
	}
	observed := list(seen)
	if len(over) > 0 {
		observed += "; " + list(over)
	}
	return judged(len(over) == 0, observed, "none: a limit is read, not attacked", from)
}

// wantedLimits are those of the policy, else of daemon.json, else one of open
// files that is one at all.
func wantedLimits(l Lab) (map[string]bounds, string) {
	if p := l.Policy(); p != nil {
		if want := policyLimits(p); len(want) > 0 {
			return want, "wanted by the policy: " + named(want)
		}
	}
	if s := l.Snapshot(); s != nil {
		if f, ok := s.DaemonJSON.Get(); ok {
			if want := daemonLimits(f.Content); len(want) > 0 {
				return want, "wanted by daemon.json: " + named(want)
			}
		}
	}
	return map[string]bounds{"nofile": {endless - 1, endless - 1}}, "nobody wants a certain one: open files must be limited at all"
}

func policyLimits(p *plans.Policy) map[string]bounds {
	var out map[string]bounds
	_ = json.Unmarshal(p.Daemon["default-ulimits"], &out) // null, absent and odd: none
	return out
}

// daemonLimits reads daemon.json, of which a comment or an error makes none.
func daemonLimits(content []byte) map[string]bounds {
	var file struct {
		Limits map[string]bounds `json:"default-ulimits"`
	}
	_ = json.Unmarshal(content, &file)
	return file.Limits
}

func named(all map[string]bounds) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, shown(name)+" "+all[name].String())
	}
	return list(out)
}
