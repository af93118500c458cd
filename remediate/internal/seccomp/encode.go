package seccomp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Encode writes a profile, always the same for the same profile: a rule on each
// line, and long lists of names over several, so that people can read it and the
// difference of two in a plan.
func Encode(p *Profile) []byte {
	head := *p
	head.Syscalls = nil
	top := fieldsOf(&head)
	var b bytes.Buffer
	b.WriteString("{\n")
	for _, key := range []string{"defaultAction", "defaultErrnoRet", "architectures", "flags"} {
		if v, ok := top[key]; ok {
			fmt.Fprintf(&b, "\t%q: %s,\n", key, v)
		}
	}
	if len(p.ArchMap) > 0 {
		b.WriteString("\t\"archMap\": [\n" + lines(p.ArchMap, func(v any) string { return string(compact(v)) }) + "\t],\n")
	}
	b.WriteString("\t\"syscalls\": [\n" + lines(p.Syscalls, func(v any) string { return wrap(string(compact(v))) }) + "\t]\n}\n")
	return b.Bytes()
}

func compact(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("internal error: seccomp profile: " + err.Error()) // plain structs always marshal
	}
	return b
}

func fieldsOf(p *Profile) map[string]json.RawMessage {
	top := map[string]json.RawMessage{}
	if err := json.Unmarshal(compact(p), &top); err != nil {
		panic("internal error: seccomp profile: " + err.Error()) // it was made by Marshal
	}
	return top
}

func lines[T any](all []T, text func(any) string) string {
	var b strings.Builder
	for i, v := range all {
		b.WriteString("\t\t" + text(v))
		if i < len(all)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// wrap breaks a rule between names, where JSON takes any white space.
func wrap(rule string) string {
	const width = 110
	var b strings.Builder
	at := 0
	for i, part := range strings.SplitAfter(rule, ",") {
		if i > 0 && at+len(part) > width && strings.HasPrefix(part, "\"") {
			b.WriteString("\n\t\t\t")
			at = 0
		}
		b.WriteString(part)
		at += len(part)
	}
	return b.String()
}
