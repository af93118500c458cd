package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/internal/daemonjson"
	"github.com/bulwark-project/bulwark/remediate/internal/engine"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// daemonObject is the name of the daemon in findings.
const daemonObject = "dockerd"

// unreadable is what a bad says of a value that it cannot judge.
const unreadable = "unreadable"

// bad says what is wrong with a value, "" if nothing is.
type bad func(t *tally, v json.RawMessage) string

// setting judges one key of daemon.json by its current value.
func setting(key, expected string, wrong bad) func(*tally) {
	return func(t *tally) {
		set := daemonjson.Current(t.s, key)
		if set.Unknown != "" {
			t.unknown(resource.DaemonObject, daemonObject, set.Unknown)
			return
		}
		said := wrong(t, set.Value)
		switch {
		case said == unreadable:
			t.unknown(resource.DaemonObject, daemonObject, fmt.Sprintf("%s in %s is not of a type that dockerd takes", key, set.Origin))
		case said != "":
			t.fail(resource.Finding{Kind: resource.DaemonObject, Object: daemonObject, Observed: doubted(said+" ("+set.Origin+")", set), Expected: expected})
		case set.Doubt != "":
			t.unknown(resource.DaemonObject, daemonObject, doubted(fmt.Sprintf("%s is as it should be in %s", key, set.Origin), set))
		default:
			t.holds(1)
		}
	}
}

func doubted(text string, set daemonjson.Setting) string {
	if set.Doubt == "" {
		return text
	}
	return text + ", but " + set.Doubt
}

// want wants a boolean key at one value.
func want(key string, value bool) func(*tally) {
	return setting(key, fmt.Sprintf("%s: %t", key, value), func(_ *tally, v json.RawMessage) string {
		var have bool
		if json.Unmarshal(v, &have) != nil || have != value {
			return fmt.Sprintf("%s is %s", key, orUnset(v))
		}
		return ""
	})
}

// empty wants a key without a value.
func empty(key string) func(*tally) {
	return setting(key, key+" absent", func(_ *tally, v json.RawMessage) string {
		if blank(v) {
			return ""
		}
		return key + " is " + shown(key, v)
	})
}

// given wants a key with some value.
func given(key string) func(*tally) {
	return setting(key, key+" with a value", func(_ *tally, v json.RawMessage) string {
		if blank(v) {
			return "there is no " + key
		}
		return ""
	})
}

// blank reports whether a value says nothing: null, "", no elements, or none but
// such.
func blank(v json.RawMessage) bool {
	var value any
	if len(v) == 0 || json.Unmarshal(v, &value) != nil {
		return len(v) == 0
	}
	switch x := value.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(x) == ""
	case map[string]any:
		return len(x) == 0
	case []any:
		return !slices.ContainsFunc(x, func(e any) bool { return e != nil && e != "" })
	}
	return false
}

// orUnset shows a switch. What is none may be anything, and is not shown.
func orUnset(v json.RawMessage) string {
	switch text := string(v); text {
	case "":
		return "not set"
	case "true", "false":
		return text
	}
	return "no boolean"
}

// shown is a value without secrets, short.
func shown(key string, v json.RawMessage) string {
	clean := daemonjson.Redact(fmt.Appendf(nil, "{%q:%s}", key, v))
	var m map[string]json.RawMessage
	if json.Unmarshal(clean, &m) != nil {
		return daemonjson.Redacted
	}
	return short(string(m[key]))
}

// maxShown bounds what a finding quotes.
const maxShown = 120

func short(text string) string {
	if r := []rune(text); len(r) > maxShown {
		return string(r[:maxShown-3]) + "..."
	}
	return text
}

func text(v json.RawMessage) string {
	var s string
	_ = json.Unmarshal(v, &s) // what is no string is none of ours
	return s
}

func list(v json.RawMessage) []string {
	var l []string
	_ = json.Unmarshal(v, &l)
	return l
}

// engineOr returns the running engine, or says that it cannot be asked.
func (t *tally) engineOr() (resource.Engine, bool) {
	e, ok := t.s.Engine.Get()
	if !ok {
		t.unknown(resource.DaemonObject, daemonObject, t.s.Engine.Unknown)
	}
	return e, ok
}

func hasOption(e resource.Engine, name string) bool {
	return slices.Contains(e.SecurityOptions, "name="+name)
}

func release(e resource.Engine) engine.Version {
	v, err := engine.ParseVersion(e.Version)
	if err != nil {
		return engine.Version{}
	}
	return v
}

// failDaemon is a finding about the daemon.
func (t *tally) failDaemon(observed, expected string) {
	t.fail(resource.Finding{Kind: resource.DaemonObject, Object: daemonObject, Observed: observed, Expected: expected})
}
