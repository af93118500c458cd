package daemonjson

import (
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Levels of an Impact.
const (
	note         = "note"
	warning      = "warning"
	irreversible = "irreversible"
)

// impacts tells what a yes leads to: for containers, by keys, by hazards of
// the file.
func (d *diff) impacts(svc resource.Service) []resource.Impact {
	var list []resource.Impact
	if svc.Action == resource.Restart {
		list = append(list, d.containers(svc)...)
		list = append(list, d.takenUp()...)
	}
	for _, w := range d.keys {
		if w.write && w.row.Note != "" {
			list = append(list, resource.Impact{Level: note, Text: w.Key + ": " + w.row.Note})
		}
	}
	list = append(list, d.hazards()...)
	changes := slices.ContainsFunc(d.keys, func(w wanted) bool { return w.write })
	if changes {
		list = append(list, d.exposed()...)
	}
	if why := d.s.Flags.Unknown; changes && why != "" {
		list = append(list, resource.Impact{
			Level: warning,
			Text:  "dockerd's flags could not be read (" + why + "): it refuses to start if one of them sets a key of the file",
		})
	}
	return list
}

// exposed warns of secrets in a file that others can read. Its mode is its
// owner's business; a new file with secrets is made 0600.
func (d *diff) exposed() []resource.Impact {
	p := d.file.Print
	if !p.Exists() || p.Mode&0o044 == 0 || len(replaced(d.content)) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s holds secrets, and has mode %04o: others than root can read it; chmod 600 it, dockerd runs as root", d.path, p.Mode)
	return []resource.Impact{{Level: warning, Text: text}}
}

// hazards lists what dockerd accepts in the new file and mistreats; what was
// there before is only noted.
func (d *diff) hazards() []resource.Impact {
	var list []resource.Impact
	before := map[string]bool{}
	for _, p := range Check(d.path, d.file.Content, d.engines[0]) {
		before[p.Text] = true
	}
	for _, p := range Check(d.path, d.content, d.engines[0]) {
		if p.Severity != Hazard {
			continue
		}
		level := warning
		if before[p.Text] {
			level = note
		}
		text := p.String()
		if p.Remedy != "" {
			text += "; " + p.Remedy
		}
		list = append(list, resource.Impact{Level: level, Text: text})
	}
	return list
}

// containers tells what a restart does to them (facts of daemon/daemon.go,
// restore: policies decide, whoever stopped a container).
func (d *diff) containers(svc resource.Service) []resource.Impact {
	all, known := d.s.Containers.Get()
	if !known {
		return []resource.Impact{{Level: warning, Text: "containers could not be read (" + d.s.Containers.Unknown + "): running ones may stop"}}
	}
	if svc.DataRootMoves {
		return moved(all)
	}
	e, _ := d.s.Engine.Get()
	if svc.LiveRestoreFirst || e.LiveRestore && d.liveRestoreAfter() && !svc.StopContainers {
		return nil
	}
	return slices.Concat(stopping(running(d.s), svc.StopContainers), starting(all))
}

// moved tells what a new data root ends for good; what goes out of sight is the
// business of the kind that knows user namespaces.
func moved(all []resource.Container) []resource.Impact {
	var list []resource.Impact
	add := adder(&list)
	add(irreversible, "containers started with --rm are removed", where(all, func(c resource.Container) bool { return isUp(c) && c.AutoRemove }))
	return list
}

func stopping(up []resource.Container, again bool) []resource.Impact {
	var list []resource.Impact
	add := adder(&list)
	paused := func(c resource.Container) bool { return c.State == "paused" && !c.AutoRemove }
	add(warning, "paused containers are stopped; they run again, no longer paused", where(up, paused))
	up = slices.DeleteFunc(slices.Clone(up), paused)
	add(irreversible, "containers started with --rm are removed by the restart", where(up, func(c resource.Container) bool { return c.AutoRemove }))
	if again {
		add(warning, "containers are stopped for the restart and started again: live-restore would keep their old network settings",
			where(up, func(c resource.Container) bool { return !c.AutoRemove }))
		return list
	}
	add(warning, "containers stop with dockerd and come back by their restart policy", where(up, func(c resource.Container) bool { return !c.AutoRemove && comesBack(c) }))
	add(warning, "containers stop with dockerd; they have no restart policy, so bulwark starts them again", where(up, func(c resource.Container) bool { return !c.AutoRemove && !comesBack(c) }))
	return list
}

// starting lists stopped containers that a daemon restart starts.
func starting(all []resource.Container) []resource.Impact {
	var list []resource.Impact
	add := adder(&list)
	idle := func(policy string) func(resource.Container) bool {
		return func(c resource.Container) bool { return c.State == "exited" && c.RestartPolicy == policy }
	}
	add(warning, "stopped containers are started by the restart (policy always)", where(all, idle("always")))
	add(warning, "stopped containers may be started by the restart (policy on-failure, if they did not exit with 0)", where(all, idle("on-failure")))
	return list
}

func adder(list *[]resource.Impact) func(level, text string, names []string) {
	return func(level, text string, names []string) {
		if len(names) > 0 {
			*list = append(*list, resource.Impact{Level: level, Text: fmt.Sprintf("%s: %d", text, len(names)), Subjects: names})
		}
	}
}

func where(all []resource.Container, keep func(resource.Container) bool) []string {
	var names []string
	for _, c := range all {
		if keep(c) {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

func isUp(c resource.Container) bool {
	return slices.Contains([]string{"running", "paused", "restarting"}, c.State)
}

func comesBack(c resource.Container) bool {
	return slices.Contains([]string{"always", "unless-stopped", "on-failure"}, c.RestartPolicy)
}
