package control

import (
	"fmt"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A flaw is what is wrong with one container: what was seen, what is wanted, and
// the exact change if there is one.
type flaw struct{ observed, expected, remedy string }

// undecided is what a look returns that cannot tell: a flaw without a wish.
func undecided(why string) *flaw { return &flaw{observed: why} }

// each judges all containers, stopped ones too: they can be started. look
// returns nil if the control holds for one.
func each(look func(*tally, *resource.Container) *flaw) func(*tally) {
	return func(t *tally) {
		all, ok := t.containersOr()
		for i := range all {
			t.container(&all[i], look)
		}
		if ok && len(all) == 0 {
			t.nothing("there are no containers")
		}
	}
}

func (t *tally) containersOr() ([]resource.Container, bool) {
	all, ok := t.s.Containers.Get()
	if !ok {
		t.unknown(resource.DaemonObject, "containers", t.s.Containers.Unknown)
	}
	return all, ok
}

func (t *tally) container(c *resource.Container, look func(*tally, *resource.Container) *flaw) {
	f := look(t, c)
	switch {
	case f == nil:
		t.holds(1)
		return
	case f.expected == "":
		t.unknown(resource.ContainerObject, c.Name, f.observed)
		return
	}
	observed := f.observed
	if !running(c) {
		observed += " (" + c.State + ")"
	}
	t.fail(resource.Finding{Kind: resource.ContainerObject, Object: c.Name, Observed: observed, Expected: f.expected, Remedy: f.remedy})
}

func running(c *resource.Container) bool { return c.State == "running" || c.State == "paused" }

// when judges by a plain condition.
func when(bad func(*resource.Container) bool, observed, expected, remedy string) func(*tally) {
	return each(func(_ *tally, c *resource.Container) *flaw {
		if !bad(c) {
			return nil
		}
		return &flaw{observed, expected, remedy}
	})
}

// recreate is the remedy where only a new container helps.
func recreate(how string) string { return "recreate it " + how }

// update is docker update for one container.
func update(c *resource.Container, options string) string {
	return fmt.Sprintf("docker update %s %s", options, quoted(c.Name))
}

// quoted is a name as a shell takes it. Docker allows letters, digits and _.- only;
// a snapshot may have others.
func quoted(name string) string {
	if plainName(name) == name {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// options are the values of one security option: "seccomp=unconfined" and
// "seccomp:unconfined", its older form, of what has no = in it.
func options(c *resource.Container, name string) []string {
	var all []string
	for _, o := range c.SecurityOpt {
		i := strings.IndexByte(o, '=')
		if i < 0 {
			i = strings.IndexByte(o, ':')
		}
		switch {
		case o == name:
			all = append(all, "")
		case i > 0 && o[:i] == name:
			all = append(all, o[i+1:])
		}
	}
	return all
}

func last(values []string) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}
