package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestExitCode(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"none":         {nil, 0},
		"any":          {errors.New("no"), 1},
		"irreversible": {&remediate.IrreversibleError{Impacts: []resource.Impact{{Text: "lost"}}}, 1},
		"differs":      {codeError(exitDiffers), 2},
		"rolled back":  {codeError(exitRolledBack), 3},
		"conflict":     {&remediate.ConflictError{}, 4},
		"damaged":      {&remediate.DamagedError{}, 4},
		"unfinished":   {&remediate.UnfinishedError{Err: errors.New("full")}, 4},
		"hold":         {&remediate.HoldError{}, 4},
		"edited":       {&remediate.EditedError{Conflict: &remediate.ConflictError{}}, 4},
		"busy":         {&remediate.BusyError{}, 5},
		"stale":        {&remediate.StaleError{}, 6},
		"declined":     {errDeclined, 7},
		"awaiting":     {&remediate.AwaitingError{}, 8},
		"codeAwaiting": {codeError(exitAwaiting), 8},
		"same session": {&remediate.SameSessionError{}, 1},
		"not waiting":  {&remediate.NotWaitingError{}, 1},
		// Waiting for the lock would not finish the undo.
		"unfinished by a lock": {&remediate.UnfinishedError{Err: &remediate.BusyError{}}, 4},
	} {
		for form, err := range map[string]error{
			"bare": c.err, "wrapped": wrap(c.err), "hinted": hint(c.err), "explained": explain(c.err),
		} {
			if got := exitCode(err); got != c.want {
				t.Errorf("%s, %s: exit code %d, want %d", name, form, got, c.want)
			}
		}
	}
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("nothing was changed: %w", err)
}

func hint(err error) error {
	if err == nil {
		return nil
	}
	return withHint(err, "do this")
}

// Every command states its codes, and only codes of the table.
func TestHelpStatesExitCodes(t *testing.T) {
	stated := map[int]bool{}
	walk((&app{version: "dev"}).command(), func(cmd *cobra.Command) {
		codes := regexp.MustCompile(`(?m)^  (\d)  (.*)$`).FindAllStringSubmatch(cmd.Long, -1)
		if cmd.Hidden || cmd.HasSubCommands() && cmd.Name() != "history" {
			return
		}
		if len(codes) < 2 {
			t.Errorf("%s: the help states no exit codes", cmd.CommandPath())
		}
		for _, c := range codes {
			n, _ := strconv.Atoi(c[1])
			stated[n] = true
			if exitMeanings[n] != c[2] {
				t.Errorf("%s: code %d means %q in the help, %q in the table", cmd.CommandPath(), n, c[2], exitMeanings[n])
			}
		}
	})
	for n := range exitMeanings {
		if !stated[n] {
			t.Errorf("no help states code %d", n)
		}
	}
}

// walk visits bulwark's own commands, not those that cobra adds.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		if c.Name() != "help" && c.Name() != "completion" {
			walk(c, visit)
		}
	}
}
