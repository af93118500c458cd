// Package audit is the kind that has the kernel record what is done to Docker's
// files, to its sockets and out of its containers. It is pure but for Observe.
package audit

// Controls of the section: the section as a whole, one for each group of rules,
// the policy's own rules, and the lock.
const (
	control          = "audit"
	controlRules     = "audit-rules"
	controlImmutable = "audit-immutable"
)

// Names of the groups, as policies write them. The control of a group is
// control-GROUP, the key of its rules auditrules.KeyPrefix and GROUP.
const (
	dockerFiles     = "docker-files"
	dockerSocket    = "docker-socket"
	containerEscape = "container-escape"
	identity        = "identity"
)

// groupOrder is the order in which their rules are loaded, whatever the order
// of the policy is: the same policy in other words changes nothing.
var groupOrder = []string{dockerFiles, dockerSocket, containerEscape, identity}

// Want is the policy's section in this kind's words.
type Want struct {
	Groups []string
	Rules  []Rule
	// Install says that auditd is to be installed if it is missing.
	Install bool
	// Immutable says that the rules are locked (auditctl -e 2) at each boot.
	Immutable bool
}

// A Rule is one of the policy's own, as auditctl(8) takes it.
type Rule struct {
	Text   string
	Source string // where the policy says so: "site.yaml:12"
	Key    string // the same in the policy's terms: "audit.rules[0]"
}

// Kind implements kinds.Kind but for the policy.
type Kind struct {
	// DaemonJSON is the path of dockerd's file.
	DaemonJSON string
}

// Name is the kind's name in changes.
func (Kind) Name() string { return control }
