package cli

import (
	"github.com/spf13/cobra"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
)

func newHistory(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List what bulwark changed on this host",
		Long: `History lists the transactions, oldest first; show prints one with the diffs of
its files. Secrets are replaced.` + exitHelp(exitOK, exitError, exitNeedsPerson),
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.listHistory() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "show ID", Short: "Print one transaction with its diffs", Args: cobra.ExactArgs(1),
		Long: "Show prints one transaction with the diffs of its files; secrets are replaced." +
			exitHelp(exitOK, exitError, exitNeedsPerson),
		RunE: func(_ *cobra.Command, args []string) error { return a.showHistory(args[0]) },
	})
	return cmd
}

func (a *app) listHistory() error {
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	list, err := h.History()
	if err != nil {
		return err
	}
	if a.json {
		return view.JSON(a.out, map[string]any{"format": 1, "transactions": list})
	}
	return view.HistoryText(a.out, list, a.style())
}

func (a *app) showHistory(id string) error {
	h, err := a.open()
	if err != nil {
		return err
	}
	defer h.Close()
	rec, err := h.HistoryEntry(id)
	if err != nil {
		return err
	}
	if a.json {
		return view.JSON(a.out, map[string]any{"format": 1, "transaction": rec})
	}
	return view.RecordText(a.out, rec, a.style())
}
