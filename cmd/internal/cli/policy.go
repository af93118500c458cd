package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
	return plans.Load(ref, os.ReadFile)
}

func newPolicy(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "List, show and validate policies",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the policies inside bulwark", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return a.listPolicies() },
		},
		&cobra.Command{
			Use: "show [NAME|FILE]", Short: "Print a policy with all it extends merged in", Args: cobra.MaximumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return a.showPolicy(optional(args)) },
		},
		&cobra.Command{
			Use: "validate NAME|FILE...", Short: "Check policies; every fault is named with file, line and key",
			Args: cobra.MinimumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return a.validatePolicies(args) },
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of policies", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { _, err := a.out.Write(plans.Schema()); return err },
		},
	)
	return cmd
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
		return view.JSON(a.out, all)
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
	var errs []error
	for _, ref := range refs {
		p, err := a.loadPolicy(ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !a.json {
			fmt.Fprintf(a.out, "%s: ok (policy %s)\n", ref, p.Name)
		}
	}
	if len(errs) == 0 && a.json {
		return view.JSON(a.out, map[string]any{"format": 1, "valid": true})
	}
	return errors.Join(errs...)
}
