package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// changeOptions are the flags of every command that changes the host.
type changeOptions struct {
	yes         bool
	settle      time.Duration
	start       time.Duration
	lockTimeout time.Duration
}

func (o *changeOptions) add(f *pflag.FlagSet) {
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.DurationVar(&o.settle, "settle", remediate.DefaultSettle, "how long dockerd must stay up after its restart before the change is kept")
	f.DurationVar(&o.start, "start-timeout", remediate.DefaultStartTimeout, "how long dockerd may take until it answers")
	f.DurationVar(&o.lockTimeout, "lock-timeout", 0, "how long to wait for another run to end")
}

type applyOptions struct {
	changeOptions
	policy       string
	retry        bool
	irreversible bool
	detailed     bool
	prove        bool
	confirm      time.Duration
}

func newApply(a *app) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Make the host as the policy wants it, or put everything back",
		Long: `Apply plans, asks, and makes the changes as one transaction. dockerd is reloaded
or restarted once; if it does not come up as wanted, files and daemon are put
back. With a PLAN that bulwark plan --out wrote, exactly that plan is applied or
refused; giving it counts as consent.` +
			exitHelp(exitOK, exitError, exitDiffers, exitRolledBack, exitNeedsPerson, exitBusy, exitStale, exitDeclined, exitAwaiting),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runApply(cmd.Context(), o, optional(args), cmd.Flags().Changed("policy"))
		},
	}
	f := cmd.Flags()
	addPolicyFlag(f, &o.policy)
	o.add(f)
	f.BoolVar(&o.retry, "retry", false, "apply again what was rolled back before")
	f.BoolVar(&o.irreversible, "allow-irreversible", false, "allow what the plan says cannot be undone")
	addConfirmFlag(f, &o.confirm)
	f.BoolVar(&o.detailed, "detailed-exitcode", false, "exit 2 when something was changed")
	f.BoolVar(&o.prove, "prove", false, "attack the host before the commit, and take all back if a defence does not hold")
	return cmd
}

func (a *app) runApply(ctx context.Context, o applyOptions, file string, policyGiven bool) error {
	h, err := a.openToChange()
	if err != nil {
		return err
	}
	defer h.Close()
	var saved *remediate.SavedPlan
	if file != "" {
		if saved, err = remediate.LoadPlan(file); err != nil {
			return err
		}
		if !policyGiven {
			o.policy = policyOf(saved.Policy.Source)
		}
	}
	policy, err := a.loadPolicy(o.policy)
	if err != nil {
		return err
	}
	if err := h.Permitted(); err != nil {
		return err
	}
	if err := a.checkTrust(given(file)...); err != nil {
		return err
	}
	if err := notWaiting(h); err != nil {
		return explain(err)
	}
	approve, err := a.approval(ctx, h, o, saved, policy)
	if err != nil {
		return err
	}
	res, err := h.Apply(ctx, remediate.ApplyOptions{
		Policy: policy, Saved: saved, Approve: approve, Retry: o.retry, AllowIrreversible: o.irreversible, Prove: o.prove,
		Settle: o.settle, StartTimeout: o.start, LockTimeout: o.lockTimeout, ConfirmWithin: o.confirm, Command: a.args, Progress: a.progress(),
	})
	if err != nil {
		return explain(err)
	}
	return a.finish(res, o.detailed)
}

// given is a list of one file, of none without a name.
func given(file string) []string {
	if file == "" {
		return nil
	}
	return []string{file}
}

// approval decides how consent is given: by a saved plan, by --yes, or by a
// person who has seen the plan. It may ask before the lock is taken; what is
// then applied must be what was shown.
func (a *app) approval(ctx context.Context, h *remediate.Host, o applyOptions, saved *remediate.SavedPlan, policy *plans.Policy) (func(*resource.Plan) error, error) {
	switch {
	case saved != nil, o.yes:
		return a.announce, nil
	case !isTerminal(a.in):
		return nil, withHint(errors.New("cannot ask: standard input is not a terminal"),
			"use --yes, or save a plan with bulwark plan --out FILE and give it to apply")
	}
	shown := remediate.NewPlan(policy, h.Observe(ctx, policy))
	if shown.Pending() {
		_ = view.PlanText(a.audience(), shown, a.style())
		if err := a.ask(ctx, "Apply these changes?"); err != nil {
			return nil, err
		}
	}
	return func(p *resource.Plan) error { return sameAsShown(shown, p) }, nil
}

func sameAsShown(shown, now *resource.Plan) error {
	if what := remediate.Drift(shown.Facts, now.Facts); what != "" {
		return &remediate.StaleError{What: what}
	}
	if shown.Digest != now.Digest {
		return &remediate.StaleError{What: "the host has changed since the plan was shown"}
	}
	return nil
}

// announce prints the plan; with --json the result holds it.
func (a *app) announce(p *resource.Plan) error {
	if !a.json {
		// A closed pipe must not keep a machine from being hardened.
		_ = view.PlanText(a.out, p, a.style())
	}
	return nil
}

// audience is where a person reads what is asked about: with --json standard
// output is a machine's.
func (a *app) audience() io.Writer {
	if a.json {
		return a.err
	}
	return a.out
}

// ask wants a full "yes"; anything else, and the end of input, declines.
func (a *app) ask(ctx context.Context, question string) error {
	fmt.Fprintf(a.err, "%s Only \"yes\" is accepted: ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		if strings.TrimSpace(line) == "yes" {
			return nil
		}
	case <-ctx.Done():
	}
	return errDeclined
}

// explain adds what to do next.
func explain(err error) error {
	var (
		hold *remediate.HoldError
		irr  *remediate.IrreversibleError
		busy *remediate.BusyError
		conf *remediate.ConflictError
		edit *remediate.EditedError
		stop *remediate.BlockedError
		wait *remediate.AwaitingError
		same *remediate.SameSessionError
	)
	switch {
	case errors.As(err, &hold):
		return withHint(err, "when the cause is mended: bulwark apply --retry")
	case errors.As(err, &irr):
		return withHint(err, "to go on all the same: --allow-irreversible")
	case errors.As(err, &wait):
		return withHint(err, "to keep it: bulwark confirm", "to undo it at once: bulwark rollback")
	case errors.As(err, &same):
		return withHint(err, "log in once more and confirm there", "to confirm all the same: --same-session")
	case errors.As(err, &busy):
		return withHint(err, "wait for it with --lock-timeout 5m")
	case errors.As(err, &stop):
		return withHint(err, slices.DeleteFunc(stop.Remedies, func(r string) bool { return r == "" })...)
	case errors.As(err, &edit):
		return withHint(err, "bulwark history show "+edit.Conflict.ID+" prints what was there, to put back by hand")
	case errors.As(err, &conf):
		return withHint(err, "look at the file, then: bulwark recover --keep to leave it, or --force to put back what was there before")
	}
	return err
}

// finish prints the result and picks the exit code.
func (a *app) finish(res *remediate.ApplyResult, detailed bool) error {
	var err error
	if a.json {
		err = view.JSON(a.out, res)
	} else {
		err = view.ResultText(a.out, res, a.style())
	}
	if err != nil {
		// The code says what became of the host, which a lost report does not change.
		fmt.Fprintf(a.err, "bulwark: cannot print the result: %v\n", err)
	}
	switch {
	case res.Outcome == remediate.RolledBack:
		return codeError(exitRolledBack)
	case res.Outcome == remediate.Awaiting:
		return codeError(exitAwaiting)
	case res.Outcome == remediate.Applied && detailed:
		return codeError(exitDiffers)
	}
	return nil
}
