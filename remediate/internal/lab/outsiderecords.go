package lab

import (
	"encoding/hex"
	"slices"
	"strings"
)

// events gathers audit records by the event that they belong to: the keys of a
// rule are in one record, the names of files in others.
type events struct {
	text  string
	found map[string]*event // by time and serial number
}

type event struct {
	hit  bool
	keys []string
}

// add takes one record: audit(1364481363.243:24287): arch=c000003e ... key="k".
func (e *events) add(record string) {
	id, fields, ok := strings.Cut(strings.TrimPrefix(record, "audit("), "): ")
	if !ok || !strings.HasPrefix(record, "audit(") {
		return
	}
	hit, keys := e.names(fields), keysIn(fields)
	if !hit && len(keys) == 0 {
		return
	}
	if e.found == nil {
		e.found = map[string]*event{}
	}
	if e.found[id] == nil {
		e.found[id] = &event{}
	}
	e.found[id].hit = e.found[id].hit || hit
	e.found[id].keys = append(e.found[id].keys, keys...)
}

// names reports whether the text is in a record, as it is or in hex digits: so
// the kernel writes what has blanks or control characters in it, such as the
// command line (audit_log_n_untrustedstring of kernel/audit.c).
func (e *events) names(fields string) bool {
	return strings.Contains(fields, e.text) ||
		strings.Contains(fields, strings.ToUpper(hex.EncodeToString([]byte(e.text))))
}

// keys are those of all events with the text.
func (e *events) keys() []string {
	var out []string
	for _, ev := range e.found {
		if ev.hit {
			out = append(out, ev.keys...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// keysIn are the keys in a record. Several, which \x01 separates, come in hex
// digits (AUDIT_KEY_SEPARATOR of linux/audit.h).
func keysIn(fields string) []string {
	for f := range strings.FieldsSeq(fields) {
		v, ok := strings.CutPrefix(f, "key=")
		if !ok || v == "(null)" || v == "" {
			continue
		}
		if q, quoted := strings.CutPrefix(v, `"`); quoted {
			return []string{strings.TrimSuffix(q, `"`)}
		}
		if b, err := hex.DecodeString(v); err == nil {
			return strings.Split(string(b), "\x01")
		}
	}
	return nil
}
