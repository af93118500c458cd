package resource

import "encoding/json"

// A DaemonKey is one key of daemon.json that the policy wants at a value.
type DaemonKey struct {
	Key string `json:"key"` // top-level key as dockerd spells it, e.g. "log-opts"
	// Value is compact JSON; nil means that the key must be absent.
	Value json.RawMessage `json:"value"`
	// Control is the id of the control that the key serves, e.g. "icc".
	Control string `json:"control"`
	// Source is where the policy says so: "baseline.yaml:12".
	Source string `json:"source,omitempty"`
}
