package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bulwark-project/bulwark/remediate"
)

// Exit codes. An unknown code must be treated as a failure.
const (
	exitOK          = 0
	exitError       = 1
	exitDiffers     = 2
	exitFails       = 2 // of check and prove
	exitRolledBack  = 3
	exitNeedsPerson = 4
	exitBusy        = 5
	exitStale       = 6
	exitDeclined    = 7
	exitAwaiting    = 8
)

// exitMeanings is the one table of codes; every help text shows its part.
var exitMeanings = map[int]string{
	exitOK:          "done",
	exitError:       "error, nothing was changed",
	exitDiffers:     "changes are pending, or were made (with --detailed-exitcode); a control or a defence does not hold (check, prove)",
	exitRolledBack:  "it failed and was rolled back: the host is as before",
	exitNeedsPerson: "needs a person: somebody's edit is in the way, the journal is damaged, or the plan was rolled back before",
	exitBusy:        "another run holds the lock",
	exitStale:       "the plan is stale: the message names what has changed",
	exitDeclined:    "declined at the prompt",
	exitAwaiting:    "a change is applied and waits for bulwark confirm",
}

// exitHelp renders the codes of one command for its help text.
func exitHelp(codes ...int) string {
	var b strings.Builder
	b.WriteString("\n\nExit status:\n")
	for _, c := range codes {
		fmt.Fprintf(&b, "  %d  %s\n", c, exitMeanings[c])
	}
	return strings.TrimRight(b.String(), "\n")
}

// errDeclined is the answer "no" at the prompt.
var errDeclined = errors.New("declined: nothing was changed")

// codeError carries a code out of a command whose result is already printed.
type codeError int

func (c codeError) Error() string { return exitMeanings[int(c)] }

// exitCode maps an error to the table.
func exitCode(err error) int {
	var (
		code     codeError
		busy     *remediate.BusyError
		conflict *remediate.ConflictError
		damaged  *remediate.DamagedError
		undo     *remediate.UnfinishedError
		edited   *remediate.EditedError
		hold     *remediate.HoldError
		stale    *remediate.StaleError
		awaiting *remediate.AwaitingError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	// Before busy: an undo that a lock has stopped is not done by waiting.
	case errors.As(err, &conflict), errors.As(err, &damaged), errors.As(err, &undo), errors.As(err, &edited), errors.As(err, &hold):
		return exitNeedsPerson
	case errors.As(err, &busy):
		return exitBusy
	case errors.As(err, &stale):
		return exitStale
	case errors.As(err, &awaiting):
		return exitAwaiting
	case errors.Is(err, errDeclined):
		return exitDeclined
	}
	return exitError
}

// A hinted error has lines that tell the user what to do next.
type hinted struct {
	error
	hints []string
}

func (h hinted) Unwrap() error { return h.error }

func withHint(err error, hints ...string) error { return hinted{err, hints} }
