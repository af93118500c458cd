package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate"
)

type rollbackOptions struct {
	changeOptions
	to string
}

func newRollback(a *app) *cobra.Command {
	var o rollbackOptions
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Put back what an earlier apply changed",
		Long: `Rollback makes a new transaction that restores what was there before the last
apply, or before the one that --to names and all after it: bytes, mode, owner,
times. Files that somebody edited since are not overwritten.` +
			exitHelp(exitOK, exitError, exitRolledBack, exitNeedsPerson, exitBusy, exitDeclined),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runRollback(cmd.Context(), o) },
	}
	o.add(cmd.Flags())
	cmd.Flags().StringVar(&o.to, "to", "", "take back the transaction `ID` and all after it")
	return cmd
}

func (a *app) runRollback(ctx context.Context, o rollbackOptions) error {
	ignoreHangup()
	if !o.yes && !isTerminal(a.in) {
		return withHint(errors.New("cannot ask: standard input is not a terminal"), "use --yes")
	}
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	res, err := h.Rollback(ctx, remediate.RollbackOptions{
		To: o.to, Settle: o.settle, StartTimeout: o.start, LockTimeout: o.lockTimeout,
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

type recoverOptions struct {
	changeOptions
	boot, force bool
}

func newRecover(a *app) *cobra.Command {
	var o recoverOptions
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Finish what a killed run or a power cut left half-made",
		Long: `Recover looks for a transaction that did not end. One that had committed is
completed, any other is put back. Every command that changes the host does this
first; a unit does it at boot, before dockerd starts. With nothing to do it
changes nothing.` + exitHelp(exitOK, exitError, exitNeedsPerson, exitBusy),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runRecover(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.boot, "boot", false, "dockerd has not started yet: leave it alone")
	f.BoolVar(&o.force, "force", false, "overwrite files that somebody edited since")
	f.DurationVar(&o.lockTimeout, "lock-timeout", 0, "how long to wait for another run to end")
	return cmd
}

func (a *app) runRecover(ctx context.Context, o recoverOptions) error {
	ignoreHangup()
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	res, err := h.Recover(ctx, o.lockTimeout, o.boot, o.force, a.progress())
	if err != nil {
		return explain(err)
	}
	if a.json {
		return view.JSON(a.out, res)
	}
	if res.ID == "" {
		_, err = fmt.Fprintln(a.out, "nothing to recover")
		return err
	}
	_, err = fmt.Fprintf(a.out, "transaction %s: %s\n", res.ID, res.Outcome)
	return err
}
