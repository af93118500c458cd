// Package auditrules knows audit rules as text, as auditctl(8) and augenrules(8)
// read it, and as the bytes that the kernel keeps. It is pure: it neither asks
// the kernel nor looks at the file system of the machine that it runs on.
package auditrules

import (
	"fmt"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// Files that decide about audit rules, and bulwark's own among them.
const (
	RulesDir     = "/etc/audit/rules.d"
	OwnFile      = RulesDir + "/60-bulwark.rules"
	CompiledFile = "/etc/audit/audit.rules"
	TmpfilesFile = "/etc/tmpfiles.d/bulwark-audit.conf"
	JournaldFile = "/etc/systemd/journald.conf.d/60-bulwark-audit.conf"
)

// KeyPrefix begins the key of each of bulwark's own rules that has one.
const KeyPrefix = "bulwark-"

// At says what lies at a path of the host, false if that is not known.
type At func(path string) (resource.AuditPath, bool)

// A Rule is one rule line.
type Rule struct {
	Text string `json:"text"` // the line, without blanks around it
	// Wire is struct audit_rule_data (linux/audit.h) in this machine's byte
	// order, as the kernel lists the rule once auditctl has loaded it.
	Wire []byte `json:"wire"`
	// Keys are the rule's keys; at most one, for Parse refuses several.
	Keys []string `json:"keys,omitempty"`
	// Path is what the rule watches (path=, dir= or -w), without slashes at
	// its end, or "". Dir says that all below it is watched too.
	Path string `json:"path,omitempty"`
	Dir  bool   `json:"dir,omitempty"`
	Exe  string `json:"exe,omitempty"` // of exe=, not of exe!=
	// List is "exit", "task", "user" or "exclude"; Action "always" or "never".
	List     string    `json:"list"`
	Action   string    `json:"action"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// Kernel is the rule as the kernel lists it.
func (r Rule) Kernel() resource.AuditRule {
	return resource.AuditRule{Wire: r.Wire, Text: Text(r.Wire)}
}

// A WarningKind tells warnings apart.
type WarningKind string

// Kinds of warnings: what auditctl takes and does not do what it seems to.
const (
	// NoArch: syscalls by name without arch= match other calls of programs of
	// the other word size (32 or 64 bits).
	NoArch WarningKind = "no-arch"
	// Link: the path is a symbolic link; what is written through it is not seen.
	Link WarningKind = "link"
	// Wildcard: * and ? are literal.
	Wildcard WarningKind = "wildcard"
	// ByVersion: auditctl before 3.1.3 and after loads different rules for
	// this line: arch= with perm= and without -S. Wire is what the older loads.
	ByVersion WarningKind = "by-version"
)

// A Warning is something about a valid rule that its author should know.
type Warning struct {
	Kind WarningKind `json:"kind"`
	Text string      `json:"text"`
}

// A MissingError says that the kernel would refuse the rule (ENOENT) because of
// what is not there; auditctl -R then loads none of the lines that follow.
type MissingError struct {
	Path    string // that the rule names
	Missing string // that must exist: a parent, or for dir= the path itself
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("cannot watch %s: %s does not exist, and the kernel refuses such a rule", e.Path, e.Missing)
}

// An UnsupportedError says that auditctl may load the rule, but that bulwark
// cannot tell what the kernel will hold then.
type UnsupportedError struct {
	What string
	Hint string // what to write instead; it may be ""
}

func (e *UnsupportedError) Error() string {
	return "cannot compare this rule with the kernel's: " + e.What
}
