// Package cli is bulwark's command line: one file per command.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bulwark-project/bulwark/cmd/internal/view"
	"github.com/bulwark-project/bulwark/plans"
	"github.com/bulwark-project/bulwark/remediate"
)

// app is what all commands share: the flags that every one has, and where
// results (out) and everything else (err) go.
type app struct {
	version    string
	in         io.Reader
	out, err   io.Writer
	root       string
	dockerHost string
	json       bool
	args       []string
	// policyFiles are those that loadPolicy has read.
	policyFiles []string
	// patient says that the command changes the host: a signal ends it at the
	// next safe point, and no second one kills it on the way there.
	patient atomic.Bool
}

// Main runs one command line and returns the exit code.
func Main(ctx context.Context, version string, args []string, in io.Reader, out, errw io.Writer) int {
	a := &app{version: version, in: in, out: out, err: errw, args: args}
	cmd := a.command()
	cmd.SetArgs(args)
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errw)
	defer context.AfterFunc(ctx, func() {
		if !a.patient.Load() {
			signal.Reset(os.Interrupt, syscall.SIGTERM) // a second one ends a read that hangs
		}
	})()
	err := cmd.ExecuteContext(ctx)
	a.report(err)
	return exitCode(err)
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "bulwark",
		Short: "Harden and remediate a Docker host",
		Long: `bulwark compares a Docker host with a policy (plan) and makes the differences
good as one transaction (apply): it restarts dockerd once, checks that the
daemon came back as wanted, and puts everything back if it did not.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       a.version,
	}
	f := root.PersistentFlags()
	f.StringVar(&a.root, "root", "/", "work on the files below `DIR`, an image, not on the running host")
	f.StringVar(&a.dockerHost, "docker-host", "", "where dockerd listens (default "+remediate.DefaultDockerHost+")")
	f.BoolVar(&a.json, "json", false, "print the result as JSON")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return withHint(err, "see "+cmd.CommandPath()+" --help")
	})
	root.AddCommand(
		newPlan(a), newCheck(a), newProve(a), newApply(a), newConfirm(a), newRollback(a), newHistory(a), newRecover(a),
		newEgress(a), newSeccomp(a), newSnapshot(a), newPolicy(a), newVersion(a),
	)
	return root
}

// report prints an error with its hints on standard error, and with --json
// also as the result, so that a machine need not read prose.
func (a *app) report(err error) {
	var code codeError
	if err == nil || errors.As(err, &code) {
		return
	}
	view.Lines(a.err, "bulwark: "+err.Error())
	hints := remedies(err)
	var h hinted
	if errors.As(err, &h) {
		hints = append(h.hints, hints...)
	}
	for _, line := range hints {
		view.Note(a.err, "  hint: %s\n", line)
	}
	if a.json {
		// Nothing is left to do if even this cannot be written.
		_ = view.JSON(a.out, failureOf(err, hints))
	}
}

// failure is the JSON form of an error.
type failure struct {
	Format   int      `json:"format"`
	Outcome  string   `json:"outcome"` // "error"
	Error    string   `json:"error"`
	ExitCode int      `json:"exit_code"`
	Hints    []string `json:"hints,omitempty"`
	// Faults are those of a policy, each with its place.
	Faults plans.Errors `json:"faults,omitempty"`
}

func failureOf(err error, hints []string) failure {
	f := failure{Format: 1, Outcome: "error", Error: err.Error(), ExitCode: exitCode(err), Hints: hints}
	errors.As(err, &f.Faults)
	return f
}

// open opens the host that the flags name. DOCKER_HOST is not one of them: it
// may name a rootless daemon or another machine's, whose answers would pass for
// evidence about this one.
func (a *app) open() (*remediate.Host, error) {
	return remediate.Open(a.version, a.root, a.dockerHost)
}

// openToChange is open for a command that changes the host: a signal ends it at
// the next safe point, by the context and journaled; a closed pipe or terminal
// does not kill it half-way.
func (a *app) openToChange() (*remediate.Host, error) {
	a.patient.Store(true)
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	return a.open()
}

func (a *app) style() view.Style { return view.Style{Color: colorful(a.out)} }

// colorful follows no-color.org: a terminal, unless NO_COLOR says otherwise.
func colorful(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress tells a person at a terminal what takes so long.
func (a *app) progress() func(string) {
	if !isTerminal(a.err) {
		return nil
	}
	return func(text string) { view.Note(a.err, "bulwark: %s ...\n", text) }
}
