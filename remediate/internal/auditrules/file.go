package auditrules

import "github.com/bulwark-project/bulwark/remediate/resource"

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
	// Flag and Value are those of a Control line: "-b" and "8192",
	// "--backlog_wait_time" and "60000", "-D" and "".
	Flag, Value string
}

// ParseFile reads a file of rules.d or audit.rules.
func ParseFile(f resource.File, at At) []Line { panic("not written yet") }

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

// Paths are the paths that the rules of files name, sorted, each once: what At
// will be asked.
func Paths(files []resource.File) []string { panic("not written yet") }

// A Script is how the host's augenrules(8) and its awk read lines.
type Script struct {
	// Blanks: \s of the script's patterns means blanks, as in gawk. In mawk it
	// means the letter s, so that indented options stay where they are.
	Blanks bool `json:"blanks"`
	// Returns: carriage returns at the end of lines are dropped (since 4.0).
	Returns bool `json:"returns"`
}

// ScriptFor is the script of an auditctl of this version ("3.0.9") that runs
// this awk ("mawk", "gawk", "" if not known).
func ScriptFor(version, awk string) Script { panic("not written yet") }

// Order returns those of the names that augenrules reads (*.rules) in its order,
// that of ls -v in the C locale.
func Order(names []string) []string { panic("not written yet") }

// Compile returns the bytes that augenrules writes to audit.rules for the files
// of rules.d, which may be in any order.
func Compile(files []resource.File, s Script) []byte { panic("not written yet") }
