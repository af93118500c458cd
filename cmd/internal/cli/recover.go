package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate"
)

func newRecover(a *app) *cobra.Command {
	var o remediate.RecoverOptions
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Finish what a killed run or a power cut left half-made",
		Long: `Recover looks for a transaction that did not end. One that had committed is
completed, any other is put back. Every command that changes the host does this
first; a unit does it at boot, before dockerd starts. With nothing to do it
changes nothing. One that waits for bulwark confirm is left alone, but at boot.` +
			exitHelp(exitOK, exitError, exitNeedsPerson, exitBusy, exitAwaiting),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runRecover(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.Boot, "boot", false, "dockerd has not started yet: leave it alone")
	f.BoolVar(&o.Force, "force", false, "put the old files back over edits that somebody made since; the journal keeps the edits")
	f.BoolVar(&o.Keep, "keep", false, "leave files that somebody edited since as they are")
	cmd.MarkFlagsMutuallyExclusive("force", "keep")
	f.DurationVar(&o.LockTimeout, "lock-timeout", 0, "how long to wait for another run to end")
	f.StringVar(&o.Due, "due", "", "roll back the transaction `ID` if it is open and its time to be confirmed is over")
	f.DurationVar(&o.After, "after", 0, "wait so long before")
	for _, name := range []string{"due", "after"} { // for the timer
		_ = f.MarkHidden(name)
	}
	return cmd
}

func (a *app) runRecover(ctx context.Context, o remediate.RecoverOptions) error {
	h, err := a.openToChange()
	if err != nil {
		return err
	}
	defer h.Close()
	o.Progress = a.progress()
	res, err := h.Recover(ctx, o)
	if err != nil {
		return explain(err)
	}
	if a.json {
		return view.JSON(a.out, res)
	}
	return view.RecoveryText(a.out, res)
}
