package limits

import (
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// impacts say what a person should know before a yes: chiefly what Docker
// cannot take back.
func (p *plan) impacts() []resource.Impact {
	cpus := p.s.Engine.Value.CPUs
	var out []resource.Impact
	for _, i := range []struct {
		text  string
		holds func(*finding) bool
	}{
		{
			"Docker cannot take a memory limit away again: a rollback sets 4 EiB with unlimited swap, which limits nothing and which docker inspect shows, until the container is made anew",
			func(f *finding) bool { return f.payload().Back.Memory != f.now.Memory },
		},
		{
			fmt.Sprintf("Docker cannot take a limit of CPUs away again: a rollback sets %d, all that the host has now, until the container is made anew", cpus),
			func(f *finding) bool { return f.payload().Back.NanoCPUs != f.now.NanoCPUs },
		},
		{
			"what they use now could not be read: a container that uses more memory than its new limit is killed, or the daemon refuses the limit",
			func(f *finding) bool { return f.sets(Memory) && f.running() && f.use.Memory == 0 },
		},
		{
			"they have more processes and threads now than the new limit: those stay, and they get no new ones",
			func(f *finding) bool { return f.sets(Pids) && f.running() && f.use.Pids > f.target.Pids },
		},
		{
			"they do not run, and with the new restart policy dockerd may start them when it starts",
			func(f *finding) bool {
				return f.sets(Restart) && !f.running() && f.now.Restart == "no" && f.target.Restart != "no"
			},
		},
	} {
		if names := p.names(i.holds); len(names) > 0 {
			out = append(out, resource.Impact{Level: resource.WarningImpact, Text: i.text, Subjects: names})
		}
	}
	return out
}

// sets reports whether the aspect is going to be changed.
func (f *finding) sets(a Aspect) bool { return slices.Contains(f.differs, a) }

func (p *plan) names(holds func(*finding) bool) []string {
	var names []string
	for _, f := range p.found {
		if len(f.differs) > 0 && holds(f) {
			names = append(names, f.c.Name)
		}
	}
	return names
}
