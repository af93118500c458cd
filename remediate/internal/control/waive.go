package control

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// waivers are those of a policy, and which of them were of use.
type waivers struct {
	all        []plans.Waiver
	today      string
	containers map[string][]*resource.Container
	used       []bool
}

func newWaivers(p *plans.Policy, s *resource.Snapshot) *waivers {
	w := &waivers{
		all: p.Waivers, today: s.Taken.UTC().Format(time.DateOnly),
		containers: map[string][]*resource.Container{}, used: make([]bool, len(p.Waivers)),
	}
	for i := range s.Containers.Value {
		if c := &s.Containers.Value[i]; len(w.all) > 0 {
			w.containers[c.Name] = append(w.containers[c.Name], c)
		}
	}
	return w
}

// expired reports that the last day of a waiver is over.
func (w *waivers) expired(x plans.Waiver) bool { return x.Expires < w.today }

// apply marks the findings that a waiver accepts. What is unknown cannot be
// accepted: nobody knows what it is.
func (w *waivers) apply(t *tally) {
	for i, f := range t.findings {
		if f.Verdict != resource.Fails {
			continue
		}
		for j, x := range w.all {
			if x.Control == t.control.ID && w.covers(x, f) {
				w.used[j] = true
				if !w.expired(x) {
					t.findings[i].Waiver = &resource.WaiverNote{Reason: x.Reason, Expires: x.Expires, Owner: x.Owner}
				}
			}
		}
	}
}

// covers reports whether a finding lies in a waiver's scope. One without a scope
// is for the whole host.
func (w *waivers) covers(x plans.Waiver, f resource.Finding) bool {
	if x.Scope == nil {
		return true
	}
	switch f.Kind {
	case resource.ContainerObject:
		// Names are given once; in a snapshot that says else, all must be meant.
		named := w.containers[f.Object]
		return len(named) > 0 && !slices.ContainsFunc(named, func(c *resource.Container) bool { return !inScope(x.Scope, c) })
	case resource.ImageObject:
		return x.Scope.Container == "" && x.Scope.Label == "" && glob(x.Scope.Image, f.Object)
	}
	return false
}

func inScope(s *plans.Scope, c *resource.Container) bool {
	return (s.Container == "" || glob(s.Container, c.Name)) &&
		(s.Image == "" || glob(s.Image, c.Image)) &&
		(s.Label == "" || labelled(s.Label, c.Labels))
}

func labelled(want string, labels map[string]string) bool {
	key, value, valued := strings.Cut(want, "=")
	have, found := labels[key]
	return found && (!valued || have == value)
}

// glob matches with * as the only wildcard, over slashes too.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, p)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, last)
}

// report is a control of its own: waivers that are over, or for what there is
// not, are findings, for somebody believes in them.
func (w *waivers) report(controls []Control) []resource.ControlReport {
	if len(w.all) == 0 {
		return nil
	}
	c := waiverControl()
	t := &tally{control: &c}
	for i, x := range w.all {
		f := resource.Finding{Kind: resource.WaiverObject, Object: fmt.Sprintf("waivers[%d]: %s", i, x.Control), Expected: "a waiver that holds"}
		judged := slices.ContainsFunc(controls, func(c Control) bool { return c.ID == x.Control })
		_, exists := Lookup(x.Control)
		switch {
		case w.expired(x) && (w.used[i] || !judged):
			f.Observed = "ended on " + x.Expires
			f.Remedy = "remedy what it was for, or set a later day with a reason that still holds"
		case w.expired(x):
			f.Observed = "ended on " + x.Expires + ", and nothing needs it"
			f.Remedy = "remove it from the policy"
		case !exists && !PlanOnly(x.Control):
			f.Observed = "there is no such control"
			f.Remedy = "bulwark check --list names them all"
		default:
			t.holds(1)
			continue
		}
		t.fail(f)
	}
	return []resource.ControlReport{t.report()}
}

// WaiverID is the control that reports waivers which do not hold.
const WaiverID = "waivers"

func waiverControl() Control {
	return Control{
		ID: WaiverID, Title: "Waivers are valid", Severity: resource.Medium, Level: 1, OWASP: []string{"D04"},
		Why:    "A waiver that is over, or for a control that does not exist, hides nothing and promises much.",
		How:    "The list waivers of the policy, against the day on which the host was read.",
		Remedy: "renew or remove the waiver in the policy",
	}
}

// PlanOnly reports whether an id is one of a plan that check has no control of
// the same name for: daemon-KEY with a key of daemon.json, or one of a section.
func PlanOnly(id string) bool {
	if key, ok := strings.CutPrefix(id, "daemon-"); ok {
		_, known := daemonjson.Lookup(key)
		return known
	}
	return slices.ContainsFunc([]string{"audit-", "egress-", "seccomp-", "limits-", "userns-"}, func(section string) bool {
		return strings.HasPrefix(id, section) && len(id) > len(section)
	})
}
