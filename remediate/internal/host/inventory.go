package host

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// enginePackages are the packages that hold the engine, containerd and runc, by
// their names in Debian, Ubuntu, Fedora, SUSE, Amazon's and Docker's own
// archives, with the programs in them.
var enginePackages = map[string][]string{
	"docker.io": {"dockerd"}, "docker-ce": {"dockerd"}, "docker-engine": {"dockerd"}, "docker": {"dockerd"}, "moby-engine": {"dockerd"},
	"docker-cli": {"docker"}, "docker-ce-cli": {"docker"}, "moby-cli": {"docker"},
	"containerd": {"containerd"}, "containerd.io": {"containerd", "runc"}, "moby-containerd": {"containerd"},
	"runc": {"runc"}, "moby-runc": {"runc"},
}

// readPackages finds out what is installed and how old it is, by what lies on
// this host.
func (r *Reader) readPackages(ctx context.Context, seen func() processes) (resource.Packages, error) {
	p, err := r.installed(ctx)
	if err != nil {
		return p, err
	}
	p.SupportEndNS = r.supportEnd()
	p.RebootRequired = r.rebootRequired()
	if r.Live() {
		p.Installed = append(p.Installed, unpackaged(p.Installed)...)
		running := seen().agents
		for i := range p.Installed {
			p.Installed[i].Stale = running[p.Installed[i].Program].stale
		}
	}
	slices.SortFunc(p.Installed, func(a, b resource.Package) int { return strings.Compare(a.Name+" "+a.Program, b.Name+" "+b.Program) })
	return p, nil
}

// installed asks the package manager that has a database.
func (r *Reader) installed(ctx context.Context) (resource.Packages, error) {
	f, err := r.File(dpkgStatus)
	if err != nil {
		return resource.Packages{}, err
	}
	if len(f.Content) > 0 {
		return r.debian(ctx, string(f.Content)), nil
	}
	if r.hasRPM() {
		return r.redHat(ctx)
	}
	return resource.Packages{}, errors.New("neither dpkg nor rpm has a database here")
}

// packagesOf makes one entry for each program in a package.
func packagesOf(name, version string) []resource.Package {
	var out []resource.Package
	for _, program := range enginePackages[name] {
		out = append(out, resource.Package{Name: name, Version: version, Program: program})
	}
	return out
}

// unpackaged are programs that lie where dockerd looks for them, while no
// package of ours has them: Docker's static builds.
func unpackaged(have []resource.Package) []resource.Package {
	var out []resource.Package
	for _, name := range []string{"dockerd", "containerd", "runc"} {
		if slices.ContainsFunc(have, func(p resource.Package) bool { return p.Program == name }) {
			continue
		}
		if path := program(name); path != "" {
			out = append(out, resource.Package{Name: path, Program: name})
		}
	}
	return out
}

// addVersions fills in what the programs say of themselves: those that run told
// the daemon, the others are asked. dockerd is asked elsewhere.
func (r *Reader) addVersions(ctx context.Context, running map[string]string, all []resource.Package) {
	if !r.Live() {
		return
	}
	for i := range all {
		p := &all[i]
		if p.Program == "dockerd" {
			continue
		}
		if p.Upstream = running[p.Program]; p.Upstream == "" {
			said, err := r.Query(ctx, p.Program, "--version")
			if err == nil {
				p.Upstream = versionSaid(string(said))
			}
		}
		p.Version = cmp.Or(p.Version, p.Upstream)
	}
}

// versionSaid reads "runc version 1.1.5+ds1" and "containerd
// github.com/containerd/containerd v1.7.27 05044ec0a9a75232cad458027ca83437aae3f4da".
func versionSaid(said string) string {
	line, _, _ := strings.Cut(said, "\n")
	f := strings.Fields(line)
	if len(f) < 3 {
		return ""
	}
	v := strings.TrimPrefix(f[2], "v")
	if v == "" || v[0] < '0' || v[0] > '9' {
		return ""
	}
	return v
}

// rebootRequired are the packages in reboot-required.pkgs, which Debian and
// Ubuntu write beside the file that asks for a boot.
func (r *Reader) rebootRequired() []string {
	f, err := r.File("/run/reboot-required.pkgs")
	if err != nil || !r.Live() {
		return nil
	}
	names := strings.Fields(string(f.Content))
	if asked, err := r.Fingerprint("/run/reboot-required"); len(names) == 0 && err == nil && asked.Exists() {
		return []string{"a package that is not named"}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nobody is the user without rights on every Linux.
const nobody = 65534

// queryAsNobody is Query without the rights of root: the program cannot write
// even what it takes for its cache.
func (r *Reader) queryAsNobody(ctx context.Context, limit time.Duration, argv ...string) ([]byte, error) {
	if !r.Live() {
		return nil, errImage
	}
	run := prepare(ctx, limit, argv, nil, nil)
	if os.Geteuid() == 0 {
		run.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	run.start()
	return run.wait()
}
