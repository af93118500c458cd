package plans

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A spec is the part of JSON Schema that schema.json uses. A keyword that it
// lacks is refused when schema.json is read, so that the loader can never
// ignore a rule that editors enforce.
type spec struct {
	Schema      string           `json:"$schema"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Defs        map[string]*spec `json:"$defs"`
	Ref         string           `json:"$ref"`

	Type  oneOrMore       `json:"type"`
	Enum  []any           `json:"enum"`
	Const json.RawMessage `json:"const"`
	AnyOf []*spec         `json:"anyOf"`
	Not   *spec           `json:"not"`

	Properties           map[string]*spec `json:"properties"`
	AdditionalProperties *additional      `json:"additionalProperties"`
	Required             []string         `json:"required"`
	MinProperties        int              `json:"minProperties"`
	MaxProperties        int              `json:"maxProperties"`

	Items       *spec `json:"items"`
	MinItems    int   `json:"minItems"`
	UniqueItems bool  `json:"uniqueItems"`

	Pattern   *pattern     `json:"pattern"`
	Format    string       `json:"format"`
	MinLength int          `json:"minLength"`
	MaxLength int          `json:"maxLength"`
	Minimum   *json.Number `json:"minimum"`
	Maximum   *json.Number `json:"maximum"`

	Default  json.RawMessage `json:"default"`
	Expected string          `json:"x-expected"` // what a message says was expected
	Hint     string          `json:"x-hint"`
}

// UnmarshalJSON refuses keywords that spec lacks.
func (s *spec) UnmarshalJSON(b []byte) error {
	type plain spec
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	return dec.Decode((*plain)(s))
}

// deref follows $ref, which is always #/$defs/NAME. Keywords beside $ref only
// annotate, but for default.
func (s *spec) deref() *spec {
	for s.Ref != "" {
		s = schema().Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	return s
}

// refused reports whether s is a key that may never be written.
func (s *spec) refused() bool { return s.Not != nil && s.Not.anything() }

// anything reports whether s is the schema {} that every value fits.
func (s *spec) anything() bool {
	return len(s.Type)+len(s.Enum)+len(s.AnyOf)+len(s.Const) == 0 && s.Ref == "" && s.Not == nil
}

// oneOrMore is a list that may be written as a single string.
type oneOrMore []kind

// UnmarshalJSON takes a string or a list of strings.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var one kind
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(b, (*[]kind)(o))
}

// additional is true, false or a schema for keys without one of their own.
type additional struct {
	forbidden bool
	spec      *spec
}

// UnmarshalJSON takes false or a schema.
func (a *additional) UnmarshalJSON(b []byte) error {
	if string(b) == "false" {
		a.forbidden = true
		return nil
	}
	return json.Unmarshal(b, &a.spec)
}

// pattern is a regular expression that RE2 and ECMA-262 read alike.
type pattern struct{ *regexp.Regexp }

// UnmarshalJSON compiles the expression.
func (p *pattern) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return errors.New("cannot compile pattern " + s)
	}
	p.Regexp = re
	return nil
}

// want says in words what fits s, with the article.
func (s *spec) want() string {
	switch {
	case s.Expected != "":
		return s.Expected
	case len(s.Enum) > 0:
		return oneOf(s.Enum)
	case len(s.Const) > 0:
		return strings.Trim(string(s.Const), `"`)
	case len(s.Type) > 0:
		return s.wantType()
	}
	return "a value"
}

func (s *spec) wantType() string {
	words := map[kind]string{
		object: "a map", array: "a list", text: "a text", number: "a number",
		integer: "a whole number", boolean: "true or false", null: "null",
	}
	w := words[s.Type[0]]
	if s.Type[0] == text && s.MaxLength > 0 {
		w = fmt.Sprintf("a text of at most %d characters", s.MaxLength)
	} else if s.Type[0] == text && s.MinLength > 0 {
		w = "a text that is not empty"
	}
	if s.Minimum != nil {
		w += " from " + s.Minimum.String()
	}
	if s.Maximum != nil {
		w += " to " + s.Maximum.String()
	}
	for _, k := range s.Type[1:] {
		w += " or " + words[k]
	}
	return w
}

func oneOf(values []any) string {
	var words []string
	for _, v := range values {
		if v == nil {
			v = "null"
		}
		words = append(words, fmt.Sprint(v))
	}
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
