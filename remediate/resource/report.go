package resource

// ReportFormat is the version of the JSON form of a Report.
const ReportFormat = 1

// A Verdict is what check says of a control, or of one object.
type Verdict string

// Every control has one of these; nothing is ever skipped.
const (
	Holds    Verdict = "ok"
	Fails    Verdict = "fail"
	Unjudged Verdict = "unknown" // the evidence could not be read
	ByHand   Verdict = "manual"  // a person must judge; the evidence is given
	NoObject Verdict = "none"    // there is nothing on this host that it could be about
)

// Severity says how bad it is when a control does not hold.
type Severity string

// Severities, in rising order.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Severities are all of them, in rising order.
func Severities() []Severity { return []Severity{Low, Medium, High, Critical} }

// Rank is the place in Severities; -1 for a word that is none.
func (s Severity) Rank() int {
	for i, x := range Severities() {
		if x == s {
			return i
		}
	}
	return -1
}

// A Report is what check found.
type Report struct {
	Format  int    `json:"format"`
	Tool    string `json:"tool"`
	Root    string `json:"root"`
	HostID  string `json:"host_id,omitempty"`
	Engine  string `json:"engine,omitempty"` // version of the running daemon
	TakenNS int64  `json:"taken_ns"`         // when the host was read, nanoseconds since the epoch
	// Policy is nil if no policy was asked for.
	Policy   *PolicyRef      `json:"policy,omitempty"`
	Controls []ControlReport `json:"controls"`
	Areas    []Area          `json:"areas"`
	Unread   []UnreadFact    `json:"unread"`
	// Worst is the highest severity of what fails; "" if nothing does.
	Worst Severity `json:"worst,omitempty"`
	// AgainstNS is when the older report was taken that this one was compared
	// with; 0 without one.
	AgainstNS int64 `json:"against_ns,omitempty"`
	// Fixed are findings of that report that are none any more.
	Fixed []FixedFinding `json:"fixed,omitempty"`
}

// A FixedFinding is a finding of an older report of which now is known that
// its object is in order, or gone.
type FixedFinding struct {
	Control string `json:"control"`
	Finding `json:"finding"`
}

// A ControlReport is one control on one host.
type ControlReport struct {
	ID       string   `json:"id"` // own slug
	Title    string   `json:"title"`
	Severity Severity `json:"severity"`
	// Level is 1 for what every host should have, 2 for what costs something.
	Level int `json:"level"`
	// OWASP are the areas D01 to D10 of the Docker Top 10, the chief one first.
	OWASP []string `json:"owasp"`
	// CIS maps a version of the CIS Docker Benchmark to the numbers there.
	CIS     map[string][]string `json:"cis,omitempty"`
	Verdict Verdict             `json:"verdict"`
	// Reason says why, for every verdict but ok and fail.
	Reason string `json:"reason,omitempty"`
	Why    string `json:"why"`
	Remedy string `json:"remedy"`
	// Judged counts the objects that were judged, Failed and Waived those of
	// them that do not hold.
	Judged int `json:"judged"`
	Failed int `json:"failed"`
	Waived int `json:"waived,omitempty"`
	// Findings are the objects that do not hold, or could not be judged.
	Findings []Finding `json:"findings,omitempty"`
	// Evidence is what a person needs to judge by hand.
	Evidence []string `json:"evidence,omitempty"`
}

// Kinds of object that a finding is about.
const (
	HostObject      = "host"
	DaemonObject    = "daemon"
	ContainerObject = "container"
	ImageObject     = "image"
	NetworkObject   = "network"
	FileObject      = "file"
	SocketObject    = "socket"
	PackageObject   = "package"
	SwarmObject     = "swarm"
	WaiverObject    = "waiver"
)

// What Since of a finding says.
const (
	SinceNew  = "new"  // the older report does not have it
	SinceSame = "same" // it has it, with the same verdict
)

// A Finding is one object that a control does not hold for.
type Finding struct {
	Kind     string  `json:"kind"` // container, image, file, ...
	Object   string  `json:"object"`
	Verdict  Verdict `json:"verdict"`
	Observed string  `json:"observed"`
	Expected string  `json:"expected,omitempty"`
	// Remedy is the exact change for this object, if there is one.
	Remedy string `json:"remedy,omitempty"`
	// Waiver is why and until when the finding is accepted; it then does not
	// count as a failure.
	Waiver *WaiverNote `json:"waiver,omitempty"`
	// Since is "new" or "same" against an older report, "" without one.
	Since string `json:"since,omitempty"`
}

// A WaiverNote is the part of a policy's waiver that a report repeats.
type WaiverNote struct {
	Reason  string `json:"reason"`
	Expires string `json:"expires"` // YYYY-MM-DD, the last day
	Owner   string `json:"owner,omitempty"`
}

// An Area is one of D01 to D10, with all that counts for it.
type Area struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Score is 0 to 100: how much of what was judged holds, weighted by
	// severity; -1 if nothing was judged. Each control counts as much as the
	// part of its objects for which it holds.
	Score    int `json:"score"`
	Controls int `json:"controls"`
	Failed   int `json:"failed"`  // controls
	Unknown  int `json:"unknown"` // controls
	Objects  int `json:"objects"` // judged, over all controls
	Bad      int `json:"bad"`     // of them, those that do not hold
}
