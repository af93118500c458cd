package daemonjson

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tailscale/hujson"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Redacted is what stands in place of a secret.
const Redacted = "<redacted>"

// Redact returns the same bytes with every value replaced that may be a
// secret: values of keys named like password, token, secret, credential or
// auth (splunk-token), URLs with a user in them (proxies), and strings such as
// "token=..." in lists. It is made for diffs. Bytes that cannot be parsed
// cannot be judged: of them it returns nothing.
func Redact(content []byte) []byte {
	d, e := open(content)
	if e != nil {
		return nil
	}
	if d.blank() {
		return bytes.Clone(content)
	}
	v, e := parseValue(d.body)
	if e != nil {
		return nil
	}
	d.root = v
	var r redactor
	r.value(&d.root, false)
	r.comments(&d.root)
	return append(bytes.Clone(d.bom), d.root.Pack()...)
}

// replaced are the strings that Redact replaces.
func replaced(content []byte) []string {
	d, e := open(content)
	if e != nil || d.blank() {
		return nil
	}
	v, e := parseValue(d.body)
	if e != nil {
		return nil
	}
	var r redactor
	r.value(&v, false)
	return r.found
}

// Secrets returns the strings that Redact replaces, and the passwords in them,
// longest first: to be looked for where somebody quotes the file. Short ones
// are left out, for they are found in anything.
func Secrets(content []byte) []string {
	const short = 4
	var found []string
	for _, s := range replaced(content) {
		found = append(found, s)
		if m := password().FindStringSubmatch(s); m != nil {
			found = append(found, m[1])
		}
		if _, value, ok := strings.Cut(s, "="); ok && resource.IsSecretPair(s) {
			found = append(found, value)
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return len(s) < short })
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(found)
}

// password finds the one in user:password@host.
var password = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)^(?:[^/]*//)?[^:/@]*:(.+)@`) })

type redactor struct {
	// found are the strings that were replaced.
	found []string
}

// value replaces secrets below v; all says that everything below is secret.
func (r *redactor) value(v *hujson.Value, all bool) {
	switch t := v.Value.(type) {
	case *hujson.Object:
		for i := range t.Members {
			m := &t.Members[i]
			name := nameOf(*m)
			if resource.LooksSecret(name) {
				r.found = append(r.found, name)
				m.Name.Value = hujson.String(Redacted)
			}
			r.value(&m.Value, all || resource.NamesSecret(name))
		}
	case *hujson.Array:
		for i := range t.Elements {
			r.value(&t.Elements[i], all)
		}
	case hujson.Literal:
		text := t.String()
		isString := t.Kind() == '"'
		if text == Redacted || text == "" || t.Kind() == 'n' {
			return
		}
		if all && (isString || t.Kind() == '0') || isString && resource.LooksSecret(text) {
			r.found = append(r.found, text)
			v.Value = hujson.String(Redacted)
		}
	}
}

// comments takes every comment out: they may hold what was commented out.
func (r *redactor) comments(v *hujson.Value) {
	for part := range v.All() {
		part.BeforeExtra = plain(part.BeforeExtra)
		part.AfterExtra = plain(part.AfterExtra)
		switch t := part.Value.(type) {
		case *hujson.Object:
			t.AfterExtra = plain(t.AfterExtra)
		case *hujson.Array:
			t.AfterExtra = plain(t.AfterExtra)
		}
	}
}

func plain(e hujson.Extra) hujson.Extra {
	if bytes.IndexByte(e, '/') < 0 {
		return e
	}
	return hujson.Extra("/* " + Redacted + " */")
}
