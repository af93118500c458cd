package daemonjson

import (
	"bytes"
	"regexp"
	"sync"

	"github.com/tailscale/hujson"
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
	r := redactor{names: secretName(), urls: userinfo(), pairs: secretPair()}
	r.value(&d.root, false)
	r.comments(&d.root)
	return append(bytes.Clone(d.bom), d.root.Pack()...)
}

// Compiled when first asked for: a snapshot asks for each word in it.
var (
	secretName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)passw|passphrase|token|secret|credential|^auths?$|auth-?key|api-?key|access-?key|private-?key`)
	})
	userinfo = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?is)//.*@|^[^/\s@]+:[^/\s@]+@`)
	})
	secretPair = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(passw|passphrase|token|secret|credential|api-?key|access-?key|private-?key)[^=\s]*=.`)
	})
)

type redactor struct{ names, urls, pairs *regexp.Regexp }

// value replaces secrets below v; all says that everything below is secret.
func (r redactor) value(v *hujson.Value, all bool) {
	switch t := v.Value.(type) {
	case *hujson.Object:
		for i := range t.Members {
			m := &t.Members[i]
			name := nameOf(*m)
			if r.secret(name) {
				m.Name.Value = hujson.String(Redacted)
			}
			r.value(&m.Value, all || r.names.MatchString(name))
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
		if all && (isString || t.Kind() == '0') || isString && r.secret(text) {
			v.Value = hujson.String(Redacted)
		}
	}
}

func (r redactor) secret(s string) bool { return r.urls.MatchString(s) || r.pairs.MatchString(s) }

// comments takes every comment out: they may hold what was commented out.
func (r redactor) comments(v *hujson.Value) {
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
