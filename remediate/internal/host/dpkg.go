package host

import (
	"cmp"
	"context"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

const (
	dpkgStatus = "/var/lib/dpkg/status"
	aptLists   = "/var/lib/apt/lists"
	// unattended is the package that installs updates by itself.
	unattended = "unattended-upgrades"
)

func (r *Reader) debian(ctx context.Context, status string) resource.Packages {
	versions := parseDpkgStatus(status)
	p := resource.Packages{Manager: "dpkg", Installed: []resource.Package{}, ListsNS: r.aptListsTime()}
	if versions[unattended] != "" && r.upgradesItself() {
		p.Automatic = unattended
	}
	delete(versions, unattended)
	names := slices.Sorted(maps.Keys(versions))
	candidates := r.aptCandidates(ctx, names)
	for _, name := range names {
		fixes := r.debianFixes(name)
		for _, q := range packagesOf(name, versions[name]) {
			q.Candidate, q.Fixes = candidates[name], fixes
			p.Installed = append(p.Installed, q)
		}
	}
	return p
}

// parseDpkgStatus returns the versions of the installed packages that matter
// here. Their paragraphs begin with the name (dpkg(1), deb822(5)); what is
// removed but for its configuration is not installed.
func parseDpkgStatus(status string) map[string]string {
	out := map[string]string{}
	for paragraph := range strings.SplitSeq(status, "\n\n") {
		first, rest, _ := strings.Cut(strings.TrimLeft(paragraph, "\n"), "\n")
		name := strings.TrimSpace(strings.TrimPrefix(first, "Package:"))
		if _, ours := enginePackages[name]; !ours && name != unattended || name == "docker" { // a dock for icons
			continue
		}
		if version := field(rest, "Version"); version != "" && dpkgHas(field(rest, "Status")) {
			out[name] = version
		}
	}
	return out
}

// dpkgHas judges "install ok installed": what was unpacked only is there too.
func dpkgHas(status string) bool {
	f := strings.Fields(status)
	return len(f) == 3 && f[2] != "not-installed" && f[2] != "config-files"
}

func field(paragraph, name string) string {
	for line := range strings.Lines(paragraph) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// aptTimeout bounds apt-cache, which takes long where it has no cache on disk:
// what is not known by then stays unknown.
const aptTimeout = 2 * time.Second

// aptCandidates asks apt which versions it would install. As root it would
// write its cache; without being told the architectures it runs dpkg for them.
func (r *Reader) aptCandidates(ctx context.Context, names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	argv := []string{"apt-cache"}
	for _, arch := range r.dpkgArchitectures() {
		argv = append(argv, "-o", "APT::Architectures::="+arch)
	}
	out, err := r.queryAsNobody(ctx, aptTimeout, append(append(argv, "policy"), names...)...)
	if err != nil {
		return nil
	}
	return parsePolicy(string(out))
}

// debianArch maps GOARCH to Debian's name where that is another.
var debianArch = map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el"}

// dpkgArchitectures are those that packages may be of. dpkg has a list, the
// host's own first, if there is more than that one.
func (r *Reader) dpkgArchitectures() []string {
	if f, err := r.File("/var/lib/dpkg/arch"); err == nil && len(f.Content) > 0 {
		return strings.Fields(string(f.Content))
	}
	return []string{cmp.Or(debianArch[runtime.GOARCH], runtime.GOARCH)}
}

// parsePolicy reads what apt-cache policy says: names at the margin, below each
// its candidate.
func parsePolicy(text string) map[string]string {
	out := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, " ") {
			name = strings.TrimSuffix(line, ":")
			continue
		}
		v, ok := strings.CutPrefix(strings.TrimSpace(line), "Candidate: ")
		if ok && name != "" && v != "(none)" {
			out[name] = v
		}
	}
	return out
}

// aptListsTime is when the lists were last fetched, as far as files tell: the
// stamps that Ubuntu and the daily run leave, and the directory, in which every
// list that is new is put by its name. partial changes with attempts that fail,
// the lists themselves have the archive's times. Archives of security updates
// are signed anew every few days, so the directory does not lag far behind.
func (r *Reader) aptListsTime() int64 {
	names, err := r.Names(aptLists)
	if err != nil || !slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, "Release") }) {
		return 0
	}
	var newest int64
	for _, p := range []string{"/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/periodic/update-stamp", aptLists} {
		if _, print, err := r.Stat(p); err == nil {
			newest = max(newest, print.MtimeNS)
		}
	}
	return newest
}

// upgradesItself reports whether the daily run installs upgrades: its timer is
// enabled and apt's configuration asks for it (/usr/lib/apt/apt.systemd.daily).
func (r *Reader) upgradesItself() bool {
	if !r.IsLink("/etc/systemd/system/timers.target.wants/apt-daily-upgrade.timer") {
		return false
	}
	conf := map[string]string{}
	for _, name := range r.aptConf() {
		if f, err := r.File(name); err == nil {
			parseAptConf(string(f.Content), conf)
		}
	}
	every := conf["apt::periodic::unattended-upgrade"]
	return every != "" && every != "0" && conf["apt::periodic::enable"] != "0"
}

// aptConf are the files that apt reads, in its order (apt.conf(5)).
func (r *Reader) aptConf() []string {
	const dir = "/etc/apt/apt.conf.d"
	var out []string
	names, _ := r.Names(dir)
	for _, n := range names {
		if !strings.Contains(n, ".") || strings.HasSuffix(n, ".conf") {
			out = append(out, path.Join(dir, n))
		}
	}
	return append(out, "/etc/apt/apt.conf")
}
