// Package control is the catalogue of what check judges: each control with its
// reasons, its numbers in the OWASP Docker Top 10 and the CIS Docker Benchmark,
// and the pure function that judges it over a snapshot. Numbers of CIS are
// facts; all wording here is the project's own.
package control

import (
	"slices"
	"sync"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A Control is one thing that is judged.
type Control struct {
	// ID is the slug that users, waivers and reports name it by. It never
	// changes its meaning.
	ID    string
	Title string
	// Why says what goes wrong without it.
	Why string
	// How says what is looked at.
	How string
	// Remedy says what to do; the exact change for one object is with each
	// finding, where there is one.
	Remedy string
	// Key is the key of a policy with which bulwark plan and apply remedy it,
	// "" if they cannot.
	Key      string
	Severity resource.Severity
	// Level is 1 for every host, 2 for what costs something.
	Level int
	// OWASP are the areas D01 to D10, the chief one first.
	OWASP []string
	CIS   Numbers
	judge func(*tally)
}

// Catalogue returns all controls, in the order of the CIS sections, then those
// beyond it.
func Catalogue() []Control { return slices.Clone(all()) }

var all = sync.OnceValue(func() []Control {
	return slices.Concat(hostControls(), auditControls(), daemonControls(), fileControls(), imageControls(),
		containerControls(), isolationControls(), operationControls(), swarmControls(),
		patchControls(), contextControls(), secretControls(), resourceControls(), originControls(),
		immutableControls(), loggingControls(), managementControls())
})

// Lookup finds a control by its slug.
func Lookup(id string) (Control, bool) {
	for _, c := range all() {
		if c.ID == id {
			return c, true
		}
	}
	return Control{}, false
}

// An input is what all judges see.
type input struct {
	s *resource.Snapshot
	// p is never nil; without a policy all its sections are.
	p *plans.Policy
	// sockets are the paths by which the daemon and containerd can be
	// commanded, links resolved, in order.
	sockets []string
	// mapped says that root in containers is an ordinary user of the host.
	mapped bool
	// group is dockerd's --group, gid its number if known; sshd are containers in which an ssh daemon
	// runs. Both are made once: a snapshot may have any number of containers and
	// sockets.
	group string
	gid   uint32
	known bool
	sshd  map[string]bool
	// byID has containers by id and by name; unfiltered says why one would start
	// without a seccomp filter.
	byID       map[string]*resource.Container
	unfiltered string
}

func newInput(p *plans.Policy, s *resource.Snapshot) *input {
	in := &input{s: s, p: p, sockets: there(s, sockets(s)), group: socketGroup(s), sshd: map[string]bool{}, byID: map[string]*resource.Container{}, unfiltered: unfiltered(s)}
	in.gid, in.known = groupID(s.Accounts.Value, in.group)
	if p == nil {
		in.p = &plans.Policy{}
	}
	if e, ok := s.Engine.Get(); ok {
		in.mapped = hasOption(e, "userns") || hasOption(e, "rootless")
	}
	for _, id := range s.Survey.Value.Sshd {
		in.sshd[id] = true
	}
	for i := range s.Containers.Value {
		c := &s.Containers.Value[i]
		in.byID[c.ID], in.byID[c.Name] = c, c
	}
	return in
}

// A tally collects what a judge finds about one control.
type tally struct {
	*input
	control  *Control
	judged   int
	findings []resource.Finding
	evidence []string
	manual   string
	none     string
}

// holds counts n objects for which the control holds.
func (t *tally) holds(n int) { t.judged += n }

// fail reports an object for which it does not.
func (t *tally) fail(f resource.Finding) {
	f.Verdict = resource.Fails
	t.judged++
	t.findings = append(t.findings, f)
}

// unknown reports an object that could not be judged.
func (t *tally) unknown(kind, object, why string) {
	t.findings = append(t.findings, resource.Finding{Kind: kind, Object: object, Verdict: resource.Unjudged, Observed: why})
}

// byHand says that a person must judge, and with what.
func (t *tally) byHand(reason string, evidence ...string) {
	t.manual = reason
	t.evidence = append(t.evidence, evidence...)
}

// nothing says why there is nothing to judge.
func (t *tally) nothing(reason string) { t.none = reason }

// verdict sums the findings up: what fails outweighs what is not known.
func (t *tally) verdict() (resource.Verdict, string) {
	var fails, unknown int
	var why string
	for _, f := range t.findings {
		switch {
		case f.Verdict == resource.Fails && f.Waiver == nil:
			fails++
		case f.Verdict == resource.Unjudged:
			unknown++
			why = f.Observed
		}
	}
	switch {
	case fails > 0:
		return resource.Fails, ""
	case unknown > 0:
		return resource.Unjudged, why
	case t.manual != "":
		return resource.ByHand, t.manual
	case t.judged == 0 && t.none != "":
		return resource.NoObject, t.none
	case t.judged == 0:
		return resource.Unjudged, "nothing was looked at"
	}
	return resource.Holds, ""
}
