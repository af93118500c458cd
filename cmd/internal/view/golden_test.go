package view_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

var update = flag.Bool("update", false, "write testdata/golden")

// Each golden file is what a person sees; a change of it is a change of the
// product and is read in review.
func TestGolden(t *testing.T) {
	for name, print := range map[string]func(io.Writer) error{
		"plan.txt":            plan(everything(), view.Style{}),
		"plan_color.txt":      plan(everything(), view.Style{Color: true}),
		"plan_summary.txt":    plan(everything(), view.Style{Summary: true}),
		"plan_verbose.txt":    plan(everything(), view.Style{Summary: true, Verbose: true}),
		"plan_reload.txt":     plan(reload(), view.Style{}),
		"plan_ok.txt":         plan(ok(), view.Style{}),
		"plan_open.txt":       plan(open(), view.Style{}),
		"plan_rules.txt":      plan(rules(), view.Style{}),
		"plan_rules_sum.txt":  plan(rules(), view.Style{Summary: true}),
		"plan_audit.txt":      plan(events(), view.Style{}),
		"plan_limits.txt":     plan(limited(), view.Style{}),
		"plan_rules_only.txt": plan(onlyRules(), view.Style{Summary: true}),
		"egress_show.txt":     shown(view.EgressText, &remediate.Egress{Rules: kernelRules()}),
		"egress_empty.txt":    shown(view.EgressText, &remediate.Egress{}),
		"egress_loaded.txt":   shown(view.LoadedText, &remediate.Egress{Outcome: remediate.EgressLoaded, Rules: kernelRules()}),
		"egress_cleared.txt":  shown(view.LoadedText, &remediate.Egress{Outcome: remediate.EgressLoaded}),
		"egress_none.txt":     shown(view.LoadedText, &remediate.Egress{Outcome: remediate.EgressNone}),
		"plan_empty.txt":      plan(&resource.Plan{Policy: ref}, view.Style{}),
		"result_done.txt":     result(&remediate.ApplyResult{Outcome: remediate.Applied, ID: id, Plan: everything(), Notes: []string{"the first note"}}),
		"result_back.txt":     result(rolledBack()),
		"result_same.txt":     result(&remediate.ApplyResult{Outcome: remediate.Unchanged, Plan: ok()}),
		"result_open.txt":     result(&remediate.ApplyResult{Outcome: remediate.Unchanged, Plan: open()}),
		"result_none.txt":     result(&remediate.ApplyResult{Outcome: remediate.Unchanged}),
		"reversal.txt":        reversal(resource.Restart, "db", "web"),
		"reversal_reload.txt": reversal(resource.Reload),
		"reversal_none.txt":   reversal(resource.NoAction),
		"reversal_rules.txt": func(w io.Writer) error {
			return view.ReversalText(w, remediate.Reversal{Paths: []string{"/var/lib/bulwark/egress.json"}, Rules: true}, view.Style{})
		},
		"reversal_limits.txt": func(w io.Writer) error {
			return view.ReversalText(w, remediate.Reversal{Limits: []string{"db", "web"}}, view.Style{})
		},
		"record_limits.txt": func(w io.Writer) error {
			r := records()[1]
			r.Limits = []remediate.RecordedLimits{{Container: "web", Diff: limitsDiff}}
			return view.RecordText(w, &r, view.Style{})
		},
		"history.txt":       func(w io.Writer) error { return view.HistoryText(w, records(), view.Style{}) },
		"history_empty.txt": func(w io.Writer) error { return view.HistoryText(w, nil, view.Style{}) },
		"record.txt":        func(w io.Writer) error { return view.RecordText(w, &records()[1], view.Style{}) },
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := print(&got); err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("../../../testdata/golden", name), got.String())
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it):\n%s", file, diff)
	}
}

func plan(p *resource.Plan, s view.Style) func(io.Writer) error {
	return func(w io.Writer) error { return view.PlanText(w, p, s) }
}

func result(r *remediate.ApplyResult) func(io.Writer) error {
	return func(w io.Writer) error { return view.ResultText(w, r, view.Style{}) }
}

func shown(text func(io.Writer, *remediate.Egress, view.Style) error, e *remediate.Egress) func(io.Writer) error {
	return func(w io.Writer) error { return text(w, e, view.Style{}) }
}

func reversal(a resource.ServiceAction, stops ...string) func(io.Writer) error {
	r := remediate.Reversal{
		Paths: []string{"/etc/docker/daemon.json", "/etc/subuid"}, Stops: stops,
		Service: resource.Service{Action: a, Reasons: []string{"the old configuration is put back"}},
	}
	return func(w io.Writer) error { return view.ReversalText(w, r, view.Style{}) }
}

// Colour adds to the text and takes nothing away.
func TestColorOnlyPaints(t *testing.T) {
	var with, without bytes.Buffer
	if err := view.PlanText(&with, everything(), view.Style{Color: true}); err != nil {
		t.Fatal(err)
	}
	if err := view.PlanText(&without, everything(), view.Style{}); err != nil {
		t.Fatal(err)
	}
	bare := with.String()
	for _, seq := range []string{"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"} {
		if !strings.Contains(bare, seq) {
			t.Errorf("the plan never uses %q", seq)
		}
		bare = strings.ReplaceAll(bare, seq, "")
	}
	if diff := cmp.Diff(without.String(), bare); diff != "" {
		t.Error(diff)
	}
}

