package auditrules

import (
	"errors"
	"fmt"
	"strings"
)

// maxLine is the length from which auditctl -R cuts a line in two (LINE_SIZE in
// its auditctl.c, less newline and NUL).
const maxLine = 6142

// words splits a line as auditctl -R does (fileopt in audit-userspace,
// src/auditctl.c): at spaces alone, without quoting. A backslash before a space
// or another backslash keeps that in the word.
func words(line string) ([]string, error) {
	if err := readable(line); err != nil {
		return nil, err
	}
	var out []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\\'):
			if len(out) == 0 {
				return nil, errors.New("cannot read the line: auditctl knows no escaped blanks in its first word")
			}
			i++
			c = line[i]
		case c == '\\' && i+1 < len(line): // also ends the look for an escape
			word.WriteByte(c)
			i++
			c = line[i]
		case c == ' ':
			if begun {
				out = append(out, word.String())
				word.Reset()
			}
			begun = false
			continue
		}
		begun = true
		word.WriteByte(c)
	}
	if begun {
		out = append(out, word.String())
	}
	return out, nil
}

func readable(line string) error {
	if len(line) > maxLine {
		return fmt.Errorf("cannot read the line: it has %d bytes, and auditctl cuts lines of more than %d", len(line), maxLine)
	}
	for i := range len(line) {
		switch c := line[i]; {
		case c == '\t':
			return errors.New("cannot read the line: it has a tab, and auditctl parts words at spaces only")
		case c == '\r':
			return errors.New("cannot read the line: it has a carriage return, which auditctl takes for a part of the word")
		case c < ' ' || c == 0x7f:
			return fmt.Errorf("cannot read the line: it has the control character 0x%02x", c)
		}
	}
	return nil
}

// An option is one option of a line with its value, as getopt(3) finds it.
type option struct {
	flag  string // "-w"
	value string
}

// Options of one letter that take a value and that take none (setopt in
// src/auditctl.c).
const (
	valued = "CefrbaAdSFmRwWkpq"
	bare   = "hicslDvt"
)

// long are the long options, and whether they take a value.
var long = map[string]bool{
	"--help": false, "--loginuid-immutable": false, "--backlog_wait_time": true,
	"--reset-lost": false, "--reset_backlog_wait_time_actual": false, "--signal": true,
}

// options reads words as getopt_long(3) does.
func options(words []string) ([]option, error) {
	var out []option
	for i := 0; i < len(words); i++ {
		found, wants, err := optionsIn(words[i])
		if err != nil {
			return nil, err
		}
		if wants {
			if i++; i == len(words) {
				return nil, fmt.Errorf("cannot read the line: %s has no value", found[len(found)-1].flag)
			}
			found[len(found)-1].value = words[i]
		}
		out = append(out, found...)
	}
	return out, nil
}

// optionsIn reads one word; wants says that the value of its last option is the
// next word.
func optionsIn(word string) (found []option, wants bool, err error) {
	switch {
	case strings.HasPrefix(word, "--") && len(word) > 2:
		o, wants, err := longOption(word)
		return []option{o}, wants, err
	case len(word) < 2 || word[0] != '-' || word == "--":
		return nil, false, fmt.Errorf("cannot read the line: %q stands there without an option", word)
	}
	for i := 1; i < len(word); i++ {
		o := option{flag: "-" + word[i:i+1]}
		switch {
		case strings.IndexByte(valued, word[i]) >= 0:
			o.value = word[i+1:]
			return append(found, o), o.value == "", nil
		case strings.IndexByte(bare, word[i]) < 0:
			return nil, false, fmt.Errorf("cannot read the line: auditctl has no option -%c", word[i])
		}
		found = append(found, o)
	}
	return found, false, nil
}

func longOption(word string) (option, bool, error) {
	name, value, given := strings.Cut(word, "=")
	takes, ok := long[name]
	switch {
	case !ok:
		return option{}, false, fmt.Errorf("cannot read the line: auditctl has no option %s", name)
	case given && !takes:
		return option{}, false, fmt.Errorf("cannot read the line: %s takes no value", name)
	}
	return option{name, value}, takes && !given, nil
}
