package host

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// rpmDatabases are the files of rpm's database in its formats: sqlite, ndb,
// Berkeley DB; and where newer distributions keep it.
var rpmDatabases = []string{
	"/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages.db", "/var/lib/rpm/Packages",
	"/usr/lib/sysimage/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/Packages.db",
}

func (r *Reader) hasRPM() bool {
	return slices.ContainsFunc(rpmDatabases, func(p string) bool {
		_, what, err := r.Follow(p)
		return err == nil && what == resource.Regular
	})
}

// rpmFormat is a line of name and version, with an epoch if there is one.
const rpmFormat = `%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n`

// redHat asks rpm. Which versions dnf would install is not asked: that takes it
// seconds.
func (r *Reader) redHat(ctx context.Context) (resource.Packages, error) {
	p := resource.Packages{Manager: "rpm", Installed: []resource.Package{}}
	names := slices.Sorted(maps.Keys(enginePackages))
	out, err := r.Query(ctx, append([]string{"rpm", "-qa", "--qf", rpmFormat}, append(names, "dnf-automatic", "dnf5-plugin-automatic")...)...)
	if err != nil {
		return p, err
	}
	versions := parseRPM(string(out))
	if versions["dnf-automatic"]+versions["dnf5-plugin-automatic"] != "" && r.dnfUpdatesItself() {
		p.Automatic = "dnf-automatic"
	}
	for _, name := range names {
		if versions[name] == "" {
			continue
		}
		fixes := r.rpmFixes(ctx, name)
		for _, q := range packagesOf(name, versions[name]) {
			q.Fixes = fixes
			p.Installed = append(p.Installed, q)
		}
	}
	p.ListsNS = r.dnfListsTime()
	return p, nil
}

func parseRPM(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			out[name] = version
		}
	}
	return out
}

func (r *Reader) rpmFixes(ctx context.Context, name string) []string {
	out, err := r.Query(ctx, "rpm", "-q", "--changelog", name)
	if err != nil {
		return nil
	}
	return cveIDs(out[:min(len(out), maxChangelog)])
}

// dnfListsTime is when dnf last fetched metadata by its timer or makecache.
func (r *Reader) dnfListsTime() int64 {
	var newest int64
	for _, p := range []string{"/var/cache/dnf/last_makecache", "/var/cache/dnf/expired_repos.json", "/var/cache/libdnf5"} {
		if _, print, err := r.Stat(p); err == nil {
			newest = max(newest, print.MtimeNS)
		}
	}
	return newest
}

// dnfUpdatesItself reports whether a timer installs updates: one by its name,
// the others if automatic.conf says so.
func (r *Reader) dnfUpdatesItself() bool {
	const wants = "/etc/systemd/system/timers.target.wants/"
	if r.IsLink(wants + "dnf-automatic-install.timer") {
		return true
	}
	if !r.IsLink(wants+"dnf-automatic.timer") && !r.IsLink(wants+"dnf5-automatic.timer") {
		return false
	}
	for _, name := range []string{"/etc/dnf/automatic.conf", "/etc/dnf/dnf5-plugins/automatic.conf"} {
		if f, err := r.File(name); err == nil && appliesUpdates(string(f.Content)) {
			return true
		}
	}
	return false
}

func appliesUpdates(conf string) bool {
	for line := range strings.Lines(conf) {
		name, value, _ := strings.Cut(line, "=")
		if strings.TrimSpace(name) == "apply_updates" {
			return slices.Contains([]string{"yes", "true", "1", "on"}, strings.ToLower(strings.TrimSpace(value)))
		}
	}
	return false
}
