package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
)

func newSnapshot(a *app) *cobra.Command {
	var out, policy string
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Write what bulwark reads of this host, for plan --snapshot elsewhere",
		Long: `Snapshot reads the host as plan does and writes it as JSON. Secrets (proxy
passwords, tokens, password hashes, names of people) are replaced.` + exitHelp(exitOK, exitError),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runSnapshot(cmd.Context(), out, policy) },
	}
	cmd.Flags().StringVar(&out, "out", "", "write to `FILE` (mode 0600) instead of standard output")
	cmd.Flags().StringVar(&policy, "policy", "", "read also what the policy `NAME|FILE` leads to: names that it allows, its profile")
	return cmd
}

func (a *app) runSnapshot(ctx context.Context, out, policy string) error {
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	p, err := a.asking(policy)
	if err != nil {
		return err
	}
	b, err := remediate.EncodeSnapshot(h.ObserveForCheck(ctx, p, nil))
	if err != nil {
		return err
	}
	if out == "" {
		_, err = a.out.Write(b)
		return err
	}
	if err := renameio.WriteFile(out, b, 0o600, renameio.WithTempDir(filepath.Dir(out))); err != nil {
		return fmt.Errorf("cannot write the snapshot to %s: %w", out, err)
	}
	return nil
}

// asking returns a policy that asks for all there is, and for what the named
// one leads to besides; nil observes all there is.
func (a *app) asking(policy string) (*plans.Policy, error) {
	if policy == "" {
		return nil, nil
	}
	p, err := a.loadPolicy(policy)
	if err != nil {
		return nil, err
	}
	if p.Egress == nil {
		p.Egress = &plans.Egress{}
	}
	if p.Seccomp == nil {
		p.Seccomp = &plans.Seccomp{}
	}
	if p.Audit == nil {
		p.Audit = &plans.Audit{}
	}
	return p, nil
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Long: "Print the version." + exitHelp(exitOK, exitError),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return view.JSON(a.out, map[string]any{"format": 1, "version": a.version})
			}
			_, err := fmt.Fprintln(a.out, "bulwark", a.version)
			return err
		},
	}
}
