package control

import (
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
)

// tableDay is the day up to which advisories were looked through. It ages: after
// maxTableAge days what it does not know counts as unknown.
const (
	tableDay    = "2026-08-21"
	maxTableAge = 180
)

func tableTime() time.Time {
	day, err := time.Parse(time.DateOnly, tableDay)
	if err != nil {
		panic(err) // a constant
	}
	return day
}

// An advisory says from which versions on a program has a fix, one for each line
// that got one. Ids and versions are facts of the CVE records and of the release
// notes of the projects.
type advisory struct {
	id, program string
	// since is the first version with the fault; zero for all.
	since engine.Version
	fixed []engine.Version
}

func v(major, minor, patch int) engine.Version {
	return engine.Version{Major: major, Minor: minor, Patch: patch}
}

// advisories leaves out what containers of Docker cannot reach (CRI only) and
// what needs a plugin.
func advisories() []advisory {
	return []advisory{
		{id: "CVE-2021-21284", program: "dockerd", fixed: []engine.Version{v(19, 3, 15), v(20, 10, 3)}},
		{id: "CVE-2021-41091", program: "dockerd", fixed: []engine.Version{v(20, 10, 9)}},
		{id: "CVE-2022-24769", program: "dockerd", fixed: []engine.Version{v(20, 10, 14)}},
		{id: "CVE-2022-36109", program: "dockerd", fixed: []engine.Version{v(20, 10, 18)}},
		{id: "CVE-2024-24557", program: "dockerd", fixed: []engine.Version{v(24, 0, 9), v(25, 0, 2)}},
		{id: "CVE-2024-29018", program: "dockerd", fixed: []engine.Version{v(23, 0, 11), v(25, 0, 5), v(26, 0, 0)}},
		{id: "CVE-2024-41110", program: "dockerd", fixed: []engine.Version{v(23, 0, 15), v(25, 0, 6), v(26, 1, 5), v(27, 1, 1)}},
		{id: "CVE-2025-54388", program: "dockerd", since: v(28, 2, 0), fixed: []engine.Version{v(28, 3, 3)}},
		{id: "CVE-2026-34040", program: "dockerd", fixed: []engine.Version{v(29, 3, 1)}},
		{id: "CVE-2026-41567", program: "dockerd", fixed: []engine.Version{v(29, 5, 1)}},
		{id: "CVE-2026-17106", program: "dockerd", fixed: []engine.Version{v(29, 7, 0)}},

		{id: "CVE-2020-15257", program: "containerd", fixed: []engine.Version{v(1, 3, 9), v(1, 4, 3)}},
		{id: "CVE-2021-41103", program: "containerd", fixed: []engine.Version{v(1, 4, 11), v(1, 5, 7)}},
		{id: "CVE-2023-25173", program: "containerd", fixed: []engine.Version{v(1, 5, 18), v(1, 6, 18)}},
		{id: "CVE-2024-40635", program: "containerd", fixed: []engine.Version{v(1, 6, 38), v(1, 7, 27), v(2, 0, 4)}},
		{id: "CVE-2024-25621", program: "containerd", fixed: []engine.Version{v(1, 7, 29), v(2, 0, 7), v(2, 1, 5), v(2, 2, 0)}},
		{id: "CVE-2026-46680", program: "containerd", fixed: []engine.Version{v(1, 7, 32), v(2, 0, 9), v(2, 2, 4), v(2, 3, 1)}},

		{id: "CVE-2021-30465", program: "runc", fixed: []engine.Version{v(1, 0, 0)}},
		{id: "CVE-2022-29162", program: "runc", fixed: []engine.Version{v(1, 1, 2)}},
		{id: "CVE-2023-27561", program: "runc", fixed: []engine.Version{v(1, 1, 5)}},
		{id: "CVE-2024-21626", program: "runc", fixed: []engine.Version{v(1, 1, 12)}},
		{id: "CVE-2024-45310", program: "runc", fixed: []engine.Version{v(1, 1, 14), v(1, 2, 0)}},
		{id: "CVE-2025-31133", program: "runc", fixed: []engine.Version{v(1, 2, 8), v(1, 3, 3), v(1, 4, 0)}},
		{id: "CVE-2025-52565", program: "runc", fixed: []engine.Version{v(1, 2, 8), v(1, 3, 3), v(1, 4, 0)}},
		{id: "CVE-2025-52881", program: "runc", fixed: []engine.Version{v(1, 2, 8), v(1, 3, 3), v(1, 4, 0)}},
	}
}

// affects: a line with a fix is judged by that; a newer line than all that got
// one has it, an older one has not.
func (a advisory) affects(have engine.Version) bool {
	if have.Compare(a.since) < 0 {
		return false
	}
	newest := a.fixed[len(a.fixed)-1]
	for _, f := range a.fixed {
		if f.Major == have.Major && f.Minor == have.Minor {
			return have.Compare(f) < 0
		}
	}
	return have.Compare(newest) < 0
}

// A line is what is known of the support of a release line of the engine.
type line struct {
	over bool
	day  string // its end; "" if only that it is over, or if none was set
}

// lineOf tells from the major version; lines that the table does not have are
// not known.
func lineOf(have engine.Version) (line, bool) {
	switch have.Major {
	case 29:
		return line{}, true
	case 28:
		return line{true, "2026-05-13"}, true
	case 27:
		return line{true, "2025-05-03"}, true
	case 25: // looked after longer than its successor
		return line{day: "2026-12-04"}, true
	}
	return line{over: true}, have.Major > 0 && have.Major < 27
}
