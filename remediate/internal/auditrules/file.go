package auditrules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A LineKind is what a line of a rules file is.
type LineKind string

// Kinds of lines.
const (
	Blank    LineKind = "blank"
	Comment  LineKind = "comment"
	Control  LineKind = "control" // -D, -b, -f, -e and other options that add no rule
	RuleLine LineKind = "rule"    // -a, -A or -w; Rule or Err is set
	BadLine  LineKind = "bad"     // auditctl refuses it; Err is set
)

// A Line is one line of a rules file.
type Line struct {
	Number int // from 1
	Text   string
	Kind   LineKind
	Rule   Rule  // of a RuleLine without Err
	Err    error // names file and line
	// Flag and Value are those of the first option of a Control line: "-b" and
	// "8192", "--backlog_wait_time" and "60000", "-D" and "".
	Flag, Value string
}

// ParseFile reads a file of rules.d or audit.rules. auditctl -R stops at the
// first line that it refuses, unless an -i or -c stands before it.
func ParseFile(f resource.File, at At) []Line {
	var lines []Line
	for text := range strings.Lines(string(f.Content)) {
		l := parseLine(strings.TrimSuffix(text, "\n"), at)
		l.Number = len(lines) + 1
		if l.Err != nil {
			l.Err = fmt.Errorf("%s line %d: %w", f.Path, l.Number, l.Err)
		}
		lines = append(lines, l)
	}
	return lines
}

func parseLine(text string, at At) Line {
	l := Line{Text: text}
	switch trimmed := strings.TrimLeft(text, " "); {
	case trimmed == "":
		l.Kind = Blank
		return l
	case trimmed[0] == '#':
		l.Kind = Comment
		return l
	}
	opts, err := lineOptions(text)
	if err != nil {
		l.Kind, l.Err = BadLine, err
		return l
	}
	if slices.ContainsFunc(opts, func(o option) bool { return o.flag == "-a" || o.flag == "-A" || o.flag == "-w" }) {
		l.Kind = RuleLine
		l.Rule, l.Err = parse(text, opts, at)
		return l
	}
	l.Kind, l.Flag, l.Value = Control, opts[0].flag, opts[0].value
	if err := checkControl(opts); err != nil {
		l.Kind, l.Err = BadLine, err
	}
	return l
}

func lineOptions(text string) ([]option, error) {
	list, err := words(text)
	if err != nil {
		return nil, err
	}
	return options(list)
}

// checkControl refuses what auditctl refuses in a file.
func checkControl(opts []option) error {
	for _, o := range opts {
		switch o.flag {
		case "-e", "-f":
			if !slices.Contains([]string{"0", "1", "2"}, o.value) {
				return fmt.Errorf("cannot read the line: %s takes 0, 1 or 2, not %s", o.flag, o.value)
			}
		case "-b", "-r", "--backlog_wait_time":
			if o.value == "" || !isDigit(o.value[0]) {
				return fmt.Errorf("cannot read the line: %s takes a number, not %s", o.flag, o.value)
			}
		case "-F", "-S", "-C", "-p", "-R", "-m":
			return fmt.Errorf("cannot read the line: %s has no place in it", o.flag)
		}
	}
	if opts[0].flag == "-k" {
		return fmt.Errorf("cannot read the line: -k stands before -a or -w")
	}
	return nil
}

// Rules are the rules of lines that have one.
func Rules(lines []Line) []Rule {
	var rules []Rule
	for _, l := range lines {
		if l.Kind == RuleLine && l.Err == nil {
			rules = append(rules, l.Rule)
		}
	}
	return rules
}

// Unterminated reports whether the last line has no newline: augenrules then
// makes one line of it and the first of the next file.
func Unterminated(f resource.File) bool {
	return len(f.Content) > 0 && f.Content[len(f.Content)-1] != '\n'
}

// Paths are the paths that the rules of files name, without slashes at their
// end, sorted, each once: what At will be asked.
func Paths(files []resource.File) []string {
	var out []string
	for _, f := range files {
		for text := range strings.Lines(string(f.Content)) {
			opts, _ := lineOptions(strings.TrimSuffix(text, "\n"))
			for _, o := range opts {
				out = append(out, pathOf(o)...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func pathOf(o option) []string {
	p := o.value
	if o.flag == "-F" {
		field, op, value := splitFilter(o.value)
		if op != "=" || field != "path" && field != "dir" && field != "exe" {
			return nil
		}
		p = value
	} else if o.flag != "-w" {
		return nil
	}
	if !strings.HasPrefix(p, "/") {
		return nil
	}
	return []string{trimSlashes(p)}
}
