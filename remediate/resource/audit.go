package resource

// Audit is what decides which events the kernel records (auditctl(8)).
type Audit struct {
	// Kernel is what the kernel holds. It is unknown without root, when the
	// kernel was booted with audit=0, and in a container.
	Kernel Fact[AuditKernel] `json:"kernel"`
	// Files are the files of /etc/audit/rules.d that augenrules(8) merges, in
	// its order (ls -v).
	Files []File `json:"files"`
	// Own is bulwark's own file among them, absent or not; Tmpfiles and
	// Journald are what it needs besides (tmpfiles.d(5), journald.conf(5)).
	Own      File `json:"own"`
	Tmpfiles File `json:"tmpfiles"`
	Journald File `json:"journald"`
	// Compiled is /etc/audit/audit.rules, what augenrules made of Files.
	Compiled File `json:"compiled"`
	// Auditctl and Augenrules are the paths of the programs; "" if missing.
	Auditctl   string `json:"auditctl,omitempty"`
	Augenrules string `json:"augenrules,omitempty"`
	// Version is that of auditctl, e.g. "3.0.9".
	Version string `json:"version,omitempty"`
	// Journal are the settings that decide what systemd-journald does with
	// auditing when it starts (Audit= in journald.conf(5)), in the order in
	// which they are read: the last one holds.
	Journal []AuditSetting `json:"journal,omitempty"`
	// Unit is auditd.service.
	Unit Fact[Unit] `json:"unit"`
	// Awk is what runs the script augenrules: "mawk", "gawk", ...; "" if not
	// known. They differ in which lines they take for options.
	Awk string `json:"awk,omitempty"`
	// Installer is the package manager: "apt-get", "dnf" or "".
	Installer string `json:"installer,omitempty"`
	// Paths says what lies at each path that rules may watch.
	Paths map[string]AuditPath `json:"paths,omitempty"`
}

// An AuditSetting is one Audit= of journald.conf(5).
type AuditSetting struct {
	Value  string `json:"value"`  // "yes", "no"; "" leaves auditing as it is
	Origin string `json:"origin"` // file and line
	// Default says that it is no setting but a comment that tells what systemd
	// was built with.
	Default bool `json:"default,omitempty"`
}

// AuditKernel is the kernel's audit status and its rules.
type AuditKernel struct {
	// Enabled is 0 (nothing is recorded), 1, or 2: rules and status are
	// locked until the next boot.
	Enabled uint32 `json:"enabled"`
	// Failure is what happens to an event that cannot be recorded: 0 nothing,
	// 1 printk, 2 panic.
	Failure         uint32 `json:"failure"`
	PID             uint32 `json:"pid,omitempty"` // of auditd; 0 if none
	RateLimit       uint32 `json:"rate_limit"`
	BacklogLimit    uint32 `json:"backlog_limit"`
	BacklogWaitTime uint32 `json:"backlog_wait_time"`
	Lost            uint32 `json:"lost"`
	// Rules are all rules, in the kernel's order: the first match decides.
	Rules []AuditRule `json:"rules"`
}

// Values of AuditKernel.Enabled.
const (
	AuditOff    = 0
	AuditOn     = 1
	AuditLocked = 2
)

// An AuditRule is one rule of the kernel's.
type AuditRule struct {
	// Wire is struct audit_rule_data (linux/audit.h) in this machine's byte
	// order, as the kernel lists it. Rules are compared by it: auditctl prints
	// different rules alike.
	Wire []byte `json:"wire"`
	// Text is the rule as auditctl -l would print it, for people.
	Text string `json:"text"`
}

// An AuditPath is what lies at one path.
type AuditPath struct {
	// Real is the path with all links followed; "" if nothing is there.
	Real string   `json:"real,omitempty"`
	Type FileType `json:"type"` // of Real
	// Link says that the path itself is a link, not only a directory on the way
	// to it: a watch on it does not see what is written through it.
	Link bool `json:"link,omitempty"`
	// Parent says that the directory of the path exists; without it the kernel
	// refuses the rule.
	Parent bool `json:"parent"`
}

// An Install is what the step "packages" gets.
type Install struct {
	Installer string   `json:"installer"` // "apt-get" or "dnf"
	Packages  []string `json:"packages"`
}
