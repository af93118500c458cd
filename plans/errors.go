package plans

import (
	"fmt"
	"slices"
	"strings"
)

// An Error is one fault in a policy, at its place.
type Error struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 when the whole file is meant
	Column int    `json:"column,omitempty"` // from 1
	// Key is the path to the value: "egress.allow[2].ports[0]".
	Key  string `json:"key,omitempty"`
	Want string `json:"want"`
	Got  string `json:"got"`
	// Hint is what to do about it, one or more lines.
	Hint string `json:"hint,omitempty"`

	cause error
}

// Error returns FILE:LINE: KEY: expected WANT, got GOT, and each hint on a
// line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	fmt.Fprintf(&b, ": expected %s, got %s", e.Want, e.Got)
	if e.Hint != "" {
		for line := range strings.SplitSeq(e.Hint, "\n") {
			b.WriteString("\n  hint: " + line)
		}
	}
	return b.String()
}

// Unwrap returns the cause: that of a file which cannot be read.
func (e *Error) Unwrap() error { return e.cause }

// Errors are all faults found, in the order of the files.
type Errors []*Error

// Error joins the messages, one after the other.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single faults.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, err := range e {
		errs[i] = err
	}
	return errs
}

// maxErrors bounds what a hostile file of a megabyte can make the loader
// compute and print.
const maxErrors = 100

// add appends err unless there are too many already.
func (e *Errors) add(err *Error) {
	if len(*e) < maxErrors {
		*e = append(*e, err)
	}
}

func (e Errors) full() bool { return len(e) >= maxErrors }

// sorted orders faults by place; faults of one file stay together.
func (e Errors) sorted() Errors {
	files := map[string]int{}
	for _, err := range e {
		if _, ok := files[err.File]; !ok {
			files[err.File] = len(files)
		}
	}
	slices.SortStableFunc(e, func(a, b *Error) int {
		if a.File != b.File {
			return files[a.File] - files[b.File]
		}
		return a.Line - b.Line
	})
	return e
}
