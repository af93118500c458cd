package remediate

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/internal/txn"
)

// redactString returns s, or Redacted if it looks like a secret: an address
// with a user in it, token=..., password=...; daemon.json's rules judge.
func redactString(s string) string {
	b, err := json.Marshal(map[string]string{"text": s})
	if err != nil {
		return daemonjson.Redacted
	}
	var out map[string]string
	if err := json.Unmarshal(daemonjson.Redact(b), &out); err != nil {
		return daemonjson.Redacted
	}
	return out["text"]
}

// redactWords replaces each string that looks like a secret.
func redactWords(words []string) []string {
	if words == nil {
		return nil
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = redactString(w)
	}
	return out
}

// redactText replaces words of a line for people: what dockerd logs may quote
// the address of a proxy.
func redactText(line string) string {
	return strings.Join(redactWords(strings.Split(line, " ")), " ")
}

// A hider replaces in a line for people what looks like a secret, and the
// secrets that it knows whatever they look like.
type hider []string

// hiderOf knows the secrets in versions of daemon.json.
func hiderOf(contents ...[]byte) hider {
	var h hider
	for _, c := range contents {
		h = append(h, daemonjson.Secrets(c)...)
	}
	slices.SortFunc(h, func(a, b string) int { return len(b) - len(a) })
	return h
}

func (h hider) hide(line string) string {
	for _, secret := range h {
		line = strings.ReplaceAll(line, secret, daemonjson.Redacted)
	}
	return redactText(line)
}

// hideIn is hide for the text of an error.
func (h hider) hideIn(err error) error { return hiddenError{h.hide(err.Error()), err} }

type hiddenError struct {
	text string
	err  error
}

func (e hiddenError) Error() string { return e.text }
func (e hiddenError) Unwrap() error { return e.err }

// hiderFor knows those that the files of a transaction hold, before and after
// it. Of a journal that cannot be read it knows none.
func hiderFor(e *txn.Entry) hider {
	var contents [][]byte
	for _, op := range e.Ops {
		if op.Sensitive || path.Ext(op.Path) != ".json" {
			continue
		}
		for _, read := range []func(int) ([]byte, error){e.Before, e.After} {
			if b, err := read(op.N); err == nil {
				contents = append(contents, b)
			}
		}
	}
	return hiderOf(contents...)
}

// hiderIn is hiderFor of a transaction by its id.
func hiderIn(r *txn.Reader, id string) hider {
	if e, err := r.Entry(id); err == nil {
		return hiderFor(e)
	}
	return nil
}

// redactArgv replaces words of a command line that may be secrets; a word
// after a flag with a telling name counts as one.
func redactArgv(argv []string) []string {
	if argv == nil {
		return nil
	}
	out := make([]string, len(argv))
	for i, word := range argv {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "-") && ok:
			out[i] = name + "=" + redactOption(name, value)
		case i > 0 && strings.HasPrefix(argv[i-1], "-"):
			out[i] = redactOption(argv[i-1], word)
		default:
			out[i] = redactString(word)
		}
	}
	return out
}

// redactOption judges a value together with the name of its option.
func redactOption(name, value string) string {
	if value != "" && redactString(name+"="+value) == daemonjson.Redacted {
		return daemonjson.Redacted
	}
	return value
}

// redactMap judges each value together with its name, and by itself.
func redactMap(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for name, value := range m {
		if redactOption(name, value) != value || redactString(value) != value {
			value = daemonjson.Redacted
		}
		out[name] = value
	}
	return out
}
