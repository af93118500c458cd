package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate"
)

// confirmLock bridges another run's look at the transaction that waits.
const confirmLock = 10 * time.Second

func newConfirm(a *app) *cobra.Command {
	var o remediate.ConfirmOptions
	cmd := &cobra.Command{
		Use:   "confirm [ID]",
		Short: "Keep what apply --confirm-within made",
		Long: `Confirm keeps the change that waits for it; without it the change is rolled back
when its time is over, and at a reboot. Confirm over a new connection, to see
that one can still be made.` + exitHelp(exitOK, exitError, exitRolledBack, exitNeedsPerson, exitBusy),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ID = optional(args)
			return a.runConfirm(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.SameSession, "same-session", false, "confirm over the ssh connection that applied")
	f.DurationVar(&o.LockTimeout, "lock-timeout", confirmLock, "how long to wait for another run to end")
	return cmd
}

func (a *app) runConfirm(ctx context.Context, o remediate.ConfirmOptions) error {
	h, err := a.openToChange()
	if err != nil {
		return err
	}
	defer h.Close()
	o.Progress = a.progress()
	res, err := h.Confirm(ctx, o)
	if err != nil {
		return explain(err)
	}
	if a.json {
		err = view.JSON(a.out, res)
	} else {
		err = view.ConfirmText(a.out, res, a.style())
	}
	if err != nil {
		fmt.Fprintf(a.err, "bulwark: cannot print the result: %v\n", err)
	}
	if res.Outcome == string(remediate.RolledBack) {
		return codeError(exitRolledBack)
	}
	return nil
}

// addConfirmFlag offers to wait for bulwark confirm.
func addConfirmFlag(f *pflag.FlagSet, within *time.Duration) {
	f.DurationVar(within, "confirm-within", 0,
		fmt.Sprintf("roll back after this time unless bulwark confirm is called (%s to %s)", remediate.MinConfirm, remediate.MaxConfirm))
}

// notWaiting refuses before anything is shown or asked.
func notWaiting(h *remediate.Host) error {
	w, err := h.Waiting()
	if err != nil || w == nil || w.Over {
		return err
	}
	return &remediate.AwaitingError{ID: w.ID, Deadline: w.Until}
}
