package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// What a container says is not to be believed further than needed: the program in
// it is bulwark's own, but what it runs under is what is being judged.
const (
	maxWords = 200 // bytes of one text that is shown
	maxItems = 100 // entries of one map or list
)

// printable makes a text of others' fit to be printed: one line without control
// characters.
func printable(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	return strings.Join(strings.Fields(clean), " ")
}

// shown is printable and bounded.
func shown(text string) string {
	clean := printable(text)
	if len(clean) > maxWords {
		clean = strings.ToValidUTF8(clean[:maxWords], "") + "..."
	}
	return clean
}

// read takes a container's report into v, a pointer. An error says why there is
// none.
func read(res Result, v any) error {
	switch {
	case res.Refused != "":
		return fmt.Errorf("the Docker daemon did not %s the container: %s", res.RefusedAt, shown(res.Refused))
	case res.OOMKilled:
		return errors.New("the container was killed for want of memory")
	}
	return parse(res.Report, res.Exit, v)
}

func parse(report []byte, exit int, v any) error {
	var failed struct {
		Error string `json:"error"`
	}
	if len(report) == 0 {
		return fmt.Errorf("the container ended with code %d and said nothing", exit)
	}
	if err := json.Unmarshal(report, &failed); err != nil {
		return fmt.Errorf("the container said %q", shown(string(report)))
	}
	if failed.Error != "" {
		return fmt.Errorf("the attempt could not be made: %s", shown(failed.Error))
	}
	if err := json.Unmarshal(report, v); err != nil {
		return fmt.Errorf("the container said %q", shown(string(report)))
	}
	return nil
}

// words are answers by what was tried: "ok", or the name of an error.
type words map[string]string

// UnmarshalJSON bounds what is taken over, and makes it printable.
func (w *words) UnmarshalJSON(b []byte) error {
	var all map[string]string
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	if len(all) > maxItems {
		return errors.New("too many entries")
	}
	*w = words{}
	for k, v := range all {
		(*w)[shown(k)] = shown(v)
	}
	return nil
}

func unable(format string, args ...any) Outcome {
	return Outcome{Verdict: resource.Unable, Observed: printable(fmt.Sprintf(format, args...))}
}

// judged is an outcome whose positive control worked.
func judged(holds bool, observed, positive string, evidence ...string) Outcome {
	o := Outcome{Verdict: resource.Fails, Observed: observed, Positive: positive, Evidence: evidence}
	if holds {
		o.Verdict = resource.Holds
	}
	return o
}

// controlFailed is the outcome when the attempt did not succeed with the defence
// off either: what was observed proves nothing. A defence that was seen to fail
// has failed all the same.
func controlFailed(holds bool, observed, control string, evidence ...string) Outcome {
	o := Outcome{Verdict: resource.Unable, Observed: observed, Positive: "did not work: " + printable(control), Evidence: evidence}
	if !holds {
		o.Verdict = resource.Fails
	}
	return o
}
