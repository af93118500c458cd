package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/plans"
)

func logProbe() Probe {
	return Probe{
		ID: "log-bound", Title: "A container cannot fill the disk with its log",
		Tries: "A container with the daemon's own log settings prints more than one log file may hold.",
		Must:  "The log is rotated: no file is larger than its bound, and the bounds are not above those of the policy, if it has any.",
		Shows: "The daemon's max-size is in effect for containers that are made now, and max-file is not above the policy's.",
		Not:   "Containers that were made before the setting; that the bound times the number of files and containers fits on the disk.",
		OWASP: []string{"D10", "D07"}, Limit: 2 * time.Minute, Run: logBound,
		Wanted: func(p *plans.Policy) bool {
			return stated("log-opts", "")(p) || stated("log-driver", "")(p) || p.Logging != nil && p.Logging.Bounded
		},
	}
}

// A logTrial is how much is printed, and what is the most that a file may have in
// the end for the log to have been rotated. The driver local rotates at 20 MB if
// nobody says otherwise (moby daemon/logger/local, defaultMaxFileSize), json-file
// not at all; a file may exceed its bound by one message.
type logTrial struct{ mib, most int64 }

func logTrials() map[string]logTrial {
	return map[string]logTrial{
		"json-file": {12, 11 << 20},
		"local":     {24, 21 << 20},
	}
}

func logBound(ctx context.Context, l Lab) Outcome {
	driver, err := defaultDriver(ctx, l)
	if err != nil {
		return unable("%v", err)
	}
	trial, ok := logTrials()[driver]
	if !ok {
		return unable("the daemon's log driver is %s, which keeps no files that a container could fill; what bounds its target is not to be seen here", shown(driver))
	}
	res, err := printMuch(ctx, l, trial, Box{DefaultLogs: true})
	if err != nil {
		return unable("%v", err)
	}
	if over := looser(l.Policy(), res.LogOpts); len(over) > 0 {
		return judged(false, list(over), "none: a bound is read, not attacked")
	}
	if size := byteSize(res.LogOpts["max-size"]); size > float64(trial.most) {
		return unable("a file may have %s, which is more than the %d MiB that are tried", shown(res.LogOpts["max-size"]), trial.mib)
	}
	holds, observed := res.LogLargest <= trial.most, logSize(res)
	// The daemon adds its own options to those that a container leaves out, so all
	// that would bound it are stated.
	control, err := printMuch(ctx, l, trial, Box{LogDriver: "json-file", LogOpts: map[string]string{
		"max-size": "1g", "max-file": "1", "compress": "false", "mode": "blocking",
	}})
	if err != nil {
		return controlFailed(holds, observed, err.Error())
	}
	positive := "with a bound of 1 GB: " + logSize(control)
	if control.LogLargest < trial.mib<<20 {
		return controlFailed(holds, observed, positive)
	}
	return judged(holds, observed, positive, fmt.Sprintf("log-driver %s, log-opts %s", shown(res.LogDriver), shown(fmt.Sprint(res.LogOpts))))
}

// looser are the bounds that a container got and that are above the policy's. One
// that it did not get is the driver's own, and seen in what the driver does.
func looser(p *plans.Policy, got map[string]string) []string {
	if p == nil {
		return nil
	}
	var want map[string]string
	_ = json.Unmarshal(p.Daemon["log-opts"], &want) // null, absent and odd: none
	var out []string
	for _, name := range []string{"max-size", "max-file"} {
		if most := byteSize(want[name]); most > 0 && byteSize(got[name]) > most {
			out = append(out, fmt.Sprintf("%s is %s, above %s of the policy", name, shown(got[name]), shown(want[name])))
		}
	}
	return out
}

// defaultDriver is seen on a container that prints one short line: where logs go to
// a server elsewhere, that must be all that it gets.
func defaultDriver(ctx context.Context, l Lab) (string, error) {
	res, err := l.Run(ctx, Box{Attack: []string{"nothing"}, DefaultLogs: true})
	if err == nil {
		err = read(res, new(struct{}))
	}
	return res.LogDriver, err
}

func logSize(res Result) string {
	return fmt.Sprintf("the log has %d files, the largest with %.1f MiB, all with %.1f MiB", res.LogFiles, float64(res.LogLargest)/(1<<20), float64(res.LogBytes)/(1<<20))
}

// printMuch returns an error if not all of it was printed, or the host does not
// see where it went.
func printMuch(ctx context.Context, l Lab, t logTrial, b Box) (Result, error) {
	b.Attack = []string{"flood", strconv.FormatInt(t.mib, 10)}
	res, err := l.Run(ctx, b)
	if err != nil {
		return res, err
	}
	var said struct {
		Written int64 `json:"written"`
	}
	if err := read(res, &said); err != nil {
		return res, err
	}
	switch {
	case said.Written < t.mib<<20:
		return res, fmt.Errorf("only %d bytes were printed", said.Written)
	case res.LogBytes < 0:
		return res, fmt.Errorf("the log of the driver %s is not to be seen on the host", shown(res.LogDriver))
	}
	return res, nil
}

// byteSize reads a size as the log drivers do (go-units, FromHumanSize): powers
// of 1000. 0 is none, or not to be read.
func byteSize(s string) float64 {
	s = strings.ToLower(strings.TrimSpace(s))
	digits := strings.TrimRight(s, "kmgtpib ")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0
	}
	unit := strings.TrimSpace(s[len(digits):])
	if unit == "" || unit == "b" {
		return n
	}
	return n * math.Pow(1000, float64(strings.IndexByte("kmgtp", unit[0])+1))
}
