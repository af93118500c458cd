package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

type checkOptions struct {
	policy, snapshot, format, against, failOn string

	only, except  []string
	failUnknown   bool
	list, verbose bool
}

func newCheck(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Audit the host and all that runs on it; changes nothing",
		Long: `Check judges the host, the daemon, images and containers (stopped ones too) by
the controls of the OWASP Docker Top 10 and the CIS Docker Benchmark. It goes by
what daemon and kernel say, then by files; what could not be read is unknown,
never in order. Policies hold waivers, and bounds where a site decides.

It repairs nothing: what a policy can remedy, bulwark plan shows and bulwark apply
does; for the rest each finding says what to do.

Controls are named by slug (with *), by area (D01 to D10) or by number of the
benchmark: 5.4 or 5 of release 1.8, 1.6:2.14 of another.` + exitHelp(exitOK, exitError, exitFails),
		Example: `  bulwark check
  bulwark check --policy strict --fail-on high
  bulwark check --only D06,5.4 --format junit
  bulwark check --json >last.json; bulwark check --against last.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runCheck(cmd.Context(), o) },
	}
	f := cmd.Flags()
	addPolicyFlag(f, &o.policy)
	f.StringVar(&o.snapshot, "snapshot", "", "judge the snapshot in `FILE`, not this host")
	f.StringVar(&o.format, "format", "text", "print as `FORMAT`: "+strings.Join(view.CheckFormats(), ", "))
	f.StringVar(&o.against, "against", "", "compare with the JSON report in `FILE`: new, same, fixed")
	f.StringSliceVar(&o.only, "only", nil, "judge only these `CONTROLS`")
	f.StringSliceVar(&o.except, "except", nil, "judge all but these `CONTROLS`")
	f.StringVar(&o.failOn, "fail-on", string(resource.Low), "exit 2 from this `SEVERITY` on: low, medium, high, critical")
	f.BoolVar(&o.failUnknown, "fail-unknown", false, "exit 2 also when a control could not be judged")
	f.BoolVar(&o.list, "list", false, "list the controls, and judge nothing")
	f.BoolVar(&o.verbose, "verbose", false, "show every object, and the controls that hold")
	return cmd
}

func (a *app) runCheck(ctx context.Context, o checkOptions) error {
	if err := a.wrongCheck(&o); err != nil {
		return err
	}
	chosen := remediate.CheckOptions{Only: o.only, Except: o.except}
	if o.list {
		return a.listControls(chosen, o.format)
	}
	if _, err := remediate.Controls(chosen); err != nil { // before the host is read
		return err
	}
	r, err := a.check(ctx, o, chosen)
	if err != nil {
		return err
	}
	style := a.style()
	style.Verbose = o.verbose
	if err := view.Check(a.out, o.format, r, style); err != nil {
		return err
	}
	if failed(r, o) {
		return codeError(exitFails)
	}
	return nil
}

// wrongCheck refuses flags that no host could make right.
func (a *app) wrongCheck(o *checkOptions) error {
	if a.json {
		if o.format != "text" && o.format != "json" {
			return errors.New("cannot use --json with --format " + o.format)
		}
		o.format = "json"
	}
	if !slices.Contains(view.CheckFormats(), o.format) {
		return fmt.Errorf("cannot print as %q: --format is one of %s", o.format, strings.Join(view.CheckFormats(), ", "))
	}
	if resource.Severity(o.failOn).Rank() < 0 {
		return fmt.Errorf("cannot fail on %q: --fail-on is low, medium, high or critical", o.failOn)
	}
	return nil
}

func (a *app) check(ctx context.Context, o checkOptions, chosen remediate.CheckOptions) (*resource.Report, error) {
	var old *resource.Report
	if o.against != "" {
		var err error
		if old, err = readReport(o.against); err != nil {
			return nil, err
		}
	}
	policy, err := a.loadPolicy(o.policy)
	if err != nil {
		return nil, err
	}
	s, err := a.checked(ctx, policy, o.snapshot)
	if err != nil {
		return nil, err
	}
	r, err := remediate.Check(policy, s, chosen)
	if err != nil || old == nil {
		return r, err
	}
	return remediate.Against(old, r), nil
}

func (a *app) checked(ctx context.Context, policy *plans.Policy, file string) (*resource.Snapshot, error) {
	h, err := a.open()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if file != "" {
		return a.observe(ctx, h, policy, file)
	}
	return h.ForCheck(ctx, policy), nil
}

// failed decides the exit code. Waived findings and manual controls do not
// count.
func failed(r *resource.Report, o checkOptions) bool {
	least := resource.Severity(o.failOn).Rank()
	for _, c := range r.Controls {
		if c.Verdict == resource.Fails && c.Severity.Rank() >= least || c.Verdict == resource.Unjudged && o.failUnknown {
			return true
		}
	}
	return false
}

func readReport(file string) (*resource.Report, error) {
	b, err := readAtMost(file, maxSnapshot)
	if err != nil {
		return nil, fmt.Errorf("cannot read the report: %w", err)
	}
	var r resource.Report
	err = json.Unmarshal(b, &r)
	var other *json.UnmarshalTypeError
	switch {
	case errors.As(err, &other), err == nil && (r.Format != resource.ReportFormat || r.Controls == nil):
		return nil, withHint(fmt.Errorf("cannot read the report %s: it is none that this bulwark wrote", file), "bulwark check --json > FILE")
	case err != nil:
		return nil, fmt.Errorf("cannot read the report %s: %w", file, err)
	}
	return &r, nil
}

// A ControlList is what check --list prints as JSON.
type ControlList struct {
	Format   int                     `json:"format"`
	Controls []remediate.ControlInfo `json:"controls"`
}

func (a *app) listControls(o remediate.CheckOptions, format string) error {
	controls, err := remediate.Controls(o)
	if err != nil {
		return err
	}
	if format == "json" {
		return view.JSON(a.out, ControlList{Format: 1, Controls: controls})
	}
	return view.Controls(a.out, controls, a.style())
}
