package host

import (
	"context"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bulwark-project/bulwark/remediate/internal/auditrules"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Audit reads the kernel's audit rules and the files that they come from, and
// looks at paths and at each path that the files' rules name. Of an image only
// files are known.
func (r *Reader) Audit(ctx context.Context, paths []string) (resource.Audit, error) {
	var a resource.Audit
	var wg sync.WaitGroup
	wg.Go(func() { a.Kernel = r.auditKernel(ctx) })
	wg.Go(func() { a.Unit = auditUnit(r.Unit(ctx, "auditd.service")) })
	err := r.auditFiles(&a)
	if err == nil {
		a.Paths, err = r.auditPaths(append(auditrules.Paths(a.Files), paths...))
	}
	a.Auditctl, a.Augenrules = r.find("auditctl"), r.find("augenrules")
	a.Awk = r.awk()
	a.Installer = r.installer()
	if r.Live() && a.Auditctl != "" {
		a.Version = auditVersion(r.Query(ctx, a.Auditctl, "-v"))
	}
	wg.Wait()
	return a, err
}

func (r *Reader) auditKernel(ctx context.Context) resource.Fact[resource.AuditKernel] {
	if !r.Live() {
		return resource.Unknown[resource.AuditKernel](errImage.Error())
	}
	k, err := ReadAudit(ctx)
	if err != nil {
		return resource.Unknown[resource.AuditKernel](err.Error())
	}
	return resource.Known(k)
}

func auditUnit(u resource.Unit, err error) resource.Fact[resource.Unit] {
	if err != nil {
		return resource.Unknown[resource.Unit](err.Error())
	}
	return resource.Known(u)
}

// auditVersion takes the number out of "auditctl version 3.0.9"; "" if auditctl
// does not say it, as to others than root.
func auditVersion(said []byte, err error) string {
	f := strings.Fields(string(said))
	if err != nil || len(f) == 0 {
		return ""
	}
	return f[len(f)-1]
}

func (r *Reader) auditFiles(a *resource.Audit) error {
	names, err := r.Names(auditrules.RulesDir)
	if err != nil {
		return err
	}
	for _, n := range auditrules.Order(names) {
		f, err := r.rulesFile(auditrules.RulesDir + "/" + n)
		if err != nil {
			return err
		}
		a.Files = append(a.Files, f)
	}
	for path, to := range map[string]*resource.File{
		auditrules.OwnFile: &a.Own, auditrules.CompiledFile: &a.Compiled,
		auditrules.TmpfilesFile: &a.Tmpfiles, auditrules.JournaldFile: &a.Journald,
	} {
		if *to, err = r.File(path); err != nil {
			return err
		}
	}
	return nil
}

// rulesFile reads a file as cat(1) does, with which augenrules reads them: if it
// is a link, the content is that of the file it leads to.
func (r *Reader) rulesFile(path string) (resource.File, error) {
	f, err := r.File(path)
	if err != nil || f.Print.Type != resource.Symlink {
		return f, err
	}
	real, what, err := r.Follow(path)
	if err != nil || what != resource.Regular {
		return f, err
	}
	target, err := r.File(real)
	f.Content = target.Content
	return f, err
}

func (r *Reader) auditPaths(paths []string) (map[string]resource.AuditPath, error) {
	found := map[string]resource.AuditPath{}
	for _, p := range paths {
		if !filepath.IsAbs(p) || filepath.Clean(p) != p {
			continue // not known: fsys takes clean paths only
		}
		at, err := r.auditPath(p)
		if err != nil {
			return nil, err
		}
		found[p] = at
	}
	return found, nil
}

func (r *Reader) auditPath(path string) (p resource.AuditPath, err error) {
	if p.Real, p.Type, err = r.Follow(path); err != nil {
		return p, err
	}
	_, parent, err := r.Follow(filepath.Dir(path))
	if err != nil {
		return p, err
	}
	p.Parent = parent == resource.Dir
	p.Link = r.IsLink(path)
	return p, nil
}

// find looks for a program where packages put it.
func (r *Reader) find(name string) string {
	for _, dir := range programDirs {
		path := filepath.Join(dir, name)
		if _, what, err := r.Follow(path); err == nil && what == resource.Regular {
			return path
		}
	}
	return ""
}

// awk is the name of the program that awk leads to: links go through
// /etc/alternatives.
func (r *Reader) awk() string {
	real, _, err := r.Follow("/usr/bin/awk")
	if err != nil || real == "" {
		return ""
	}
	return filepath.Base(real)
}

func (r *Reader) installer() string {
	for _, name := range []string{"apt-get", "dnf"} {
		if r.find(name) != "" {
			return name
		}
	}
	return ""
}
