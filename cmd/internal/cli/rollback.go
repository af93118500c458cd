package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate"
)

type rollbackOptions struct {
	changeOptions
	to      string
	confirm time.Duration
}

func newRollback(a *app) *cobra.Command {
	var o rollbackOptions
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Put back what an earlier apply changed",
		Long: `Rollback makes a new transaction that restores what was there before the last
apply, or before the one that --to names and all after it: bytes, mode, owner,
times. Files that somebody edited since are not overwritten. A change that waits
for bulwark confirm is taken back at once, and nothing else.` +
			exitHelp(exitOK, exitError, exitRolledBack, exitNeedsPerson, exitBusy, exitDeclined, exitAwaiting),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runRollback(cmd.Context(), o) },
	}
	o.add(cmd.Flags())
	addConfirmFlag(cmd.Flags(), &o.confirm)
	cmd.Flags().StringVar(&o.to, "to", "", "take back the transaction `ID` and all after it")
	return cmd
}

func (a *app) runRollback(ctx context.Context, o rollbackOptions) error {
	if !o.yes && !isTerminal(a.in) {
		return withHint(errors.New("cannot ask: standard input is not a terminal"), "use --yes")
	}
	h, err := a.openToChange()
	if err != nil {
		return err
	}
	defer h.Close()
	res, err := h.Rollback(ctx, remediate.RollbackOptions{
		To: o.to, Settle: o.settle, StartTimeout: o.start, LockTimeout: o.lockTimeout, ConfirmWithin: o.confirm,
		Command: a.args, Progress: a.progress(),
		Approve: func(r remediate.Reversal) error {
			if !a.json || !o.yes {
				_ = view.ReversalText(a.audience(), r, a.style())
			}
			if o.yes {
				return nil
			}
			return a.ask(ctx, "Put this back?")
		},
	})
	if err != nil {
		return explain(err)
	}
	return a.finish(res, false)
}
