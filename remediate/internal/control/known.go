package control

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bulwark-project/bulwark/remediate/internal/engine"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func judgeKnown(t *tally) {
	if days := int(t.s.Taken.Sub(tableTime()).Hours() / 24); days > maxTableAge {
		t.unknown(resource.HostObject, "table", fmt.Sprintf("bulwark's table of vulnerabilities is of %s, %d days ago: a newer bulwark knows more", tableDay, days))
	}
	t.evidence = append(t.evidence, "table of "+tableDay)
	packages, ok := t.packagesOr()
	if !ok {
		return
	}
	for _, component := range []string{"dockerd", "containerd", "runc"} {
		t.component(component, packages)
	}
}

// component judges one program by its version, and by the changelog where a
// distribution backports fixes.
func (t *tally) component(program string, p resource.Packages) {
	version, from := t.version(program, p)
	if version == "" {
		t.unknown(resource.PackageObject, program, "its version is not known")
		return
	}
	v, err := engine.ParseVersion(version)
	if err != nil {
		t.unknown(resource.PackageObject, program, "its version "+version+" cannot be read")
		return
	}
	if preRelease().MatchString(version) {
		v.Patch-- // 1.0.0-rc93 came before what 1.0.0 mended
	}
	var open []string
	for _, a := range advisories() {
		if a.program == program && a.affects(v) && !slices.Contains(from.Fixes, a.id) {
			open = append(open, a.id)
		}
	}
	object := program + " " + version
	switch {
	case len(open) == 0:
		t.holds(1)
	case byDistribution(p, program) && from.Fixes == nil:
		t.unknown(resource.PackageObject, object, "its package has no changelog here, which would say whether it has the fixes of "+strings.Join(open, ", "))
	default:
		t.fail(resource.Finding{Kind: resource.PackageObject, Object: object, Observed: "open: " + strings.Join(open, ", "), Expected: "none", Remedy: "upgrade the package " + from.Name})
	}
}

// preRelease is how projects and distributions name what comes before a release.
var preRelease = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v?[0-9.]+[-~+.]?(rc|beta|alpha|dev)`) })

func (t *tally) version(program string, p resource.Packages) (string, resource.Package) {
	for _, x := range p.Installed {
		if x.Program != program {
			continue
		}
		if e, ok := t.s.Engine.Get(); ok && program == "dockerd" {
			return e.Version, x
		}
		return x.Upstream, x
	}
	if e, ok := t.s.Engine.Get(); ok && program == "dockerd" {
		return e.Version, resource.Package{Name: "of the engine"}
	}
	return "", resource.Package{}
}
