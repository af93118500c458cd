package limits

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Diff compares containers with the rules. It is pure. A container for which an
// aspect is refused is blocked in that and changed in the others.
func (Kind) Diff(w *Want, s *resource.Snapshot) resource.Result {
	if w == nil {
		return resource.Result{}
	}
	p := &plan{want: w, s: s}
	for _, a := range Aspects() {
		if slices.ContainsFunc(w.Rules, func(r Rule) bool { return r.sets(a) }) {
			p.asked = append(p.asked, a)
		}
	}
	if why := p.unread(); why != "" {
		return p.alike(resource.Unread, why)
	}
	if len(p.asked) == 0 {
		return p.alike(resource.Manual, "limits.rules holds no limit: containers are not judged")
	}
	for _, c := range s.Containers.Value {
		p.container(c)
	}
	return p.result()
}

type plan struct {
	want  *Want
	s     *resource.Snapshot
	asked []Aspect
	found []*finding
}

// A finding is one container and what it has not as wanted.
type finding struct {
	subject
	target  resource.ContainerLimits // all that can be had
	differs []Aspect                 // that can be set
	refused map[Aspect]refusal
	wanted  resource.ContainerLimits // refused ones included
}

// unread says why nothing can be judged.
func (p *plan) unread() string {
	if p.s.Containers.Unknown != "" {
		return p.s.Containers.Unknown
	}
	e, ok := p.s.Engine.Get()
	switch {
	case !ok:
		return p.s.Engine.Unknown
	case e.Limits == nil:
		return "the snapshot does not hold the limits of containers: it was made by an older bulwark"
	}
	return ""
}

// alike gives every control of the section the same status.
func (p *plan) alike(st resource.Status, reason string) resource.Result {
	var out resource.Result
	for _, a := range p.asked {
		out.Controls = append(out.Controls, resource.ControlResult{ID: controlOf(a), Status: st, Reason: reason})
	}
	if len(p.asked) == 0 {
		out.Controls = []resource.ControlResult{{ID: control, Status: st, Reason: reason}}
	}
	return out
}

func controlOf(a Aspect) string {
	return map[Aspect]string{Memory: controlMemory, Pids: controlPids, CPUs: controlCPUs, Restart: controlRestart}[a]
}

// container judges one container. The daemon updates none that it is removing.
func (p *plan) container(c resource.Container) {
	number, rule := p.want.ruleFor(c)
	if rule == nil || c.State == "removing" || c.State == "dead" {
		return
	}
	f := &finding{refused: map[Aspect]refusal{}}
	f.subject = subject{c: c, now: c.Limits(), rule: rule, number: number, engine: p.s.Engine.Value}
	f.use = p.s.Usage.Value[c.ID]
	f.target, f.wanted = f.now, f.now
	for _, a := range rule.asks() {
		t, no := f.judge(a)
		switch {
		case no != nil:
			f.refused[a] = *no
			f.wanted = with(f.wanted, a, t)
		case !Same(a, f.now, t):
			f.differs = append(f.differs, a)
			f.target, f.wanted = with(f.target, a, t), with(f.wanted, a, t)
		}
	}
	p.found = append(p.found, f)
}

func (p *plan) result() resource.Result {
	var out resource.Result
	for _, a := range p.asked {
		out.Controls = append(out.Controls, p.control(a))
	}
	if !p.want.Apply {
		return out
	}
	for _, f := range p.found {
		if len(f.differs) > 0 {
			out.Operations = append(out.Operations, f.operation())
		}
	}
	out.Impacts = p.impacts()
	return out
}

// control joins what all containers have of an aspect. The worst holds.
func (p *plan) control(a Aspect) resource.ControlResult {
	r := resource.ControlResult{ID: controlOf(a), Status: resource.OK}
	var refused, differ, remedies []string
	for _, f := range p.found {
		if no, ok := f.refused[a]; ok {
			refused = append(refused, fmt.Sprintf("%s cannot have %s: %s", f.c.Name, rephrase(a, f.wanted), no.why))
			remedies = addNew(remedies, no.remedy)
		}
		if slices.Contains(f.differs, a) {
			differ = append(differ, fmt.Sprintf("%s has %s, and should have %s", f.c.Name, rephrase(a, f.now), rephrase(a, f.target)))
		}
	}
	switch {
	case !p.want.Apply && len(refused)+len(differ) > 0:
		r.Status, r.Reason, r.Remedy = resource.Manual, some(append(differ, refused...)), p.byHand(a)
	case len(refused) > 0:
		r.Status, r.Reason, r.Remedy = resource.Blocked, some(refused), strings.Join(remedies, "; ")
	case len(differ) > 0:
		r.Status, r.Reason = resource.Changing, some(differ)
	}
	return r
}

// rephrase names an aspect with its value: "memory none".
func rephrase(a Aspect, l resource.ContainerLimits) string { return string(a) + " " + Show(a, l) }

// byHand are the commands that set an aspect, for a policy that only judges.
func (p *plan) byHand(a Aspect) string {
	commands := []string{}
	for _, f := range p.found {
		if slices.Contains(f.differs, a) {
			commands = append(commands, "docker update "+flags([]Aspect{a}, f.target)+" "+f.c.Name)
		}
	}
	return some(append([]string{"limits.apply: true lets apply set it"}, commands...))
}

// shown bounds how many containers are named in one sentence.
const shown = 5

func some(all []string) string {
	if n := len(all) - shown; n > 0 {
		all = append(slices.Clone(all[:shown]), fmt.Sprintf("and %d more", n))
	}
	return strings.Join(all, "; ")
}

func addNew(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

func (f *finding) operation() resource.Operation {
	o := resource.Operation{
		Kind: Name, Target: "container " + f.c.Name, Action: resource.Update,
		Old: Text(f.now), New: Text(f.target),
	}
	for _, a := range f.differs {
		o.Controls = append(o.Controls, controlOf(a))
		o.Why = append(o.Why, fmt.Sprintf("limits.rules[%d] sets %s", f.number, rephrase(a, f.target)))
	}
	var err error
	o.Payload, err = json.Marshal(f.payload())
	if err != nil {
		panic("internal error: payload of limits: " + err.Error()) // plain structs always marshal
	}
	return o
}

func (f *finding) payload() Payload {
	return Payload{
		ID: f.c.ID, Name: f.c.Name, Root: f.engine.RootDir, Before: f.now, After: f.target,
		Back: Back(f.now, f.target, f.engine.CPUs),
		Ran:  slices.Contains(f.differs, Restart) && f.c.Runs(),
	}
}
