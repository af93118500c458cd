package resource

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// ApplyLines returns content with the lines of e.Remove taken out and those
// of e.Add appended; every other byte stays as it is.
//
// Each entry of Remove stands for one line: the file must hold a line exactly
// as often as Remove names it, else ApplyLines fails and somebody has edited
// the file. A line matches with or without a final carriage return. A line of
// Add that the file already has is not added again. Added lines end in a bare
// newline also in a file with CRLF, since the C library counts a carriage
// return in passwd(5), group(5) or subuid(5) as part of the last field.
func ApplyLines(content []byte, e LineEdit) ([]byte, error) {
	if err := checkLines(e); err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	for want, n := range tally(e.Remove) {
		if got := count(lines, want); got != n {
			return nil, fmt.Errorf("cannot remove line %q: the file has it %d times, not %d", want, got, n)
		}
	}
	kept := slices.DeleteFunc(lines, func(l []byte) bool {
		return len(l) > 0 && slices.ContainsFunc(e.Remove, func(want string) bool { return isLine(l, want) })
	})
	return appendLines(bytes.Join(kept, nil), e.Add), nil
}

// checkLines refuses what would silently become more or fewer lines.
func checkLines(e LineEdit) error {
	for _, l := range slices.Concat(e.Remove, e.Add) {
		if l == "" || strings.ContainsAny(l, "\n\r\x00") {
			return fmt.Errorf("cannot edit line %q: it is empty or holds a control character", l)
		}
	}
	return nil
}

func tally(lines []string) map[string]int {
	n := map[string]int{}
	for _, l := range lines {
		n[l]++
	}
	return n
}

func count(lines [][]byte, want string) int {
	n := 0
	for _, l := range lines {
		if isLine(l, want) {
			n++
		}
	}
	return n
}

func isLine(raw []byte, want string) bool {
	l := strings.TrimSuffix(string(raw), "\n")
	return l == want || l == want+"\r"
}

func appendLines(content []byte, add []string) []byte {
	have := map[string]bool{}
	for l := range bytes.SplitSeq(content, []byte("\n")) {
		have[string(l)] = true
	}
	for _, l := range add {
		if have[l] {
			continue
		}
		have[l] = true
		if n := len(content); n > 0 && content[n-1] != '\n' {
			content = append(content, '\n')
		}
		content = append(append(content, l...), '\n')
	}
	return content
}
