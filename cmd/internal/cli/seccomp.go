package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate"
)

func newSeccomp(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "seccomp",
		Short: "Explain and show seccomp profiles",
		Long: `Seccomp works on the profiles that say which system calls containers may make.
Which one a host should have is said by the section seccomp of a policy, and
plan and apply bring it about. These commands change nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSeccompExplain(a), newSeccompShow(a))
	return cmd
}

func newSeccompExplain(a *app) *cobra.Command {
	var o remediate.SeccompOptions
	cmd := &cobra.Command{
		Use: "explain FILE", Short: "Say what is wrong with a profile, and how it differs from the engine's default", Args: cobra.ExactArgs(1),
		Long: `Explain judges a profile as an attacker would: what dockerd passes over in
silence (misspelt keys and system calls, an empty object, which switches seccomp
off), what keeps containers from starting, and what does not deny what it says.
Then it lists what the profile lets through that the engine's default does not,
and the other way round. It needs no root and no daemon, and exits 1 for a
profile that a policy could not use.` + exitHelp(exitOK, exitError),
		RunE: func(cmd *cobra.Command, args []string) error { return a.explainSeccomp(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Engine, "engine", "", "compare with the default of Docker Engine `VERSION`, not of the one on this host")
	f.StringVar(&o.Arch, "arch", "", "compare for `ARCH` (amd64, arm64, ...), not for this machine's")
	f.BoolVar(&o.DefaultAllow, "accept-default-allow", false, "accept a profile that lets through what it does not name")
	return cmd
}

func newSeccompShow(a *app) *cobra.Command {
	var policy, engine string
	cmd := &cobra.Command{
		Use: "show", Short: "Print the profile that a policy leads to on this host", Args: cobra.NoArgs,
		Long: `Show prints the profile as apply would write it: the default of the engine on
this host, less what the policy denies.` + exitHelp(exitOK, exitError),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.showSeccomp(cmd.Context(), policy, engine) },
	}
	addPolicyFlag(cmd.Flags(), &policy)
	cmd.Flags().StringVar(&engine, "engine", "", "for Docker Engine `VERSION`, not for the one on this host")
	return cmd
}

func (a *app) explainSeccomp(ctx context.Context, file string, o remediate.SeccompOptions) error {
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	rep, err := h.ExplainSeccomp(ctx, file, o)
	if err != nil {
		return err
	}
	if a.json {
		err = view.JSON(a.out, rep)
	} else {
		err = view.SeccompText(a.out, rep, a.style())
	}
	if err == nil && !rep.Usable {
		return codeError(exitError)
	}
	return err
}

func (a *app) showSeccomp(ctx context.Context, policy, engine string) error {
	p, err := a.loadPolicy(policy)
	if err != nil {
		return err
	}
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	b, err := h.SeccompProfile(ctx, p, engine)
	if err != nil {
		return err
	}
	_, err = a.out.Write(b)
	return err
}
