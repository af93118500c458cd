package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type proveOptions struct {
	policy, format string
	only, targets  []string
	failUnable     bool
	list, verbose  bool
}

func newProve(a *app) *cobra.Command {
	var o proveOptions
	cmd := &cobra.Command{
		Use:   "prove",
		Short: "Attack the host harmlessly and see each defence hold",
		Long: `Prove runs real attacks from containers of its own and says what happened. A green
configuration is not a defence: here each one must hold while it is attacked, and
each attack has a positive control, the same with the defence off, which shows that
it would have been seen.

It needs root and no network: the image is bulwark's own program, the host outside a
network namespace. All that it makes is bounded, labelled and removed, after Ctrl-C
too; what a killed run has left, the next one removes. Other containers are not
touched.

With --target the attacks outward go to a host of yours. What leaves for it is
counted, behind all rules, so that nothing need answer; what else this host sends
there meanwhile is counted too. Choose a host that may be attacked: it gets connections to the port (80 if none is given), a request for
/exploit_dl.sh and echo requests.

With a policy only the defences count that it asks for; without one, and without
/etc/bulwark/policy.yaml, all do.` + exitHelp(exitOK, exitError, exitFails, exitBusy),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runProve(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.policy, "policy", "", "only what the policy `NAME|FILE` asks for must hold")
	f.StringVar(&o.format, "format", "text", "print as `FORMAT`: text, json, junit")
	f.StringSliceVar(&o.only, "only", nil, "make only these `PROBES`: slugs (with *), areas D01 to D10")
	f.StringSliceVar(&o.targets, "target", nil, "attack `ADDRESS[:PORT]` instead of a host that bulwark makes; one of IPv4, one of IPv6")
	f.BoolVar(&o.failUnable, "fail-unable", false, "exit 2 also when a probe could not be made")
	f.BoolVar(&o.list, "list", false, "list the probes, and make none")
	f.BoolVar(&o.verbose, "verbose", false, "show the evidence of those that hold, too")
	return cmd
}

func (a *app) runProve(ctx context.Context, o proveOptions) error {
	if a.json {
		o.format = "json"
	}
	if !slices.Contains(view.ProofFormats(), o.format) {
		return fmt.Errorf("cannot print as %q: --format is one of text, json, junit", o.format)
	}
	if o.list {
		return a.listProbes(o)
	}
	targets, err := parseTargets(o.targets)
	if err != nil {
		return err
	}
	policy, err := a.provenPolicy(o.policy)
	if err != nil {
		return err
	}
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	p, err := h.Prove(ctx, remediate.ProveOptions{Policy: policy, Only: o.only, Targets: targets, Progress: a.probing()})
	if p == nil {
		return err
	}
	style := a.style()
	style.Verbose = o.verbose
	if err := errors.Join(view.Proof(a.out, o.format, p, style), err); err != nil {
		return err
	}
	if unproven(p, o.failUnable) {
		return codeError(exitFails)
	}
	return nil
}

// provenPolicy is nil when neither the caller nor the site names one: then all
// defences count.
func (a *app) provenPolicy(ref string) (*plans.Policy, error) {
	if ref == "" {
		if _, err := os.Stat(filepath.Join(a.root, sitePolicy)); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	return a.loadPolicy(ref)
}

// probing tells on a terminal what is being tried.
func (a *app) probing() func(string) {
	tell := a.progress()
	if tell == nil {
		return nil
	}
	return func(id string) { tell("probe " + id) }
}

// unproven decides the exit code. What could not be removed is a failure too.
func unproven(p *resource.Proof, unable bool) bool {
	return len(p.Left) > 0 || slices.ContainsFunc(p.Probes, func(a resource.Attempt) bool {
		return a.Verdict == resource.Fails || unable && a.Verdict == resource.Unable
	})
}

// A ProbeList is what prove --list prints as JSON.
type ProbeList struct {
	Format int                   `json:"format"`
	Probes []remediate.ProbeInfo `json:"probes"`
}

func (a *app) listProbes(o proveOptions) error {
	all, err := remediate.Probes(o.only)
	if err != nil {
		return err
	}
	if o.format == "json" {
		return view.JSON(a.out, ProbeList{Format: 1, Probes: all})
	}
	return view.Probes(a.out, all, a.style())
}
