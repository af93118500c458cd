package resource

// ProofFormat is the version of the JSON form of a Proof.
const ProofFormat = 1

// Verdicts of a probe besides Holds and Fails.
const (
	// Unable: the probe could not be made, or its positive control did not work,
	// so that a defence that seems to hold proves nothing.
	Unable Verdict = "unable"
	// NotWanted: the policy does not ask for the defence; the probe was not made.
	NotWanted Verdict = "not-wanted"
)

// A Proof is what prove saw.
type Proof struct {
	Format  int        `json:"format"`
	Tool    string     `json:"tool"`
	Engine  string     `json:"engine,omitempty"`
	TakenNS int64      `json:"taken_ns"` // when it began, nanoseconds since the epoch
	TookNS  int64      `json:"took_ns"`
	Policy  *PolicyRef `json:"policy,omitempty"`
	// Targets are the hosts elsewhere that were attacked, ADDRESS:PORT; without, it
	// was one that bulwark made.
	Targets []string  `json:"targets,omitempty"`
	Probes  []Attempt `json:"probes"`
	// Left names what could not be removed: the next run tries again.
	Left []string `json:"left,omitempty"`
}

// An Attempt is one probe on one host.
type Attempt struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	OWASP []string `json:"owasp"`
	// Tries says what was tried, Must what must happen.
	Tries   string  `json:"tries"`
	Must    string  `json:"must"`
	Verdict Verdict `json:"verdict"`
	// Observed is what happened, in a sentence.
	Observed string `json:"observed"`
	// Positive is what the same attempt did with the defence off: that the probe
	// can fail.
	Positive string   `json:"positive,omitempty"`
	Evidence []string `json:"evidence,omitempty"`
	TookNS   int64    `json:"took_ns"`
}
