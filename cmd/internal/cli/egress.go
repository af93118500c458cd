package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate"
)

func newEgress(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "egress",
		Short: "Load or show the rules that deny containers connections outward",
		Long: `Egress works on the rules that bulwark has in the kernel. What they should be
is said by the section egress of a policy, and plan and apply bring it about.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "load", Short: "Load the rules of the last apply into the kernel", Args: cobra.NoArgs,
			Long: `Load makes bulwark's rules in the kernel those that the last apply recorded in
/var/lib/bulwark/egress.json. A unit does it at boot, before dockerd starts;
do it by hand when somebody has flushed them. It needs root, asks no network
and no daemon, and touches no rule of others. Without a record it changes
nothing. After an error one IP version may have the new rules and the other one
the old: load again.` + exitHelp(exitOK, exitError),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.loadEgress(cmd.Context()) },
		},
		&cobra.Command{
			Use: "show", Short: "Print the rules that bulwark has in the kernel now", Args: cobra.NoArgs,
			Long: `Show prints the rules that bulwark has in the kernel now, and none of others.
It needs root and changes nothing.` + exitHelp(exitOK, exitError),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.showEgress(cmd.Context()) },
		},
	)
	return cmd
}

func (a *app) loadEgress(ctx context.Context) error {
	h, err := a.openToChange()
	if err != nil {
		return err
	}
	defer h.Close()
	e, err := h.LoadEgress(ctx)
	return a.printEgress(e, err, view.LoadedText)
}

func (a *app) showEgress(ctx context.Context) error {
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	e, err := h.ShowEgress(ctx)
	return a.printEgress(e, err, view.EgressText)
}

func (a *app) printEgress(e *remediate.Egress, err error, text func(io.Writer, *remediate.Egress, view.Style) error) error {
	if err != nil {
		return err
	}
	if a.json {
		return view.JSON(a.out, e)
	}
	return text(a.out, e, a.style())
}
