package control

import (
	"fmt"
	"slices"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// defaultListsAge is how old the lists of packages may be without a word of the
// policy, days.
const defaultListsAge = 7

// patchControls are D02, judged without a network: a verdict never says that
// something is secure, only that nothing known speaks against it.
func patchControls() []Control {
	return []Control{
		{
			ID: "updates-pending", Title: "Packages that run containers are the newest on offer", Severity: resource.High, Level: 1, OWASP: []string{"D02"}, CIS: cis("1.2.2"),
			Why: "Fixes that are not installed fix nothing.",
			How: "Installed versions of engine, containerd and runc against the host's own package lists; lists older than patch.lists-max-age-days (7) tell nothing.", Remedy: "apt-get install --only-upgrade PACKAGE, or dnf upgrade PACKAGE", judge: judgeUpdates,
		},
		{
			ID: "package-lists", Title: "The package lists are fresh", Severity: resource.Medium, Level: 1, OWASP: []string{"D02"},
			Why: "A host that does not look for updates has none pending.",
			How: "When the lists were last fetched, against patch.lists-max-age-days (7).", Remedy: "apt-get update, or a timer that does it", judge: judgeLists,
		},
		{
			ID: "automatic-updates", Title: "Updates are installed without being asked for", Severity: resource.Low, Level: 2, OWASP: []string{"D02"},
			Why: "What waits for somebody's time waits long.",
			How: "unattended-upgrades or dnf-automatic, installed and enabled. Whether its list of origins covers Docker's own packages a person must see.", Remedy: "apt-get install unattended-upgrades", judge: judgeAutomatic,
		},
		{
			ID: "running-programs", Title: "What runs is what is installed", Severity: resource.High, Level: 1, OWASP: []string{"D02"},
			Why: "An update takes effect when the program starts anew; until then the fault runs on.",
			How: "Whether the file of the running dockerd or containerd was replaced, and which packages wait for a boot.", Remedy: "systemctl restart docker containerd; reboot", judge: judgeRunningPrograms,
		},
		{
			ID: "known-vulnerabilities", Title: "No known vulnerability of engine, containerd and runc is open", Severity: resource.High, Level: 1, OWASP: []string{"D02"}, CIS: cis("1.2.2"),
			Why: "Most ways out of a container are published.",
			How: "Versions against a dated table in bulwark. Packages of a distribution keep their version and get fixes: there the changelog must name the CVE. No entry means none known on the day of the table, never that there is none.", Remedy: "upgrade the package", judge: judgeKnown,
		},
		{
			ID: "support-window", Title: "Engine and distribution are supported", Severity: resource.High, Level: 1, OWASP: []string{"D02"}, CIS: cis("1.2.2"),
			Why: "After its end nobody fixes it.",
			How: "End of support of the distribution by its own tables (distro-info, os-release), and of the engine line by a dated table for packages that Docker publishes; packages of a distribution live as long as that. minimum-engine of the policy, and engine-max-age-days by the day on which the engine was built, but for packages of a distribution.", Remedy: "upgrade to a supported release", judge: judgeSupport,
		},
	}
}

// packagesOr are what the package manager says.
func (t *tally) packagesOr() (resource.Packages, bool) {
	if t.s.Survey.Unknown != "" {
		t.unknown(resource.HostObject, "packages", t.s.Survey.Unknown)
		return resource.Packages{}, false
	}
	p, ok := t.s.Survey.Value.Packages.Get()
	switch {
	case !ok:
		t.unknown(resource.HostObject, "packages", t.s.Survey.Value.Packages.Unknown)
	case p.Manager == "":
		t.unknown(resource.HostObject, "packages", "no package manager was asked")
		ok = false
	}
	return p, ok
}

// future reports a time after that of the snapshot, by more than clocks differ.
func (t *tally) future(ns int64) bool { return time.Unix(0, ns).Sub(t.s.Taken) > 24*time.Hour }

func (t *tally) listsAge() int {
	if t.p.Patch != nil && t.p.Patch.ListsMaxAgeDays > 0 {
		return t.p.Patch.ListsMaxAgeDays
	}
	return defaultListsAge
}

// stale says how old the lists are, "" if they are fresh.
func (t *tally) stale(p resource.Packages) string {
	if p.ListsNS == 0 {
		return "when the package lists were fetched is not known"
	}
	if t.future(p.ListsNS) {
		return "the package lists are of " + day(p.ListsNS) + ", which is yet to come"
	}
	if days := int(t.s.Taken.Sub(time.Unix(0, p.ListsNS)).Hours() / 24); days > t.listsAge() {
		return fmt.Sprintf("the package lists are %d days old", days)
	}
	return ""
}

func judgeUpdates(t *tally) {
	p, ok := t.packagesOr()
	if !ok {
		return
	}
	why := t.stale(p)
	for _, x := range p.Installed {
		switch {
		case x.Candidate != "" && x.Candidate != x.Version:
			t.fail(resource.Finding{Kind: resource.PackageObject, Object: x.Name, Observed: x.Version + " installed", Expected: x.Candidate})
		case why != "":
			t.unknown(resource.PackageObject, x.Name, why)
		case x.Candidate == "":
			t.unknown(resource.PackageObject, x.Name, "the package lists do not name it")
		default:
			t.holds(1)
		}
	}
	if len(p.Installed) == 0 {
		t.unknown(resource.PackageObject, "engine", "no package holds the engine: it was installed by hand")
	}
}

func judgeLists(t *tally) {
	p, ok := t.packagesOr()
	if !ok {
		return
	}
	switch why := t.stale(p); {
	case p.ListsNS == 0 || t.future(p.ListsNS):
		t.unknown(resource.HostObject, "package lists", why)
	case why != "":
		t.fail(resource.Finding{Kind: resource.HostObject, Object: "package lists", Observed: why, Expected: fmt.Sprintf("%d days or less", t.listsAge())})
	default:
		t.holds(1)
	}
}

func judgeAutomatic(t *tally) {
	if p, ok := t.packagesOr(); ok && p.Automatic == "" {
		t.fail(resource.Finding{Kind: resource.HostObject, Object: "updates", Observed: "nothing installs them", Expected: "unattended-upgrades or dnf-automatic"})
	} else if ok {
		t.holds(1)
		t.evidence = append(t.evidence, p.Automatic+" is enabled")
	}
}

func judgeRunningPrograms(t *tally) {
	p, ok := t.packagesOr()
	if !ok {
		return
	}
	for _, x := range p.Installed {
		if x.Stale {
			t.fail(resource.Finding{Kind: resource.PackageObject, Object: x.Name, Observed: x.Program + " was replaced and the old one runs on", Expected: "a restart"})
		} else {
			t.holds(1)
		}
	}
	if len(p.RebootRequired) > 0 {
		t.fail(resource.Finding{Kind: resource.HostObject, Object: "host", Observed: "waits for a boot: " + join(slices.Clone(p.RebootRequired)), Expected: "a boot"})
	}
	if len(p.Installed) == 0 {
		t.unknown(resource.PackageObject, "engine", "no package holds the engine: it was installed by hand")
	}
}

func judgeSupport(t *tally) {
	now := t.s.Taken
	p, read := t.packagesOr()
	if read {
		switch end := time.Unix(0, p.SupportEndNS); {
		case p.SupportEndNS == 0:
			t.unknown(resource.HostObject, "distribution", "the end of its support is not known here")
		case now.After(end):
			t.fail(resource.Finding{Kind: resource.HostObject, Object: "distribution", Observed: "support ended on " + day(p.SupportEndNS), Expected: "a supported release"})
		default:
			t.holds(1)
			t.evidence = append(t.evidence, "support of the distribution ends on "+day(p.SupportEndNS))
		}
	}
	e, ok := t.engineOr()
	if !ok {
		return
	}
	if t.below(e) {
		t.failDaemon("engine "+e.Version, "at least "+t.p.Patch.MinimumEngine)
	}
	if read { // else nobody knows whether a distribution looks after it
		t.line(e)
		t.age(e)
	}
}

// age is that of the engine's build. Packages of a distribution are as old as its
// release, and are looked after by it.
func (t *tally) age(e resource.Engine) {
	if t.p.Patch == nil || t.p.Patch.EngineMaxAgeDays == 0 || byDistribution(t.s.Survey.Value.Packages.Value, "dockerd") {
		return
	}
	days := int(t.s.Taken.Sub(time.Unix(0, e.BuiltNS)).Hours() / 24)
	switch most := t.p.Patch.EngineMaxAgeDays; {
	case e.BuiltNS == 0:
		t.unknown(resource.DaemonObject, daemonObject, "it does not say when it was built")
	case t.future(e.BuiltNS):
		t.unknown(resource.DaemonObject, daemonObject, "it was built on "+day(e.BuiltNS)+", which is yet to come")
	case days > most:
		t.failDaemon(fmt.Sprintf("engine %s was built %d days ago", e.Version, days), fmt.Sprintf("%d days or less", most))
	default:
		t.holds(1)
	}
}

func (t *tally) below(e resource.Engine) bool {
	if t.p.Patch == nil || t.p.Patch.MinimumEngine == "" {
		return false
	}
	least, err := engine.ParseVersion(t.p.Patch.MinimumEngine)
	return err == nil && release(e).Known() && release(e).Compare(least) < 0
}

// line judges the engine's release line. Packages of a distribution are looked
// after by that, whatever upstream does.
func (t *tally) line(e resource.Engine) {
	if byDistribution(t.s.Survey.Value.Packages.Value, "dockerd") {
		t.evidence = append(t.evidence, "the distribution looks after engine "+e.Version)
		return
	}
	l, known := lineOf(release(e))
	switch {
	case !known:
		t.unknown(resource.DaemonObject, daemonObject, fmt.Sprintf("the table of %s does not know engine %s", tableDay, e.Version))
	case l.day != "" && t.s.Taken.UTC().Format(time.DateOnly) > l.day:
		t.failDaemon(fmt.Sprintf("engine %s: its line ended on %s", e.Version, l.day), "a supported line")
	case l.over && l.day == "":
		t.failDaemon(fmt.Sprintf("engine %s: its line ended before %s", e.Version, tableDay), "a supported line")
	default:
		t.holds(1)
	}
}

// byDistribution reports whether a program comes in a package that a
// distribution makes: docker.io, not docker-ce.
func byDistribution(p resource.Packages, program string) bool {
	return slices.ContainsFunc(p.Installed, func(x resource.Package) bool {
		return x.Program == program && slices.Contains([]string{"docker.io", "moby-engine", "containerd", "runc"}, x.Name)
	})
}
