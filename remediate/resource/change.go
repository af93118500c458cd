package resource

import "encoding/json"

// Action is what a Change does to its path.
type Action string

// Actions, with the markers that text output gives them: + ~ -.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// A Change is one file that is not as the policy wants it. It is data: the
// transaction carries it out and can take it back.
type Change struct {
	Kind     string   `json:"kind"` // "daemon-json", "subid", ...
	Path     string   `json:"path"`
	Action   Action   `json:"action"`
	Controls []string `json:"controls"`
	// Why has one sentence for each reason, for people.
	Why []string `json:"why,omitempty"`
	// Before is the fingerprint that the change was computed from.
	Before Fingerprint `json:"before"`

	// Content is the whole new content. It is nil when Lines is used.
	Content []byte `json:"-"`
	// Lines edits a line-oriented file whose bytes may not be in the
	// snapshot (shadow) or that others append to (subuid); the bytes are
	// computed from the file itself, under Lock.
	Lines *LineEdit `json:"-"`
	// Old is the content that Diff is shown against; nil for a new file.
	Old []byte `json:"-"`
	// Diff is the unified diff for people, secrets replaced.
	Diff string `json:"diff,omitempty"`
	// Sensitive forbids to show any of the content.
	Sensitive bool `json:"sensitive,omitempty"`
	// Mode, UID and GID are for a file that is created; one that exists
	// keeps its own.
	Mode uint32 `json:"mode,omitempty"`
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	// Lock names a lock of the host that writers of this file honour:
	// "" or LockAccounts.
	Lock string `json:"lock,omitempty"`
}

// An Operation is a change of something that is not a file: rules in the
// kernel. A step of the transaction carries it out and takes it back.
type Operation struct {
	Kind string `json:"kind"` // "egress"
	// Target names what is changed, for people: "iptables (nft)".
	Target   string   `json:"target"`
	Action   Action   `json:"action"`
	Controls []string `json:"controls"`
	Why      []string `json:"why,omitempty"`
	// Old and New are the texts that Diff is made of.
	Old string `json:"-"`
	New string `json:"-"`
	// Diff is the unified diff for people.
	Diff string `json:"diff,omitempty"`
	// Payload is what the step gets; its content is the step's business.
	Payload json.RawMessage `json:"-"`
}

// LockAccounts is shadow-utils' lckpwdf(3) lock on /etc/.pwd.lock.
const LockAccounts = "accounts"

// A LineEdit removes and appends whole lines, without their newline.
type LineEdit struct {
	Remove []string `json:"remove,omitempty"`
	Add    []string `json:"add,omitempty"`
}

// Status is the state of one control on one host.
type Status string

// Every control is one of these; nothing is ever skipped.
const (
	OK       Status = "ok"
	Changing Status = "change"
	Blocked  Status = "blocked" // wanted, but the host or engine refuses it
	Unread   Status = "unknown" // could not be read
	Manual   Status = "manual"  // a person must judge or act
)

// A ControlResult says how one control stands.
type ControlResult struct {
	ID     string `json:"id"`
	Status Status `json:"status"`
	// Reason is required for every status but OK.
	Reason string `json:"reason,omitempty"`
	// Remedy is what the user can do, for Blocked, Unread and Manual.
	Remedy string `json:"remedy,omitempty"`
}

// ServiceAction is what dockerd needs in order to take a change up, in
// rising order: the strongest need of all changes wins.
type ServiceAction int

// No action, SIGHUP, or one restart.
const (
	NoAction ServiceAction = iota
	Reload
	Restart
)

func (a ServiceAction) String() string {
	return [...]string{"none", "reload", "restart"}[a]
}

// MarshalJSON writes the action as its word.
func (a ServiceAction) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// UnmarshalJSON reads the word.
func (a *ServiceAction) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*a = map[string]ServiceAction{"reload": Reload, "restart": Restart}[s]
	return nil
}

// Service is what a kind needs of dockerd.
type Service struct {
	Action ServiceAction `json:"action"`
	// Reasons has a sentence for each key or file that needs it.
	Reasons []string `json:"reasons,omitempty"`
	// StopContainers asks that running containers are stopped before the
	// restart: under live-restore they would keep the old network settings
	// or, with userns-remap, run on without a daemon.
	StopContainers bool `json:"stop_containers,omitempty"`
	// DataRootMoves says that containers, images, volumes and networks go
	// out of sight (userns-remap), so none is expected to run afterwards.
	DataRootMoves bool `json:"data_root_moves,omitempty"`
	// LiveRestoreFirst asks for a reload before the restart, so that
	// live-restore already holds when the daemon stops.
	LiveRestoreFirst bool `json:"live_restore_first,omitempty"`
}

// An Impact is something that the user must know before a yes.
type Impact struct {
	// Level is "note", "warning" or "irreversible"; the last needs
	// --allow-irreversible.
	Level    string   `json:"level"`
	Text     string   `json:"text"`
	Subjects []string `json:"subjects,omitempty"` // names of containers, paths
	// Generic says that the text is about a key as such, not about this host.
	Generic bool `json:"generic,omitempty"`
}

// A Result is what a kind's Diff returns.
type Result struct {
	Controls   []ControlResult
	Changes    []Change
	Operations []Operation
	Service    Service
	Impacts    []Impact
}
