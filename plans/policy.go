package plans

import "encoding/json"

// A Policy is a desired state, resolved: what it extends is merged in and
// defaults are filled. A section that is nil is not managed.
type Policy struct {
	Version     int    `json:"version"` // of the format; 1
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Extends is what the file names; the rest of the policy has it merged in.
	Extends string `json:"extends,omitempty"`

	Daemon     Daemon      `json:"daemon,omitempty"`
	Userns     *Userns     `json:"userns,omitempty"`
	Egress     *Egress     `json:"egress,omitempty"`
	Seccomp    *Seccomp    `json:"seccomp,omitempty"`
	Audit      *Audit      `json:"audit,omitempty"`
	Limits     *Limits     `json:"limits,omitempty"`
	Patch      *Patch      `json:"patch,omitempty"`
	Contexts   *Contexts   `json:"contexts,omitempty"`
	Secrets    *Secrets    `json:"secrets,omitempty"`
	Images     *Images     `json:"images,omitempty"`
	Immutable  *Immutable  `json:"immutable,omitempty"`
	Logging    *Logging    `json:"logging,omitempty"`
	Management *Management `json:"management,omitempty"`
	Units      *Units      `json:"units,omitempty"`
	Waivers    []Waiver    `json:"waivers,omitempty"`

	// Source is the file that the policy was read from.
	Source string `json:"-"`
	// SHA256 is the hex digest of what the policy asks for. Names,
	// descriptions, comments, order of keys and the split into files do not
	// change it; a default that a new release changes does.
	SHA256 string `json:"-"`

	origins map[string]string
}

// Daemon holds keys of daemon.json as the policy writes them, each as compact
// JSON with sorted keys. The value null says that the key must be absent.
type Daemon map[string]json.RawMessage

// Origin returns the place, FILE:LINE, where the policy or the one that it
// extends states a section ("userns"), daemon key ("daemon.icc") or line of
// the lists "egress.allow[0]" and "audit.rules[0]"; "" if nothing does.
func (p *Policy) Origin(key string) string { return p.origins[key] }

// Userns maps root in a container to an account of no rights on the host.
type Userns struct {
	// Remap is the account whose ranges are used, or Off.
	Remap string `json:"remap"`
	// Size is the number of ids, at least 65536: images use ids up to 65534.
	Size int64 `json:"size"`
	// Start is the first id of the range.
	Start Start `json:"start"`
}

// Off is the account that switches user namespaces off.
const Off = "off"

// Start is the first id of a range; 0 means that a free one is chosen, and is
// written "auto".
type Start uint32

// MarshalJSON writes "auto" or the number.
func (s Start) MarshalJSON() ([]byte, error) {
	if s == 0 {
		return []byte(`"auto"`), nil
	}
	return json.Marshal(uint32(s))
}

// UnmarshalJSON reads "auto" or a number.
func (s *Start) UnmarshalJSON(b []byte) error {
	if string(b) == `"auto"` {
		*s = 0
		return nil
	}
	return json.Unmarshal(b, (*uint32)(s))
}

// A Scope selects containers; all keys that are given must match.
type Scope struct {
	Container string `json:"container,omitempty"` // name, with * as wildcard
	Image     string `json:"image,omitempty"`     // reference, with * as wildcard
	Label     string `json:"label,omitempty"`     // KEY or KEY=VALUE
}

// A Waiver accepts that a control does not hold.
type Waiver struct {
	Control string `json:"control"`
	// Scope is nil for the whole host.
	Scope  *Scope `json:"scope,omitempty"`
	Reason string `json:"reason"`
	// Expires is the last day on which the waiver holds, YYYY-MM-DD.
	Expires string `json:"expires"`
	Owner   string `json:"owner,omitempty"`
}