// What the host says is text, not commands to a terminal.
func TestNoForeignEscapes(t *testing.T) {
	const evil = "a\x1b[2Kb\u009bc\rd"
	p := everything()
	p.Root, p.Policy.Name, p.Policy.Source = evil, evil, evil
	p.Controls[0].Reason, p.Controls[0].Remedy, p.Controls[0].ID = evil, evil, evil
	p.Changes[0].Path, p.Changes[0].Diff, p.Changes[0].Why = evil, "+"+evil+"\n", []string{evil}
	p.Operations = []resource.Operation{{Target: evil, Controls: []string{evil}, Why: []string{evil}, Diff: "+" + evil + "\n"}}
	own := &remediate.Egress{Rules: []resource.Ruleset{{Backend: evil, Variant: evil, Tables: []resource.RuleTable{{
		Family: evil, Jumps: []resource.Jump{{From: evil, To: evil}},
		Chains: []resource.RuleChain{{Name: evil, Hook: evil, Rules: []string{evil}}},
		Sets:   []resource.AddrSet{{Name: evil, Members: []string{evil}}},
	}}}}}
	p.Impacts[0].Text, p.Impacts[0].Subjects = evil, []string{evil}
	p.Unread[0].What, p.Unread[0].Reason = evil, evil
	p.Service.Reasons = []string{evil}
	rec := remediate.Record{ID: evil, Outcome: evil, Reason: evil, Tool: evil, Command: []string{evil}, User: evil, Rollback: evil, Notes: []string{evil}, Damaged: ""}
	var out bytes.Buffer
	for _, err := range []error{
		view.PlanText(&out, p, view.Style{}),
		view.ResultText(&out, &remediate.ApplyResult{Outcome: remediate.RolledBack, ID: evil, Cause: evil, Daemon: []string{evil}, Notes: []string{evil}}, view.Style{}),
		view.HistoryText(&out, []remediate.Record{rec, {ID: evil, Damaged: evil}}, view.Style{}),
		view.RecordText(&out, &rec, view.Style{}),
		view.EgressText(&out, own, view.Style{}),
		view.LoadedText(&out, own, view.Style{}),
		view.ReversalText(&out, remediate.Reversal{Paths: []string{evil}, Stops: []string{evil}}, view.Style{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if i := strings.IndexAny(out.String(), "\x1b\u009b\r"); i >= 0 {
		t.Errorf("an escape got through: %q", out.String()[max(0, i-60):i+20])
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// A result that could not be written is an error, not a success.
func TestWriteErrors(t *testing.T) {
	for name, err := range map[string]error{
		"plan":    view.PlanText(full{}, everything(), view.Style{}),
		"result":  view.ResultText(full{}, rolledBack(), view.Style{}),
		"history": view.HistoryText(full{}, records(), view.Style{}),
		"egress":  view.EgressText(full{}, &remediate.Egress{Rules: kernelRules()}, view.Style{}),
		"loaded":  view.LoadedText(full{}, &remediate.Egress{Rules: kernelRules()}, view.Style{}),
		"json":    view.PlanJSON(full{}, everything()),
	} {
		if err == nil {
			t.Errorf("%s: the write failed without an error", name)
		}
	}
}

const id = "000002-20260301T120000Z-0a1b2c3d"

func rolledBack() *remediate.ApplyResult {
	return &remediate.ApplyResult{
		Outcome: remediate.RolledBack, ID: id, Plan: everything(),
		Cause:  "dockerd did not start: docker.service failed",
		Daemon: []string{"unable to configure the Docker daemon with file /etc/docker/daemon.json", "level=fatal msg=stop"},
		Notes:  []string{"the same plan is held back until --retry"},
	}
}

func records() []remediate.Record {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return []remediate.Record{
		{ID: "000001-20260301T110000Z-00000001", Damaged: "cannot read transaction: intent.json is damaged"},
		{
			ID: id, Outcome: "committed", Created: at, Finished: at.Add(9 * time.Second), Tool: "1.0",
			Command: []string{"apply", "--yes"}, User: "alice", Notes: []string{"one note"},
			Files: []remediate.RecordedFile{
				{Path: "/etc/shadow", Action: resource.Update, Sensitive: true},
				{Path: "/etc/docker/daemon.json", Action: resource.Create, Diff: "--- before\n+++ after\n@@ -0,0 +1 @@\n+{}\n"},
			},
		},
		{ID: "000003-20260301T130000Z-00000003", Outcome: "rolled-back", Reason: "dockerd did not start", Created: at.Add(time.Hour), Tool: "1.0", Command: []string{"apply"}, Files: []remediate.RecordedFile{{Path: "/etc/docker/daemon.json", Action: resource.Update}}},
		{ID: "000004-20260301T140000Z-00000004", Outcome: "committed", Created: at.Add(2 * time.Hour), Tool: "1.0", Command: []string{"rollback"}, Rollback: id, Files: []remediate.RecordedFile{{Path: "/etc/docker/daemon.json", Action: resource.Delete}}},
	}
}
