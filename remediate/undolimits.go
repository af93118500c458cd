package remediate

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/internal/limits"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A limitsUndo is how changes of containers are undone.
type limitsUndo struct {
	steps []txn.StepSpec // before dockerd restarts
	later []txn.StepSpec // after it has, for containers of the data root that it then has
	notes []string
	s     *resource.Snapshot
}

// undoLimits makes of the changes of containers that are undone, oldest first,
// one for each container that is still there. notes tell of those that are not.
// What somebody else changed since is a *ConflictError, as with files. moves
// says that dockerd gets another data root by the undo: one with containers
// that it does not show now.
func undoLimits(of string, steps []txn.StepSpec, s *resource.Snapshot, moves bool) (*limitsUndo, error) {
	u := &limitsUndo{s: s}
	changes, order, err := limitChanges(steps)
	if err != nil || len(order) == 0 {
		return u, err
	}
	if s.Containers.Unknown != "" {
		return nil, fmt.Errorf("cannot bring back the limits of containers: %s", s.Containers.Unknown)
	}
	conflict := &ConflictError{ID: of}
	for _, id := range order {
		what, err := u.container(changes[id], moves)
		if err != nil {
			return nil, err
		}
		if what != "" {
			conflict.Conflicts = append(conflict.Conflicts, txn.Conflict{Path: "container " + changes[id][0].Name, What: what})
		}
	}
	if len(conflict.Conflicts) > 0 {
		return nil, &EditedError{Conflict: conflict}
	}
	return u, nil
}

// container undoes the changes of one. what is how somebody else has changed it.
func (u *limitsUndo) container(changes []limits.Payload, moves bool) (what string, err error) {
	last := changes[len(changes)-1]
	here := u.s.Containers.Value
	i := slices.IndexFunc(here, func(c resource.Container) bool { return c.ID == last.ID })
	away := last.Root != "" && last.Root != u.s.Engine.Value.RootDir
	switch {
	case i >= 0:
		p, what := u.rebase(changes, here[i].Limits())
		p.Ran = here[i].Runs() && slices.Contains(p.Changed(), limits.Restart)
		return what, add(&u.steps, p)
	case away && moves:
		// If it is gone from there too, the step will tell.
		p, what := u.rebase(changes, last.After)
		p.Elsewhere = true
		return what, add(&u.later, p)
	case away:
		u.note("container %s is in %s, which dockerd does not use: its limits stay as they are", last.Name, last.Root)
	default:
		u.note("container %s is gone: its limits need not be put back", last.Name)
	}
	return "", nil
}

func (u *limitsUndo) note(format string, args ...any) {
	u.notes = append(u.notes, fmt.Sprintf(format, args...))
}

// rebase is the change back from now.
func (u *limitsUndo) rebase(changes []limits.Payload, now resource.ContainerLimits) (p limits.Payload, what string) {
	p, what, short := limits.Rebase(changes, now, u.s.Engine.Value.CPUs)
	if short != "" {
		u.note("%s", short)
	}
	return p, what
}

// add makes a step of a change, if it changes anything.
func add(to *[]txn.StepSpec, p limits.Payload) error {
	if len(p.Changed()) == 0 {
		return nil
	}
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("cannot write the journal's limits step: %w", err)
	}
	*to = append(*to, txn.StepSpec{Name: limitsStep, Payload: b})
	return nil
}
