package remediate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate/internal/engine"
	"github.com/bulwark-project/bulwark/remediate/internal/kinds"
	"github.com/bulwark-project/bulwark/remediate/internal/seccomp"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// SeccompProblem and SeccompDifference are parts of a SeccompReport.
type (
	SeccompProblem    = seccomp.Problem
	SeccompDifference = seccomp.Difference
)

// SeccompOptions say what a profile is compared with.
type SeccompOptions struct {
	// Engine is the version whose default it is; "" is the host's, and where
	// that cannot be told the pinned base's.
	Engine string
	// Arch is GOARCH; "" is this machine's.
	Arch string
	// DefaultAllow accepts a profile that lets through what it does not name.
	DefaultAllow bool
}

// A SeccompReport says what a profile does.
type SeccompReport struct {
	Format int    `json:"format"`
	File   string `json:"file"`
	// Engine is the version whose default the profile is compared with, ""
	// for the pinned base.
	Engine string `json:"engine,omitempty"`
	// Base is the release of github.com/moby/profiles/seccomp.
	Base string `json:"base"`
	Arch string `json:"arch"`
	// Usable is false if bulwark would refuse the profile.
	Usable        bool             `json:"usable"`
	DefaultAction string           `json:"default_action"`
	Problems      []SeccompProblem `json:"problems"`
	// Looser are the system calls that the profile lets through and the default
	// does not, Stricter those of which it is the other way round. Neither is
	// there for a profile that dockerd would not take.
	Looser   []SeccompDifference `json:"looser,omitzero"`
	Stricter []SeccompDifference `json:"stricter,omitzero"`
}

// ExplainSeccomp judges a profile and compares it with the engine's default.
func (h *Host) ExplainSeccomp(ctx context.Context, file string, o SeccompOptions) (*SeccompReport, error) {
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	if !seccomp.KnownArch(o.Arch) {
		return nil, fmt.Errorf("cannot compare for architecture %q: want a GOARCH such as amd64 or arm64", o.Arch)
	}
	content, err := h.readProfile(file)
	if err != nil {
		return nil, err
	}
	e, err := h.engineFor(ctx, o.Engine)
	if err != nil {
		return nil, err
	}
	m := seccomp.Machine{Arch: o.Arch}
	judge := seccomp.Options{DefaultAllow: o.DefaultAllow, Engine: e, Machine: m}
	if o.Engine == "" { // for this host, so with its programs
		runc, lib := seccomp.Runtime(ctx, h.reader)
		if facts, err := h.reader.Facts(); err == nil {
			m = seccomp.MachineOf(o.Arch, facts.Kernel)
		}
		judge = seccomp.OptionsOf(runc, lib, e, m, o.DefaultAllow)
	}
	x := seccomp.Explain(content, e, m, judge)
	rep := &SeccompReport{
		Format: 1, File: file, Base: seccomp.BaseVersion, Arch: o.Arch, DefaultAction: x.DefaultAction,
		Problems: x.Problems, Looser: x.Looser, Stricter: x.Stricter, Usable: len(seccomp.Refusals(x.Problems)) == 0,
	}
	if e.Known() {
		rep.Engine = e.String()
	}
	return rep, nil
}

// readProfile reads at most what Check takes; with a root the file is one of the
// image.
func (h *Host) readProfile(file string) ([]byte, error) {
	if !h.Live() {
		f, err := h.reader.File(file)
		if err == nil && f.Print.Type != resource.Regular {
			err = fmt.Errorf("cannot read the profile %s: it is not a file", file)
		}
		return f.Content, err
	}
	fi, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the profile: %w", err)
	}
	if !fi.Mode().IsRegular() || fi.Size() > seccomp.MaxSize {
		return nil, fmt.Errorf("cannot read the profile %s: not a file of at most %d bytes", file, seccomp.MaxSize)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the profile: %w", err)
	}
	return b, nil
}

// engineFor is the version asked for, else the host's. Unknown is the zero
// Version.
func (h *Host) engineFor(ctx context.Context, version string) (engine.Version, error) {
	if version != "" {
		return engine.ParseVersion(version)
	}
	s := h.Observe(ctx, unasked)
	for _, have := range []string{s.Binary.Value.Version, s.Engine.Value.Version} {
		if e, err := engine.ParseVersion(have); err == nil {
			return e, nil
		}
	}
	return engine.Version{}, nil
}

// SeccompProfile returns the profile that a policy leads to on this host.
// engineVersion is as in SeccompOptions.
func (h *Host) SeccompProfile(ctx context.Context, p *plans.Policy, engineVersion string) ([]byte, error) {
	if p.Seccomp == nil {
		return nil, fmt.Errorf("cannot show a profile: the policy %s has no section seccomp", p.Name)
	}
	if engineVersion != "" {
		if _, err := engine.ParseVersion(engineVersion); err != nil {
			return nil, err
		}
	}
	s := h.Observe(ctx, &plans.Policy{Seccomp: p.Seccomp})
	if engineVersion != "" {
		s.Binary = resource.Known(resource.Binary{Version: engineVersion})
	}
	content, refused := kinds.SeccompProfile(p, s)
	switch {
	case refused != nil:
		return nil, errors.New(refused.Reason)
	case content == nil:
		return nil, errors.New("cannot show a profile: the policy leaves the engine's own in force")
	}
	return content, nil
}
