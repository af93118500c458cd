package kinds

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// rank orders statuses: of two for one control the worse one holds.
func rank(s resource.Status) int {
	return slices.Index([]resource.Status{
		resource.OK, resource.Manual, resource.Changing, resource.Unread, resource.Blocked,
	}, s)
}

// addControl joins what two kinds say of the same control.
func addControl(all []resource.ControlResult, c resource.ControlResult) []resource.ControlResult {
	i := slices.IndexFunc(all, func(o resource.ControlResult) bool { return o.ID == c.ID })
	if i < 0 {
		return append(all, c)
	}
	switch old := all[i]; {
	case rank(c.Status) > rank(old.Status):
		all[i] = c
	case rank(c.Status) == rank(old.Status):
		all[i].Reason = joinText(old.Reason, c.Reason)
		all[i].Remedy = joinText(old.Remedy, c.Remedy)
	}
	return all
}

func joinText(a, b string) string {
	if a == b {
		return a
	}
	return strings.Trim(a+"; "+b, "; ")
}

// mergeService takes the stronger need of two.
func mergeService(a, b resource.Service) resource.Service {
	return resource.Service{
		Action:         max(a.Action, b.Action),
		Reasons:        append(a.Reasons, b.Reasons...),
		StopContainers: a.StopContainers || b.StopContainers,
		DataRootMoves:  a.DataRootMoves || b.DataRootMoves,
		// Making live-restore effective first would keep alive the very
		// containers that must stop.
		LiveRestoreFirst: (a.LiveRestoreFirst || b.LiveRestoreFirst) &&
			!a.StopContainers && !b.StopContainers && !a.DataRootMoves && !b.DataRootMoves,
	}
}

func sortControls(c []resource.ControlResult) {
	slices.SortFunc(c, func(a, b resource.ControlResult) int { return cmp.Compare(a.ID, b.ID) })
}
