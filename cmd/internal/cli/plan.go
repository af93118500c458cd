package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type planOptions struct {
	policy   string
	snapshot string
	out      string
	detailed bool
	summary  bool
	verbose  bool
}

func newPlan(a *app) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show how the host differs from the policy; changes nothing",
		Long: `Plan reads the host and shows what apply would change, why, and what that
means for running containers. It changes nothing and works for any user; what
it may not read is listed as unknown.` + exitHelp(exitOK, exitError, exitDiffers),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runPlan(cmd.Context(), o) },
	}
	f := cmd.Flags()
	addPolicyFlag(f, &o.policy)
	f.StringVar(&o.snapshot, "snapshot", "", "plan for the snapshot in `FILE`, not for this host")
	f.StringVar(&o.out, "out", "", "save the plan to `FILE` for bulwark apply FILE")
	f.BoolVar(&o.detailed, "detailed-exitcode", false, "exit 2 when changes are pending")
	f.BoolVar(&o.summary, "summary", false, "leave the diffs out")
	f.BoolVar(&o.verbose, "verbose", false, "add the notes that hold for a key on every host")
	return cmd
}

func (a *app) runPlan(ctx context.Context, o planOptions) error {
	if o.out != "" && o.snapshot != "" {
		return fmt.Errorf("cannot use --out with --snapshot: a saved plan is bound to its host")
	}
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	policy, err := a.loadPolicy(o.policy)
	if err != nil {
		return err
	}
	s, err := a.observe(ctx, h, policy, o.snapshot)
	if err != nil {
		return err
	}
	p := remediate.NewPlan(policy, s)
	if o.snapshot == "" {
		noteWaiting(p, h)
		a.noteTrust(p)
	}
	if err := a.showPlan(p, o); err != nil {
		return err
	}
	if o.out != "" {
		if err := h.Save(p, o.out); err != nil {
			return err
		}
		fmt.Fprintf(a.err, "bulwark: to apply exactly this: bulwark apply %s\n", o.out)
	}
	if o.detailed && p.Pending() {
		return codeError(exitDiffers)
	}
	return nil
}

// noteWaiting says that apply is refused for now.
func noteWaiting(p *resource.Plan, h *remediate.Host) {
	w, err := h.Waiting()
	if err != nil || w == nil {
		return // the state cannot be read without root; apply will say it
	}
	p.Impacts = append(p.Impacts, resource.Impact{
		Level: resource.WarningImpact,
		Text:  fmt.Sprintf("transaction %s waits until %s for bulwark confirm, or is rolled back; no other is made before", w.ID, w.Until.Local().Format(time.TimeOnly)),
	})
}

func (a *app) observe(ctx context.Context, h *remediate.Host, policy *plans.Policy, file string) (*resource.Snapshot, error) {
	if file == "" {
		return h.Observe(ctx, policy), nil
	}
	b, err := readAtMost(file, maxSnapshot)
	if err != nil {
		return nil, fmt.Errorf("cannot read the snapshot: %w", err)
	}
	return remediate.DecodeSnapshot(b)
}

func (a *app) showPlan(p *resource.Plan, o planOptions) error {
	if a.json {
		return view.PlanJSON(a.out, p)
	}
	style := a.style()
	style.Summary, style.Verbose = o.summary, o.verbose
	return view.PlanText(a.out, p, style)
}
