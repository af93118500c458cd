package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
)

// defaultPolicy is used when neither --policy nor the site's file is given.
const defaultPolicy = "baseline"

// sitePolicy is an admin's own policy, below --root.
const sitePolicy = "/etc/bulwark/policy.yaml"

func addPolicyFlag(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "policy", "", "policy `NAME|FILE` (default "+sitePolicy+" if it exists, else "+defaultPolicy+")")
}

// loadPolicy loads the policy that the flags name.
func (a *app) loadPolicy(ref string) (*plans.Policy, error) {
	if ref == "" {
		ref = defaultPolicy
		site := filepath.Join(a.root, sitePolicy)
		switch _, err := os.Stat(site); {
		case err == nil:
			ref = site
		case !errors.Is(err, fs.ErrNotExist):
			// A policy that exists but cannot be read must not be silently
			// replaced by another one.
			return nil, fmt.Errorf("cannot read %s: %w", site, err)
		}
	}
	a.policyFiles = nil
	p, err := plans.Load(ref, func(path string) ([]byte, error) {
		a.policyFiles = append(a.policyFiles, path)
		return readPolicy(path)
	})
	if err != nil {
		return nil, err
	}
	// A saved plan names the file, and is applied from another directory.
	if p.Source == ref {
		p.Source, err = filepath.Abs(ref)
	}
	return p, err
}

// policyOf turns the source that a plan names back into a reference: a file
// is an absolute path, a shipped policy NAME.yaml.
func policyOf(source string) string {
	if filepath.IsAbs(source) {
		return source
	}
	return strings.TrimSuffix(source, ".yaml")
}

func newPolicy(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "List, show and validate policies",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		policyCommand("list", "List the policies inside bulwark", cobra.NoArgs,
			func([]string) error { return a.listPolicies() }),
		policyCommand("show [NAME|FILE]", "Print a policy with all it extends merged in", cobra.MaximumNArgs(1),
			func(args []string) error { return a.showPolicy(optional(args)) }),
		policyCommand("validate NAME|FILE...", "Check policies; every fault is named with file, line and key", cobra.MinimumNArgs(1),
			a.validatePolicies),
		policyCommand("schema", "Print the JSON Schema of policies", cobra.NoArgs,
			func([]string) error { _, err := a.out.Write(plans.Schema()); return err }),
	)
	return cmd
}

func policyCommand(use, short string, args cobra.PositionalArgs, run func([]string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: short + "." + exitHelp(exitOK, exitError), Args: args,
		RunE: func(_ *cobra.Command, args []string) error { return run(args) },
	}
}

func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) listPolicies() error {
	all := plans.Embedded()
	if a.json {
		return view.JSON(a.out, map[string]any{"format": 1, "policies": all})
	}
	for _, p := range all {
		if _, err := fmt.Fprintf(a.out, "%-10s %s\n", p.Name, p.Description); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showPolicy(ref string) error {
	p, err := a.loadPolicy(ref)
	if err != nil {
		return err
	}
	if a.json {
		return view.JSON(a.out, p)
	}
	b, err := p.YAML()
	if err != nil {
		return err
	}
	_, err = a.out.Write(b)
	return err
}

func (a *app) validatePolicies(refs []string) error {
	var faults plans.Errors
	for _, ref := range refs {
		p, err := a.loadPolicy(ref)
		var of plans.Errors
		switch {
		case errors.As(err, &of):
			faults = append(faults, of...)
		case err != nil:
			return err
		case !a.json:
			view.Note(a.out, "%s: ok (policy %s)\n", ref, p.Name)
		}
	}
	if len(faults) > 0 {
		return faults
	}
	if a.json {
		return view.JSON(a.out, map[string]any{"format": 1, "valid": true})
	}
	return nil
}
