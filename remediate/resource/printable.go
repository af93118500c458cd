package resource

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable replaces what a terminal would obey, or what would show the rest of
// a line in another order: a name in somebody's snapshot must not move the
// cursor over what a warning says. Newlines are replaced too.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && commands(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func commands(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// PrintableJSON escapes what a terminal would obey and encoding/json leaves as
// it is; the value stays the same, for such a character can be in a string only.
func PrintableJSON(b []byte) []byte {
	if bytes.IndexFunc(b, raw) < 0 {
		return b
	}
	var out []byte
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if raw(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// raw leaves the newlines that indent a document.
func raw(r rune) bool { return r != '\n' && commands(r) }
